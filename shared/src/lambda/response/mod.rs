//! HTTP responses: JSON or a problem, with the headers that every response has.

mod accept_encoding;
mod payload;
mod problem;

use lambda_http::{
    Body, Response,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            AGE, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY,
            WWW_AUTHENTICATE,
        },
    },
};

use super::{gateway::Gateway, http_function::HttpAnswer};
use crate::{Error, lambda::deadline::Deadline};

use accept_encoding::accepts_gzip;
use payload::{MIN_GZIP_BYTES, Payload};
pub(crate) use problem::problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How the body of a response is sent, by the request's headers and the gateway's payload format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyFormat {
    gateway: Gateway,
    accepts_gzip: bool,
    deadline: Deadline,
}

impl BodyFormat {
    pub(crate) fn new(gateway: Gateway, headers: &HeaderMap, deadline: Deadline) -> Self {
        Self { gateway, accepts_gzip: accepts_gzip(headers), deadline }
    }

    /// The payload of an error, which is sent uncompressed rather than not at all.
    fn payload_of_error(self, json: String) -> Payload {
        Payload::new(json.clone(), self).unwrap_or(Payload::Json(json))
    }

    /// Whether the response depends on `Accept-Encoding`, compressed or not.
    fn varies(self, json: &str) -> bool {
        self.gateway == Gateway::Http && json.len() >= MIN_GZIP_BYTES
    }
}

/// The response of an answer, with `Age` (RFC 9111, section 5.1) if it was cached.
///
/// # Errors
///
/// [`Error::AnswerTooLarge`], [`Error::AnswerNeedsGzip`], [`Error::DeadlineExceeded`].
pub(crate) fn success(
    HttpAnswer { status, json, age, error }: HttpAnswer,
    format: BodyFormat,
    request_id: &str,
) -> Result<Response<Body>, Error> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Some(json) = json else {
        return Ok(response(status, None, Payload::Json(String::new()), false, request_id));
    };
    let varies = format.varies(&json);
    let payload = match &error {
        None => Payload::new(json, format)?,
        Some(_) => format.payload_of_error(json),
    };
    let mut response = response(status, Some("application/json"), payload, varies, request_id);
    if let Some(seconds) = error.as_ref().and_then(Error::retry_after_seconds) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(age) = age {
        response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs()));
    }
    Ok(response)
}

/// The problem response of an error. A challenge also has `challenge_parameters`.
pub(crate) fn failure(
    error: &Error,
    challenge_parameters: &[(&'static str, String)],
    format: BodyFormat,
    request_id: &str,
) -> Response<Body> {
    let json = problem(error, request_id);
    let varies = format.varies(&json);
    let payload = format.payload_of_error(json);
    let mut response =
        response(error.status(), Some("application/problem+json"), payload, varies, request_id);
    let headers = response.headers_mut();
    if let Error::Token(token_error) = error
        && let Ok(challenge) = HeaderValue::from_str(&token_error.challenge(challenge_parameters))
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Error::MethodNotAllowed { allowed } = error {
        headers.insert(ALLOW, HeaderValue::from_static(allowed));
    }
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn response(
    status: StatusCode,
    content_type: Option<&'static str>,
    payload: Payload,
    varies: bool,
    request_id: &str,
) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, request_id);
    }
    let is_compressed = matches!(payload, Payload::Gzip(_));
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if varies || is_compressed {
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    let mut response = Response::new(match payload {
        Payload::Json(json) => Body::Text(json),
        Payload::Gzip(bytes) => Body::Binary(bytes),
    });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lambda_http::http::header::ACCEPT_ENCODING;

    use super::*;
    use crate::Answer;

    fn format(gateway: Gateway, accept_encoding: &'static str) -> BodyFormat {
        let headers = [(ACCEPT_ENCODING, HeaderValue::from_static(accept_encoding))];
        let deadline = Deadline::within(Duration::from_secs(20));
        BodyFormat::new(gateway, &HeaderMap::from_iter(headers), deadline)
    }

    fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
        response.headers().get(name)?.to_str().ok()
    }

    #[tokio::test]
    async fn every_response_has_its_headers() {
        let age = Some(Duration::from_millis(2_999));
        for format in [Gateway::Http, Gateway::Rest].map(|gateway| format(gateway, "")) {
            let json = success("{}".to_owned().into(), format, "the-request").unwrap();
            let cached =
                success(Answer { json: "{}".to_owned(), age }.into(), format, "the-request").unwrap();
            let problem = failure(&Error::PatMissing("none"), &[], format, "the-request");
            for (response, status, content_type, age) in [
                (json, 200, "application/json", None),
                (cached, 200, "application/json", Some("2")),
                (problem, 400, "application/problem+json", None),
            ] {
                assert_eq!(response.status(), status);
                assert_eq!(header(&response, "content-type"), Some(content_type));
                assert_eq!(header(&response, "cache-control"), Some("no-store"));
                assert_eq!(header(&response, "x-request-id"), Some("the-request"));
                assert_eq!(header(&response, "age"), age);
                assert_eq!((header(&response, "vary"), header(&response, "content-encoding")), (None, None));
            }
        }
    }

    #[tokio::test]
    async fn answers_and_problems_are_compressed_alike() {
        const VARY: Option<&str> = Some("Accept-Encoding");
        for (gateway, accept_encoding, bytes, vary, encoding) in [
            (Gateway::Http, "gzip", 2_000, VARY, Some("gzip")),
            (Gateway::Http, "br", 2_000, VARY, None),
            (Gateway::Http, "gzip", 500, None, None),
            (Gateway::Rest, "gzip", 2_000, None, None),
            (Gateway::Rest, "gzip", 7_000_000, VARY, Some("gzip")),
        ] {
            let text = "x".repeat(bytes);
            let format = format(gateway, accept_encoding);
            let error =
                Error::InvalidParameter { parameter: "limit", detail: text.clone(), reason: "".into() };
            let problem = failure(&error, &[], format, "the-request");
            for response in [success(text.into(), format, "the-request").unwrap(), problem] {
                let found = (header(&response, "vary"), header(&response, "content-encoding"));
                assert_eq!(found, (vary, encoding), "{gateway:?} {accept_encoding} {bytes}");
                assert_eq!(matches!(response.body(), Body::Binary(_)), encoding.is_some());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_problem_after_the_deadline_is_sent_uncompressed() {
        let late = BodyFormat { deadline: Deadline::within(Duration::ZERO), ..format(Gateway::Http, "gzip") };
        assert_eq!(success("x".repeat(2_000).into(), late, "").unwrap_err().code(), "deadline_exceeded");
        let error = Error::invalid_parameter("limit", "x".repeat(2_000));
        assert!(matches!(failure(&error, &[], late, "").body(), Body::Text(_)));
    }

    #[tokio::test]
    async fn an_answer_can_have_no_body() {
        let empty = HttpAnswer { status: 202, json: None, age: None, error: None };
        let response = success(empty, format(Gateway::Http, ""), "the-request").unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (202, None));
        assert_eq!(header(&response, "x-request-id"), Some("the-request"));
    }

    /// A request id cannot split a header.
    #[tokio::test]
    async fn errors_can_have_headers_and_no_request_id() {
        let error = Error::MethodNotAllowed { allowed: "POST" };
        let response = failure(&error, &[], format(Gateway::Http, ""), "a\r\nset-cookie: b");
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, Some("POST")));
        assert_eq!((header(&response, "x-request-id"), header(&response, "set-cookie")), (None, None));
    }
}
