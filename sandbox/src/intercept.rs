//! What happens to every call of Calendly and of the issuer: it is noted, and it may go wrong.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::middleware::Next;
use http_body_util::BodyExt;
use tokio::time::{Duration, sleep};

use crate::calls::{Call, CallLog, CallRecord};
use crate::fault::{Fault, Faults};
use crate::server::{Connection, Ending, Then};
use crate::world::World;

/// A server whose calls are noted and may go wrong.
pub(crate) trait Intercepted: Send + Sync + 'static {
    fn calls(&self) -> &Arc<CallLog>;
    fn faults(&self) -> &Faults;
}

impl Intercepted for World {
    fn calls(&self) -> &Arc<CallLog> {
        &self.calls
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// The middleware around every call of a server.
pub(crate) async fn intercept<S: Intercepted>(
    State(server): State<Arc<S>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let record = server.calls().begin(Call {
        connection: connection.number,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        bearer: bearer(request.headers()).map(str::to_owned),
        status: None,
        started_at: Duration::ZERO,
        finished_at: None,
    });
    let fault = server.faults().take(request.uri().path());
    let response = match fault {
        Some(fault) => faulty(fault, &connection, &record, request, next).await,
        None => next.run(request).await,
    };
    record.answered(response.status().as_u16());
    response
}

/// The credentials of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn faulty(
    fault: Fault,
    connection: &Connection,
    record: &CallRecord,
    request: Request,
    next: Next,
) -> Response<Body> {
    match fault.answer() {
        Ok(Some(response)) => return response,
        Ok(None) => {}
        Err(error) => return impossible(&error.to_string()),
    }
    let ending = match fault {
        Fault::Delay { milliseconds } => {
            sleep(Duration::from_millis(milliseconds)).await;
            return next.run(request).await;
        }
        Fault::Hang => return std::future::pending().await,
        Fault::Reset => Then::Reset.into(),
        Fault::Close => Then::Close.into(),
        Fault::Garbage { bytes } => Ending { bytes: bytes.into_bytes(), ..Then::Close.into() },
        Fault::Endless => Ending {
            bytes: b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
                .into(),
            drip: None,
            // A chunk of 64 KiB.
            then: Then::Repeat([b"10000\r\n", " ".repeat(0x10000).as_bytes(), b"\r\n"].concat()),
        },
        spoiling => {
            let Some(answer) = RealAnswer::of(next.run(request).await).await else {
                return impossible("the answer has no body to spoil");
            };
            record.answered(answer.status.as_u16());
            match answer.spoilt(spoiling) {
                Some(ending) => ending,
                None => return impossible("it spoils nothing"),
            }
        }
    };
    match connection.end(ending).await {}
}

/// An answer whose body is whole.
struct RealAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl RealAnswer {
    async fn of(response: Response<Body>) -> Option<Self> {
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Self { status: head.status, headers: head.headers, body })
    }

    /// What is sent of it under a fault that spoils it; `None` for one that does not.
    fn spoilt(&self, fault: Fault) -> Option<Ending> {
        let length = self.body.len();
        // Less of the body than the head promises.
        let cut = |after: usize, then| {
            let sent = self.body.iter().take(after.min(length.saturating_sub(1)));
            let mut bytes = self.head(length);
            bytes.extend(sent);
            Some(Ending { bytes, drip: None, then })
        };
        match fault {
            Fault::Truncated { after } => cut(after, Then::Close),
            Fault::HangInBody { after } => cut(after, Then::Hang),
            Fault::ResetInBody { after } => cut(after, Then::Reset),
            Fault::Drip { milliseconds } => {
                let drip = (Duration::from_millis(milliseconds), self.body.to_vec());
                Some(Ending { bytes: self.head(length), drip: Some(drip), then: Then::Close })
            }
            Fault::WrongLength { missing } => {
                let bytes = [&*self.head(length.saturating_sub(missing)), &*self.body].concat();
                Some(Ending { bytes, drip: None, then: Then::Close })
            }
            Fault::NotUtf8 => {
                let letter = self.body.iter().rposition(u8::is_ascii_alphanumeric).unwrap_or_default();
                let (before, after) = self.body.split_at(letter.min(length));
                let bytes = [&*self.head(length + 1), before, b"\xff", after].concat();
                Some(Ending { bytes, drip: None, then: Then::Close })
            }
            _ => None,
        }
    }

    /// Status line and headers, with this content length.
    fn head(&self, content_length: usize) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {}\r\n", self.status).into_bytes();
        let kept = self.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH);
        for (name, value) in kept {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        // It is the connection's last answer, and says so, so that nobody sends another request over it.
        let last = format!("connection: close\r\ncontent-length: {content_length}\r\n\r\n");
        bytes.extend_from_slice(last.as_bytes());
        bytes
    }
}

fn impossible(reason: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("sandbox: impossible fault: {reason}")));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    response
}
