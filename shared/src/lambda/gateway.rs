//! An answer in the shape that the gateway wants.

use std::{convert::Infallible, future::ready};

use lambda_http::{
    Body, Response, TransformResponse,
    request::{RequestContext, RequestOrigin},
};
use serde::Serialize;

/// The answer to a request with this context, as `lambda_http` gives it to Lambda.
///
/// `lambda_http::run` would do the same to a handler's response. It takes no event that is not a request, and
/// warm-ups are none; so what it does last is called by itself here.
pub(super) async fn answer(
    context: Option<&RequestContext>,
    response: Response<Body>,
) -> impl Serialize + use<> {
    let origin = match context {
        Some(RequestContext::ApiGatewayV1(_)) => RequestOrigin::ApiGatewayV1,
        _ => RequestOrigin::ApiGatewayV2,
    };
    // The string stands for what a handler might return. Of responses of all kinds the crate would bring along how it
    // tells text from bytes, with tables of character sets: 0.2 MB.
    let transformed: TransformResponse<'_, String, Infallible> =
        TransformResponse::Response(origin, Box::pin(ready(response)));
    match transformed.await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lambda::{
        deadline::Deadline,
        response::{Payload, success},
    };

    async fn shaped(context: RequestContext, payload: Payload) -> Value {
        let request_id = "r".repeat(36);
        serde_json::to_value(answer(Some(&context), success(payload, None, &request_id)).await).unwrap()
    }

    fn contexts() -> [RequestContext; 2] {
        [RequestContext::ApiGatewayV2(Default::default()), RequestContext::ApiGatewayV1(Default::default())]
    }

    #[tokio::test]
    async fn each_gateway_gets_its_shape() {
        let [http, rest] = contexts();
        let json = || Payload::Json(r#"{"a":1}"#.to_owned());
        let http = shaped(http, json()).await;
        assert_eq!(http["statusCode"], 200);
        assert_eq!(http["body"], r#"{"a":1}"#);
        assert_eq!(http["isBase64Encoded"], false);
        assert_eq!(http["headers"]["content-type"], "application/json");
        let rest = shaped(rest, json()).await;
        // Only here: a REST API merges `headers` with these.
        assert_eq!(rest["multiValueHeaders"]["content-type"], json!(["application/json"]));
        assert_eq!(rest["headers"], json!({}));
    }

    #[tokio::test]
    async fn what_is_gzipped_travels_in_base64() {
        for context in contexts() {
            let answer = shaped(context, Payload::Gzip(vec![0x1F, 0x8B, 0])).await;
            assert_eq!((&answer["isBase64Encoded"], &answer["body"]), (&json!(true), &json!("H4sA")));
        }
    }

    #[tokio::test]
    async fn the_largest_answer_fits_in_lambdas_limit() {
        let deadline = || Deadline::within(std::time::Duration::from_secs(20));
        // Half of it quotes, which travel as two bytes each.
        let largest = "\"a".repeat((6_291_556 - 4_096) / 3);
        for context in contexts() {
            let answer = shaped(context, Payload::new(largest.clone(), false, deadline()).unwrap()).await;
            let length = serde_json::to_vec(&answer).unwrap().len();
            assert!((6_280_000..=6_291_556).contains(&length), "{length}");
        }
        assert!(Payload::new(largest + "\"aa\"", false, deadline()).is_err());
    }
}
