//! A stand-in for the Lambda Runtime API.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{Response, StatusCode, header},
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
    /// When the function received the event.
    pub delivered_at: Instant,
    /// When the whole answer had arrived.
    pub answered_at: Instant,
    /// The time that was then left until the deadline.
    pub time_left: Duration,
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
    events: mpsc::UnboundedSender<(Invocation, Reply)>,
    server: JoinHandle<()>,
}

type Reply = oneshot::Sender<Outcome>;

struct Shared {
    function: String,
    queue: AsyncMutex<mpsc::UnboundedReceiver<(Invocation, Reply)>>,
    /// The invocations that wait for their answer, by request id.
    delivered: Mutex<HashMap<String, DeliveredInvocation>>,
    /// The number of calls of `next`.
    polls: watch::Sender<usize>,
    init_error: Mutex<Option<Value>>,
}

struct DeliveredInvocation {
    at: Instant,
    deadline: SystemTime,
    reply: Reply,
}

impl RuntimeApi {
    pub(crate) async fn start(function_name: &str) -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            function: function_name.to_owned(),
            queue: AsyncMutex::new(queue),
            delivered: Mutex::default(),
            polls: watch::Sender::new(0),
            init_error: Mutex::default(),
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
        Self { address, shared, events, server }
    }

    /// Watches the number of calls of `next`; the first one ends init.
    pub(crate) fn polls(&self) -> watch::Receiver<usize> {
        self.shared.polls.subscribe()
    }

    /// The function's report to `init/error`.
    pub(crate) fn init_error(&self) -> Option<Value> {
        lock(&self.shared.init_error).clone()
    }

    /// Queues an event; the receiver gets the outcome.
    pub(crate) fn queue(&self, invocation: Invocation) -> oneshot::Receiver<Outcome> {
        let (reply, receiver) = oneshot::channel();
        self.events.send((invocation, reply)).expect("the queue is open");
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
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{number:08x}-8f0b-4f43-9d43-{:012x}", now.as_micros() & 0xffff_ffff_ffff)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response<Body> {
    shared.polls.send_modify(|polls| *polls += 1);
    // A canceled poll leaves the queue unchanged.
    let Some((invocation, reply)) = shared.queue.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let (id, deadline) = (request_id(), invocation.deadline);
    let delivered = DeliveredInvocation { at: Instant::now(), deadline, reply };
    lock(&shared.delivered).insert(id.clone(), delivered);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
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
    let answered_at = Instant::now();
    if body.len() > LARGEST_RESPONSE {
        let report = serde_json::json!({
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": format!("Response payload size ({} bytes) exceeded maximum allowed", body.len()),
        });
        let text = report.to_string();
        shared.end(id, Err(report), answered_at);
        return (StatusCode::PAYLOAD_TOO_LARGE, text);
    }
    shared.end(id, Ok(json(&body)), answered_at);
    accepted()
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> (StatusCode, String) {
    shared.end(id, Err(json(&body)), Instant::now());
    accepted()
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> (StatusCode, String) {
    *lock(&shared.init_error) = Some(json(&body));
    accepted()
}

fn accepted() -> (StatusCode, String) {
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

impl Shared {
    fn end(&self, request_id: String, result: Result<Value, Value>, answered_at: Instant) {
        let delivered = lock(&self.delivered).remove(&request_id);
        let DeliveredInvocation { at, deadline, reply } =
            delivered.unwrap_or_else(|| panic!("request {request_id} was answered twice, or does not exist"));
        let time_left = deadline.duration_since(SystemTime::now() - answered_at.elapsed());
        let outcome = Outcome {
            function: self.function.clone(),
            result,
            request_id,
            delivered_at: at,
            answered_at,
            time_left: time_left.unwrap_or_default(),
        };
        // The receiver may have been dropped.
        let _ = reply.send(outcome);
    }
}

fn json(body: &Bytes) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("the function did not answer with JSON ({error}): {body:?}"))
}
