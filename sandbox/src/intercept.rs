//! Middleware that records requests and injects faults.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use tokio::time::{Duration, sleep};

use crate::call_log::{CallLog, OpenCall};
use crate::fault::{Fault, Faults, gzip};
use crate::rewrite::rewrite;
use crate::server::{Connection, End, RawResponse};

/// The recorded requests and pending faults of a server.
#[derive(Debug, Default)]
pub(crate) struct Interceptor {
    pub(crate) calls: CallLog,
    pub(crate) faults: Faults,
}

pub(crate) async fn intercept(
    State(interceptor): State<Arc<Interceptor>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let call = interceptor.calls.begin(&request);
    let query = request.uri().query().unwrap_or_default();
    let response = match interceptor.faults.take(request.uri().path(), query) {
        Some(fault) => inject(fault, &connection, &call, request, next).await,
        None => next.run(request).await,
    };
    call.set_status(response.status().as_u16());
    response
}

/// Returns the credentials of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn inject(
    fault: Fault,
    connection: &Connection,
    call: &OpenCall,
    request: Request,
    next: Next,
) -> Response<Body> {
    match fault.response() {
        Ok(Some(response)) => return response,
        Ok(None) => {}
        Err(error) => return not_applicable(&error.to_string()),
    }
    let raw = match fault {
        Fault::Delay { milliseconds } => {
            sleep(Duration::from_millis(milliseconds)).await;
            return next.run(request).await;
        }
        Fault::Hang => return std::future::pending().await,
        Fault::Reset => RawResponse::new("", End::Reset),
        Fault::Close => RawResponse::new("", End::Close),
        Fault::Garbage { bytes } => RawResponse::new(bytes, End::Close),
        Fault::Endless => RawResponse::new(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
            // A chunk of 64 KiB.
            End::Repeat([b"10000\r\n", " ".repeat(0x10000).as_bytes(), b"\r\n"].concat()),
        ),
        fault => {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let (head, body) = next.run(request).await.into_parts();
            let Ok(body) = body.collect().await else {
                return not_applicable("the response body could not be read");
            };
            let body = body.to_bytes();
            call.set_status(head.status.as_u16());
            match corrupt(&fault, &head, &body) {
                Some(raw) => raw,
                None => return change(&fault, &query, head, &body),
            }
        }
    };
    match connection.end(raw).await {}
}

/// Applies a fault that results in another valid HTTP response.
fn change(fault: &Fault, query: &str, mut head: Parts, body: &Bytes) -> Response<Body> {
    head.headers.remove(header::CONTENT_LENGTH);
    let body = if *fault == Fault::Gzip {
        head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Some(gzip(body))
    } else {
        rewrite(fault, query, body)
    };
    match body {
        Some(body) => Response::from_parts(head, Body::from(body)),
        None => not_applicable("the fault does not change the response"),
    }
}

/// Applies a fault that corrupts the body on the wire; `None` for other faults.
fn corrupt(fault: &Fault, head: &Parts, body: &[u8]) -> Option<RawResponse> {
    let length = body.len();
    let cut = |after: usize| body.iter().copied().take(after.min(length.saturating_sub(1))).collect();
    let mut pause_per_byte = None;
    let (content_length, body, end) = match fault {
        Fault::Truncated { after } => (length, cut(*after), End::Close),
        Fault::HangInBody { after } => (length, cut(*after), End::Hang),
        Fault::ResetInBody { after } => (length, cut(*after), End::Reset),
        Fault::Drip { milliseconds } => {
            pause_per_byte = Some(Duration::from_millis(*milliseconds));
            (length, body.to_vec(), End::Close)
        }
        Fault::WrongLength { missing } => (length.saturating_sub(*missing), body.to_vec(), End::Close),
        Fault::NotUtf8 => {
            let letter = body.iter().rposition(u8::is_ascii_alphanumeric).unwrap_or_default();
            let (before, after) = body.split_at(letter.min(length));
            (length + 1, [before, b"\xff", after].concat(), End::Close)
        }
        _ => return None,
    };
    Some(RawResponse { head: format_head(head, content_length), body, pause_per_byte, end })
}

/// Formats the status line and the headers, with this content length.
fn format_head(head: &Parts, content_length: usize) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in head.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    // The connection ends after this response, so clients must not reuse it.
    let last = format!("connection: close\r\ncontent-length: {content_length}\r\n\r\n");
    bytes.extend(last.as_bytes());
    bytes
}

fn not_applicable(reason: &str) -> Response<Body> {
    (StatusCode::NOT_IMPLEMENTED, format!("sandbox: fault not applicable: {reason}")).into_response()
}
