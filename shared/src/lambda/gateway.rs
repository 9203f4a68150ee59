//! Converts responses to API Gateway's JSON formats.

use std::{convert::Infallible, future::ready};

use lambda_http::{Body, Response, TransformResponse, request::RequestOrigin};
use serde::Serialize;

/// The kind of API, which determines the format of events and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// An HTTP API (payload format 2.0).
    Http,
    /// A REST API (payload format 1.0).
    Rest,
}

/// Converts a response to the payload format of the request's gateway.
///
/// `lambda_http::run` does the same, but does not accept warm-ups. This module implements only its last step.
pub(super) async fn answer(gateway: Gateway, response: Response<Body>) -> impl Serialize + use<> {
    let origin = match gateway {
        Gateway::Http => RequestOrigin::ApiGatewayV2,
        Gateway::Rest => RequestOrigin::ApiGatewayV1,
    };
    // `String` is unused. With a generic response type the crate would link its detection of text and bytes, with
    // 0.2 MB of character set tables.
    let transformed: TransformResponse<'_, String, Infallible> =
        TransformResponse::Response(origin, Box::pin(ready(response)));
    match transformed.await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lambda_http::http::HeaderMap;
    use serde_json::{Value, json};

    use super::*;
    use crate::lambda::{
        deadline::Deadline,
        response::{BodyFormat, success},
    };

    async fn converted(gateway: Gateway, body: Body) -> Value {
        let response = Response::builder().header("content-type", "application/json").body(body).unwrap();
        serde_json::to_value(answer(gateway, response).await).unwrap()
    }

    #[tokio::test]
    async fn each_gateway_gets_its_payload_format() {
        let body = r#"{"a":1}"#;
        let http = converted(Gateway::Http, Body::Text(body.to_owned())).await;
        assert_eq!((&http["statusCode"], &http["body"]), (&json!(200), &json!(body)));
        assert_eq!(http["isBase64Encoded"], false);
        assert_eq!(http["headers"]["content-type"], "application/json");
        let rest = converted(Gateway::Rest, Body::Text(body.to_owned())).await;
        // A REST API merges `headers` with these.
        assert_eq!(rest["multiValueHeaders"]["content-type"], json!(["application/json"]));
        assert_eq!(rest["headers"], json!({}));
    }

    #[tokio::test]
    async fn gzip_is_base64_encoded() {
        for gateway in [Gateway::Http, Gateway::Rest] {
            let answer = converted(gateway, Body::Binary(vec![0x1F, 0x8B, 0])).await;
            assert_eq!((&answer["isBase64Encoded"], &answer["body"]), (&json!(true), &json!("H4sA")));
        }
    }

    #[tokio::test]
    async fn the_largest_body_fits_in_the_payload_limit() {
        for gateway in [Gateway::Http, Gateway::Rest] {
            let format =
                BodyFormat::new(gateway, &HeaderMap::new(), Deadline::within(Duration::from_secs(20)));
            let request_id = "r".repeat(36);
            // Half of it is quotes, which take two bytes each in JSON.
            let largest = "\"a".repeat((6_291_556 - 4_096) / 3);
            let response = success(largest.clone().into(), format, &request_id).unwrap();
            let length = serde_json::to_vec(&answer(gateway, response).await).unwrap().len();
            assert!((6_280_000..=6_291_556).contains(&length), "{length}");
            assert!(success((largest + "\"aa\"").into(), format, &request_id).is_err());
        }
    }
}
