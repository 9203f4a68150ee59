//! Middleware that records requests and injects faults.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use http_body_util::BodyExt;
use tokio::time::{Duration, sleep};

use crate::call_log::{Call, CallLog, OpenCall};
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
    let call = interceptor.calls.begin(Call {
        connection: connection.number,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        bearer: bearer(request.headers()).map(str::to_owned),
        status: None,
        started_at: Duration::ZERO,
        finished_at: None,
    });
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
        Fault::Reset => End::Reset.into(),
        Fault::Close => End::Close.into(),
        Fault::Garbage { bytes } => RawResponse { bytes: bytes.into_bytes(), ..End::Close.into() },
        Fault::Endless => RawResponse {
            bytes: b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
                .into(),
            drip: None,
            // A chunk of 64 KiB.
            end: End::Repeat([b"10000\r\n", " ".repeat(0x10000).as_bytes(), b"\r\n"].concat()),
        },
        fault => {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let Some(response) = BufferedResponse::read(next.run(request).await).await else {
                return not_applicable("the response body could not be read");
            };
            call.set_status(response.status.as_u16());
            if let Some(response) = response.rewrite(&fault, &query) {
                return response;
            }
            match response.corrupt(fault) {
                Some(raw) => raw,
                None => return not_applicable("the fault does not change the response"),
            }
        }
    };
    match connection.end(raw).await {}
}

/// A real response with its whole body.
struct BufferedResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl BufferedResponse {
    async fn read(response: Response<Body>) -> Option<Self> {
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Self { status: head.status, headers: head.headers, body })
    }

    /// Applies a fault that results in another valid HTTP response; `None` for other faults.
    fn rewrite(&self, fault: &Fault, query: &str) -> Option<Response<Body>> {
        let mut headers = self.headers.clone();
        headers.remove(header::CONTENT_LENGTH);
        let body = if *fault == Fault::Gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip(&self.body)
        } else {
            rewrite(fault, query, &self.body)?
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        Some(response)
    }

    /// Applies a fault that corrupts the body on the wire; `None` for other faults.
    fn corrupt(&self, fault: Fault) -> Option<RawResponse> {
        let length = self.body.len();
        let cut = |after: usize, end| {
            let sent = self.body.iter().take(after.min(length.saturating_sub(1)));
            let mut bytes = self.head(length);
            bytes.extend(sent);
            Some(RawResponse { bytes, drip: None, end })
        };
        match fault {
            Fault::Truncated { after } => cut(after, End::Close),
            Fault::HangInBody { after } => cut(after, End::Hang),
            Fault::ResetInBody { after } => cut(after, End::Reset),
            Fault::Drip { milliseconds } => {
                let drip = (Duration::from_millis(milliseconds), self.body.to_vec());
                Some(RawResponse { bytes: self.head(length), drip: Some(drip), end: End::Close })
            }
            Fault::WrongLength { missing } => {
                let bytes = [&*self.head(length.saturating_sub(missing)), &*self.body].concat();
                Some(RawResponse { bytes, drip: None, end: End::Close })
            }
            Fault::NotUtf8 => {
                let letter = self.body.iter().rposition(u8::is_ascii_alphanumeric).unwrap_or_default();
                let (before, after) = self.body.split_at(letter.min(length));
                let bytes = [&*self.head(length + 1), before, b"\xff", after].concat();
                Some(RawResponse { bytes, drip: None, end: End::Close })
            }
            _ => None,
        }
    }

    /// Formats the status line and the headers, with this content length.
    fn head(&self, content_length: usize) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {}\r\n", self.status).into_bytes();
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        // The connection ends after this response, so clients must not reuse it.
        let last = format!("connection: close\r\ncontent-length: {content_length}\r\n\r\n");
        bytes.extend_from_slice(last.as_bytes());
        bytes
    }
}

fn not_applicable(reason: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("sandbox: fault not applicable: {reason}")));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    response
}
