//! Answers: JSON or a problem, with the headers that every answer carries, in the shape that the kind of
//! gateway wants.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use lambda_http::{
    Body,
    aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
        },
    },
};
use serde::Serialize;

use crate::{Error, error::CalendlyMember};

/// Lambda's limit for a synchronous answer is 6 MB: 6,291,556 bytes, the JSON around the body included
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). What surrounds a body has
/// about 400 bytes.
const LARGEST_BODY: usize = 6_291_556 - 4_096;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Which gateway asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// HTTP API and Function URL (payload 2.0).
    HttpApi,
    /// REST API (payload 1.0).
    RestApi,
}

/// An answer as the gateway takes it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum GatewayResponse {
    HttpApi(ApiGatewayV2httpResponse),
    RestApi(ApiGatewayProxyResponse),
}

/// An RFC 9457 problem. `type` is `about:blank`: `code` tells kinds apart, so `title` is the status's.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calendly: Option<CalendlyMember<'a>>,
}

/// The JSON of an answer, in a form that fits in what Lambda can return.
#[derive(Debug, PartialEq)]
pub(crate) enum Payload {
    Json(String),
    Gzip(Vec<u8>),
}

impl Payload {
    /// As it is if it fits, else gzipped for a client that accepts that.
    ///
    /// # Errors
    ///
    /// [`Error::AnswerTooLarge`].
    pub(crate) fn new(json: String, accepts_gzip: bool) -> Result<Self, Error> {
        if fits(&json) {
            return Ok(Self::Json(json));
        }
        if accepts_gzip {
            let zipped = gzip(&json).map_err(|_| Error::Internal)?;
            // In base64, three bytes are four.
            if zipped.len().div_ceil(3) * 4 <= LARGEST_BODY {
                return Ok(Self::Gzip(zipped));
            }
        }
        Err(Error::AnswerTooLarge)
    }
}

/// A 200 with this payload.
pub(crate) fn success(payload: Payload, gateway: Gateway, request_id: &str) -> GatewayResponse {
    let mut headers = common_headers(request_id);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = match payload {
        Payload::Json(json) => Body::Text(json),
        Payload::Gzip(bytes) => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
            Body::Binary(bytes)
        }
    };
    shaped(gateway, StatusCode::OK, headers, body)
}

/// The problem that an error is answered as.
pub(crate) fn failure(error: &Error, gateway: Gateway, request_id: &str) -> GatewayResponse {
    let mut headers = common_headers(request_id);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Error::Token(token_error) = error
        && let Ok(challenge) = HeaderValue::from_str(&token_error.challenge())
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    shaped(gateway, error.status(), headers, Body::Text(problem(error, request_id)))
}

fn common_headers(request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, request_id);
    }
    headers
}

fn problem(error: &Error, request_id: &str) -> String {
    let status = error.status();
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: error.to_string(),
        code: error.code(),
        request_id,
        parameter: error.parameter(),
        calendly: error.calendly(),
    };
    serde_json::to_string(&problem).unwrap_or_default()
}

fn shaped(gateway: Gateway, status: StatusCode, headers: HeaderMap, body: Body) -> GatewayResponse {
    let status_code = i64::from(status.as_u16());
    let is_base64_encoded = matches!(body, Body::Binary(_));
    match gateway {
        Gateway::HttpApi => {
            let mut response = ApiGatewayV2httpResponse::default();
            response.status_code = status_code;
            response.headers = headers;
            response.body = Some(body);
            response.is_base64_encoded = is_base64_encoded;
            GatewayResponse::HttpApi(response)
        }
        Gateway::RestApi => {
            let mut response = ApiGatewayProxyResponse::default();
            response.status_code = status_code;
            // Only here: a REST API merges `headers` with these.
            response.multi_value_headers = headers;
            response.body = Some(body);
            response.is_base64_encoded = is_base64_encoded;
            GatewayResponse::RestApi(response)
        }
    }
}

fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

/// Whether a text fits as a JSON string, which is how a body travels.
fn fits(json: &str) -> bool {
    // No byte becomes more than six, so most answers need not be looked through.
    json.len() <= LARGEST_BODY / 6 || escaped_length(json) <= LARGEST_BODY
}

/// How many bytes a text has as a JSON string.
fn escaped_length(text: &str) -> usize {
    let extra = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 1,
        0x00..=0x1F => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(extra).sum::<usize>()
}

