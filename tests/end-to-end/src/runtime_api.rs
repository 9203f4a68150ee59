//! A stand-in for the Lambda Runtime API.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, Response, StatusCode, header},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::aws_service::lock;

/// The largest response that Lambda accepts:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LARGEST_RESPONSE: usize = 6_291_556;

/// The trace id of every invocation.
const TRACE_ID: &str = "Root=1-6b0e9398-1f2e3d4c5b6a798897a6b5c4;Parent=53995c3f42cd8ad8;Sampled=1";

/// An event and its metadata.
#[derive(Debug, Clone)]
#[must_use]
pub struct Invocation {
    /// The event.
    pub event: String,
    /// When Lambda would end the function.
    pub deadline: SystemTime,
}

/// The result of an invocation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The function's name in Lambda.
    pub function: String,
    /// The function's response, or its error report.
    pub result: Result<Value, Value>,
    /// Lambda's request id.
    pub request_id: String,
    /// When the whole answer had arrived.
    pub arrived: SystemTime,
    /// When the function received the event, by the monotonic clock.
    pub delivered_at: Instant,
    /// When the whole answer had arrived, by the monotonic clock.
    pub answered_at: Instant,
}

impl Invocation {
    /// An invocation with a deadline in 30 s.
    pub fn new(event: &Value) -> Self {
        Self { event: event.to_string(), deadline: SystemTime::now() + Duration::from_secs(30) }
    }

    /// Sets the deadline to `time` from now.
    pub fn within(mut self, time: Duration) -> Self {
        self.deadline = SystemTime::now() + time;
        self
    }

    /// Sets the deadline.
    pub fn with_deadline(mut self, deadline: SystemTime) -> Self {
        self.deadline = deadline;
        self
    }
}

/// The Runtime API of one environment.
pub(crate) struct RuntimeApi {
    /// Its address and port.
    pub(crate) address: String,
    shared: Arc<Shared>,
    events: mpsc::UnboundedSender<(String, Invocation)>,
    polls: watch::Receiver<usize>,
    server: JoinHandle<()>,
}

struct Shared {
    queue: AsyncMutex<mpsc::UnboundedReceiver<(String, Invocation)>>,
    waiting: Mutex<HashMap<String, PendingInvocation>>,
    /// The number of calls of `next`.
    polls: watch::Sender<usize>,
    init_error: Mutex<Option<Value>>,
    function: String,
}

/// An invocation that has not been answered.
struct PendingInvocation {
    reply: oneshot::Sender<Outcome>,
    delivered_at: Option<Instant>,
}

impl RuntimeApi {
    pub(crate) async fn start(function_name: &str) -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let (polls_sender, polls) = watch::channel(0);
        let shared = Arc::new(Shared {
            queue: AsyncMutex::new(queue),
            waiting: Mutex::default(),
            polls: polls_sender,
            init_error: Mutex::default(),
            function: function_name.to_owned(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the Runtime API serves");
        });
        Self { address, shared, events, polls, server }
    }

    /// Watches the number of calls of `next`; the first one ends init.
    pub(crate) fn polls(&self) -> watch::Receiver<usize> {
        self.polls.clone()
    }

    /// The function's report to `init/error`.
    pub(crate) fn init_error(&self) -> Option<Value> {
        lock(&self.shared.init_error).clone()
    }

    /// Queues an event; the receiver gets the outcome.
    pub(crate) fn queue(&self, invocation: Invocation) -> oneshot::Receiver<Outcome> {
        let id = request_id();
        let (reply, receiver) = oneshot::channel();
        let waiting = PendingInvocation { reply, delivered_at: None };
        lock(&self.shared.waiting).insert(id.clone(), waiting);
        self.events.send((id, invocation)).expect("the queue is open");
        receiver
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A UUID that is unique in this process.
fn request_id() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{number:08x}-8f0b-4f43-9d43-{:012x}", now.as_micros() & 0xffff_ffff_ffff)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response<Body> {
    shared.polls.send_modify(|polls| *polls += 1);
    // A canceled poll leaves the queue unchanged.
    let (id, invocation) = match shared.queue.lock().await.recv().await {
        Some(event) => event,
        None => std::future::pending().await,
    };
    if let Some(waiting) = lock(&shared.waiting).get_mut(&id) {
        waiting.delivered_at = Some(Instant::now());
    }
    let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{}", shared.function);
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", arn)
        .header("lambda-runtime-trace-id", TRACE_ID)
        .body(Body::from(invocation.event))
        .expect("a response")
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> (StatusCode, String) {
    let answered = Instant::now();
    if body.len() > LARGEST_RESPONSE {
        let report = serde_json::json!({
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": format!("Response payload size ({} bytes) exceeded maximum allowed", body.len()),
        });
        let text = report.to_string();
        shared.end(id, Err(report), answered);
        return (StatusCode::PAYLOAD_TOO_LARGE, text);
    }
    shared.end(id, Ok(json(&body)), answered);
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> (StatusCode, String) {
    shared.end(id, Err(json(&body)), Instant::now());
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

async fn init_error(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let mut report = json(&body);
    if let Some(kind) = headers.get("lambda-runtime-function-error-type") {
        report["headerErrorType"] = kind.to_str().unwrap_or_default().into();
    }
    *lock(&shared.init_error) = Some(report);
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

impl Shared {
    fn end(&self, request_id: String, result: Result<Value, Value>, answered: Instant) {
        let waiting = lock(&self.waiting).remove(&request_id);
        let PendingInvocation { reply, delivered_at } =
            waiting.unwrap_or_else(|| panic!("request {request_id} was answered twice, or does not exist"));
        let delivered_at = delivered_at
            .unwrap_or_else(|| panic!("request {request_id} was answered before it was delivered"));
        let arrived = SystemTime::now() - answered.elapsed();
        // The receiver may have been dropped.
        let function = self.function.clone();
        let _ = reply.send(Outcome {
            function,
            result,
            request_id,
            arrived,
            delivered_at,
            answered_at: answered,
        });
    }
}

fn json(body: &Bytes) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("the function did not answer with JSON ({error}): {body:?}"))
}
