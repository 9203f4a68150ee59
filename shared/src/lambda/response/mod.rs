//! HTTP responses: JSON or a problem, with the headers that every response has.

mod accept_encoding;
mod payload;
mod problem;

use std::time::Duration;

use lambda_http::{
    Body, Response,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY,
            WWW_AUTHENTICATE,
        },
    },
};

use crate::Error;

pub(crate) use accept_encoding::accepts_gzip;
pub(crate) use payload::Payload;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A 200 response, with `Age` (RFC 9111, section 5.1) for a cached answer.
pub(crate) fn success(payload: Payload, age: Option<Duration>, request_id: &str) -> Response<Body> {
    let body = match payload {
        Payload::Json(json) => Body::Text(json),
        Payload::Gzip(bytes) => Body::Binary(bytes),
    };
    let is_gzip = matches!(body, Body::Binary(_));
    let mut response = response(StatusCode::OK, "application/json", body, request_id);
    if let Some(age) = age {
        response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs()));
    }
    if is_gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// The problem response of an error.
pub(crate) fn failure(error: &Error, request_id: &str) -> Response<Body> {
    let body = Body::Text(problem::problem(error, request_id));
    let mut response = response(error.status(), "application/problem+json", body, request_id);
    let headers = response.headers_mut();
    if let Error::Token(token_error) = error
        && let Ok(challenge) = HeaderValue::from_str(&token_error.challenge())
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn response(status: StatusCode, content_type: &'static str, body: Body, request_id: &str) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, request_id);
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_response_has_its_headers() {
        let json = success(Payload::Json("{}".to_owned()), None, "the-request");
        let gzip = success(Payload::Gzip(vec![1]), Some(Duration::from_millis(2_999)), "the-request");
        let problem = failure(&Error::PatMissing("none"), "the-request");
        for (response, status, content_type) in [
            (&json, 200, "application/json"),
            (&gzip, 200, "application/json"),
            (&problem, 400, "application/problem+json"),
        ] {
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], content_type);
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["x-request-id"], "the-request");
        }
        assert_eq!(gzip.headers()["content-encoding"], "gzip");
        assert_eq!(gzip.headers()["vary"], "accept-encoding");
        assert_eq!(gzip.headers()["age"], "2");
        assert!(!json.headers().contains_key("content-encoding") && !json.headers().contains_key("age"));
    }

    #[test]
    fn a_request_id_cannot_split_a_header() {
        let response = failure(&Error::Internal { reason: "a test" }, "a\r\nset-cookie: b");
        assert!(!response.headers().contains_key("x-request-id"));
        assert!(!response.headers().contains_key("set-cookie"));
    }
}
