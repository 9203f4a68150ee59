//! The HTTP side of the stand-ins for AWS services.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use sandbox::{Fault, FaultServer};
use serde_json::{Value, json};

/// The header in which AWS names the type of an error.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Computes the response to an operation: its body, or the type of an error.
type Handler = dyn Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync;

/// A running stand-in.
pub(crate) struct AwsService(FaultServer);

/// Locks a mutex of the harness, also after a test panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AwsService {
    pub(crate) async fn start(
        handler: impl Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let handler: Arc<Handler> = Arc::new(handler);
        let server = FaultServer::start(Router::new().fallback(respond).with_state(handler));
        Self(server.await.expect("a free port"))
    }

    pub(crate) fn endpoint(&self) -> String {
        self.0.url()
    }

    /// Sets the fault of all further calls.
    pub(crate) fn set_fault(&self, fault: Fault) {
        self.0.clear_faults();
        self.0.fault("/", u32::MAX, fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.0.clear_faults();
    }

    /// The number of calls so far, also of those with a fault.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls().len()
    }

    pub(crate) fn forget_calls(&self) {
        self.0.forget_calls();
    }
}

async fn respond(State(handler): State<Arc<Handler>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let json = (CONTENT_TYPE, "application/x-amz-json-1.1");
    match handler(operation, &request) {
        Ok(body) => ([json], body.to_string()).into_response(),
        Err(kind) => {
            let body = json!({"__type": kind, "message": "refused"}).to_string();
            (StatusCode::BAD_REQUEST, [json, (ERROR_TYPE, kind)], body).into_response()
        }
    }
}
