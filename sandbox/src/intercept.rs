//! What happens to every call of Calendly and of the issuer: it is noted, and it may go wrong.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::middleware::Next;
use http_body_util::BodyExt;
use tokio::time::{Duration, sleep};

use crate::calls::{Call, CallRecord};
use crate::fault::Fault;
use crate::server::{Connection, Ending};
use crate::world::World;

pub(crate) async fn intercept(
    State(world): State<Arc<World>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let record = world.calls.begin(Call {
        connection: connection.number,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        bearer: bearer(request.headers()).map(str::to_owned),
        status: None,
        started_at: Duration::ZERO,
        finished_at: None,
    });
    let fault = world.faults.take(request.uri().path());
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
    match fault {
        Fault::Delay { milliseconds } => {
            sleep(Duration::from_millis(milliseconds)).await;
            next.run(request).await
        }
        Fault::Truncated { after } => {
            let (head, body) = next.run(request).await.into_parts();
            let Ok(body) = body.collect().await else {
                return impossible("the answer has no body to truncate");
            };
            let ending = truncated(head.status, &head.headers, &body.to_bytes(), after);
            record.answered(head.status.as_u16());
            match connection.end(ending).await {}
        }
        Fault::Reset => match connection.end(Ending::Reset).await {},
        Fault::Close => match connection.end(Ending::Close(Vec::new())).await {},
        // A hang: those with an answer of their own have been answered.
        _ => std::future::pending().await,
    }
}

/// The head of an answer and less of its body than the head promises.
fn truncated(status: StatusCode, headers: &HeaderMap, body: &Bytes, after: usize) -> Ending {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    let kept = headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH);
    for (name, value) in kept {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    let sent = after.min(body.len().saturating_sub(1));
    bytes.extend(body.iter().take(sent));
    Ending::Close(bytes)
}

fn impossible(reason: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("sandbox: impossible fault: {reason}")));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    response
}