/// Whether an `Accept-Encoding` header takes gzip (RFC 9110, section 12.5.3).
pub(crate) fn accepts_gzip(accept_encoding: &str) -> bool {
    let mut any = None;
    for coding in accept_encoding.split(',') {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = parameters
            .trim()
            .strip_prefix(['q', 'Q'])
            .and_then(|rest| rest.trim_start().strip_prefix('='))
            .is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return !is_refused,
            "*" => any = Some(!is_refused),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::{Value, json};

    use super::*;

    fn json(response: &GatewayResponse) -> Value {
        serde_json::to_value(response).unwrap()
    }

    #[test]
    fn each_gateway_gets_its_shape() {
        let payload = || Payload::new(r#"{"a":1}"#.to_owned(), true).unwrap();
        let http = json(&success(payload(), Gateway::HttpApi, "the-request"));
        assert_eq!(http["statusCode"], 200);
        assert_eq!(http["body"], r#"{"a":1}"#);
        assert_eq!(http["isBase64Encoded"], false);
        assert_eq!(http["headers"]["content-type"], "application/json");
        assert_eq!(http["headers"]["cache-control"], "no-store");
        assert_eq!(http["headers"]["x-request-id"], "the-request");
        let rest = json(&success(payload(), Gateway::RestApi, "the-request"));
        assert_eq!(rest["multiValueHeaders"]["x-request-id"], json!(["the-request"]));
        assert_eq!(rest["headers"], json!({}));
    }

    #[test]
    fn a_problem_has_every_member() {
        let error = Error::invalid_parameter("active", "active must be true or false.");
        let response = json(&failure(&error, Gateway::HttpApi, "the-request"));
        assert_eq!(response["headers"]["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            problem,
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400,
                "detail": "active must be true or false.", "code": "invalid_parameter",
                "request_id": "the-request", "parameter": "active",
            })
        );
    }

    #[test]
    fn a_request_id_cannot_split_a_header() {
        let response = json(&failure(&Error::Internal, Gateway::HttpApi, "a\r\nset-cookie: b"));
        assert_eq!(response["headers"].get("x-request-id"), None);
        assert_eq!(response["headers"].get("set-cookie"), None);
    }

    #[test]
    fn a_large_answer_is_gzipped_or_refused() {
        let large = format!("[{}1]", "\"x\",".repeat(1_500_000));
        let Payload::Gzip(zipped) = Payload::new(large.clone(), true).unwrap() else { panic!("not zipped") };
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, large);
        let response = json(&success(Payload::Gzip(zipped), Gateway::HttpApi, "the-request"));
        assert_eq!(response["isBase64Encoded"], true);
        assert_eq!(response["headers"]["content-encoding"], "gzip");

        assert_eq!(Payload::new(large, false).unwrap_err().code(), "answer_too_large");
    }

    #[test]
    fn the_largest_answer_fits_in_lambdas_limit() {
        // Half of it quotes, which travel as two bytes each.
        let largest = "\"a".repeat(LARGEST_BODY / 3);
        let response =
            success(Payload::new(largest.clone(), false).unwrap(), Gateway::RestApi, &"r".repeat(36));
        let length = serde_json::to_vec(&response).unwrap().len();
        assert!((6_280_000..=6_291_556).contains(&length), "{length}");
        assert!(Payload::new(largest + "\"aa\"", false).is_err());
    }

    #[test]
    fn an_escaped_length_is_that_of_the_json() {
        for text in ["", "plain", "\"quoted\"\\", "\n\r\t\u{8}\u{c}", "\u{0}\u{1f}", "é😀\u{7f}"] {
            assert_eq!(escaped_length(text) + 2, serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn what_fits_is_decided_by_the_escaped_length() {
        // Six bytes each as JSON.
        let worst = |count: usize| "\u{1}".repeat(count);
        assert!(fits(&worst(LARGEST_BODY / 6)));
        assert!(!fits(&worst(LARGEST_BODY / 6 + 1)));
        let plain = |count: usize| "x".repeat(count);
        assert!(fits(&plain(LARGEST_BODY)));
        assert!(!fits(&plain(LARGEST_BODY + 1)));
    }

    #[test]
    fn accept_encoding_is_read_as_rfc_9110_has_it() {
        for yes in ["gzip", "br, GZIP", "gzip;q=0.5", "x-gzip", "*", "deflate;q=0, *;q=0.1"] {
            assert!(accepts_gzip(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "identity, br", "*, gzip;q=0"] {
            assert!(!accepts_gzip(no), "{no}");
        }
    }
}
