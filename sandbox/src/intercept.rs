//! Middleware that records requests and injects faults.

use std::error::Error;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use tokio::time::{Duration, sleep};

use crate::call_log::{CallLog, OpenCall};
use crate::fault::{Fault, Faults};
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
    let response = match interceptor.faults.take(request.uri().path()) {
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
        Err(error) => return failure(&error),
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
            let (head, body) = next.run(request).await.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => return failure(&error),
            };
            call.set_status(head.status.as_u16());
            corrupt(&fault, &head, &body)
        }
    };
    match connection.end(raw).await {}
}

/// Corrupts a response on the wire.
fn corrupt(fault: &Fault, head: &Parts, body: &[u8]) -> RawResponse {
    let length = body.len();
    let cut = |after: usize| body.iter().copied().take(after.min(length.saturating_sub(1))).collect();
    let mut pause_per_byte = None;
    let (content_length, body, end) = match fault {
        Fault::Truncated { after } => (length, cut(*after), End::Close),
        Fault::HangInBody { after } => (length, cut(*after), End::Hang),
        Fault::ResetInBody { after } => (length, cut(*after), End::Reset),
        Fault::WrongLength { missing } => (length.saturating_sub(*missing), body.to_vec(), End::Close),
        Fault::NotUtf8 => {
            let letter = body.iter().rposition(u8::is_ascii_alphanumeric).unwrap_or_default();
            let (before, after) = body.split_at(letter.min(length));
            (length + 1, [before, b"\xff", after].concat(), End::Close)
        }
        Fault::Drip { milliseconds } => {
            pause_per_byte = Some(Duration::from_millis(*milliseconds));
            (length, body.to_vec(), End::Close)
        }
        // The other faults replace the response.
        _ => (length, body.to_vec(), End::Close),
    };
    RawResponse { head: format_head(head, content_length), body, pause_per_byte, end }
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

/// A response that says why there is no real one.
fn failure(error: &dyn Error) -> Response<Body> {
    (StatusCode::BAD_GATEWAY, format!("sandbox: {error}")).into_response()
}
