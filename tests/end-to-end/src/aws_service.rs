//! The HTTP side of the stand-ins for AWS services: records calls and injects faults.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

/// The header in which AWS names the type of an error.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// A fault of every call until another one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsFault {
    /// No fault.
    None,
    /// `InternalServiceError`
    InternalError,
    /// The regular response after a delay.
    Delay(Duration),
    /// No response.
    Hang,
}

/// Computes the response to an operation: its body, or the type of an error.
type Handler = Box<dyn Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync>;

/// A running stand-in.
pub(crate) struct AwsService {
    pub(crate) endpoint: String,
    state: Arc<ServiceState>,
    server: JoinHandle<()>,
}

struct ServiceState {
    handler: Handler,
    fault: Mutex<AwsFault>,
    /// The operation and the request of each call.
    calls: Mutex<Vec<(String, Value)>>,
}

/// Locks a mutex of the harness, also after a test panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AwsService {
    pub(crate) async fn start(
        handler: impl Fn(&str, &Value) -> Result<Value, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(ServiceState {
            handler: Box::new(handler),
            fault: Mutex::new(AwsFault::None),
            calls: Mutex::default(),
        });
        let router = Router::new().fallback(respond).with_state(state.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the stand-in serves");
        });
        Self { endpoint, state, server }
    }

    pub(crate) fn set_fault(&self, fault: AwsFault) {
        *lock(&self.state.fault) = fault;
    }

    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        lock(&self.state.calls).clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|(operation, _)| operation).collect()
    }

    pub(crate) fn clear_calls(&self) {
        lock(&self.state.calls).clear();
    }
}

impl Drop for AwsService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn respond(State(state): State<Arc<ServiceState>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    lock(&state.calls).push((operation.clone(), request.clone()));
    let fault = *lock(&state.fault);
    match fault {
        AwsFault::None => {}
        AwsFault::InternalError => return error("InternalServiceError"),
        AwsFault::Delay(time) => sleep(time).await,
        AwsFault::Hang => std::future::pending().await,
    }
    match (state.handler)(&operation, &request) {
        Ok(body) => response(StatusCode::OK, body.to_string()),
        Err(kind) => error(kind),
    }
}

fn error(kind: &'static str) -> Response<Body> {
    let status = match kind {
        "InternalServiceError" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = response(status, json!({"__type": kind, "message": "injected"}).to_string());
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
    response
}

fn response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}
