//! Environments of one function. Each serves one request at a time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use end_to_end::{Binary, Function, Gateway, Invocation, Outcome, Request, World, wait_until};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, sleep_until},
};

use super::scenario::{CACHE_SECONDS, MAX_LATENCY, TestRequest};

pub(super) const ENVIRONMENTS: usize = 8;

/// The running environments.
pub(super) struct Fleet {
    environments: Vec<Arc<Function>>,
    token: String,
}

/// An answer and its latency.
#[derive(Debug, Clone)]
pub(super) struct TimedAnswer {
    pub(super) request_id: String,
    pub(super) status: u64,
    pub(super) length: usize,
    pub(super) took: Duration,
    /// Why the answer is wrong, if it is.
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    collection: Vec<Slot>,
    start_time: DateTime<Utc>,
    as_of: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Slot {
    start_time: DateTime<Utc>,
}

impl Fleet {
    pub(super) async fn start(world: &World) -> Self {
        let starts = (0..ENVIRONMENTS).map(|_| world.start_environment(Binary::CheckAvailability, &[]));
        let environments = join_all(starts).await.into_iter().map(Arc::new).collect();
        Self { environments, token: world.sandbox.token() }
    }

    /// Sends each request at its time to an idle environment.
    pub(super) async fn serve(&self, requests: Vec<TestRequest>) -> Vec<TimedAnswer> {
        let (sender, receiver) = mpsc::unbounded_channel::<TestRequest>();
        let waiting = Arc::new(Mutex::new(receiver));
        let serving = self.environments.iter().map(|function| {
            let (function, waiting, token) = (function.clone(), waiting.clone(), self.token.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(request) = next else { return answers };
                    let invocation = Invocation::new(&event(&request, &token));
                    answers.push(TimedAnswer::new(function.invoke(invocation).await, &request));
                }
            })
        });
        let serving: Vec<_> = serving.collect();
        let began = Instant::now();
        for request in requests {
            sleep_until(began + request.after).await;
            sender.send(request).expect("the environments wait");
        }
        drop(sender);
        let answers = join_all(serving).await;
        answers.into_iter().flat_map(|answers| answers.expect("no panic")).collect()
    }

    /// Waits for the log lines that end requests, and returns them by request id.
    pub(super) async fn log(&self, requests: usize) -> BTreeMap<String, Value> {
        wait_until("the log lines of all requests", || {
            let lines = self.environments.iter().flat_map(|function| function.log());
            let lines = lines.filter(|line| line.get("duration_ms").is_some());
            let lines: BTreeMap<String, Value> = lines
                .map(|line| (line["request_id"].as_str().unwrap_or_default().to_owned(), line))
                .collect();
            (lines.len() == requests).then_some(lines)
        })
        .await
    }
}

fn event(request: &TestRequest, token: &str) -> Value {
    let query = [
        ("event_type", &*request.event_type),
        ("start_time", &request.start_time),
        ("end_time", &request.end_time),
    ];
    Request::get("/calendly/check-availability").bearer(token).query(&query).through(Gateway::HttpApi)
}

impl TimedAnswer {
    fn new(
        Outcome { result, request_id, delivered_at, answered_at, .. }: Outcome,
        request: &TestRequest,
    ) -> Self {
        let response = result.unwrap_or_else(|error| panic!("a function error: {error}"));
        let status = response["statusCode"].as_u64().unwrap_or_default();
        let body = response["body"].as_str().unwrap_or_default();
        let error = (status == 200).then(|| check(body, request)).flatten();
        Self { request_id, status, length: body.len(), took: answered_at - delivered_at, error }
    }
}

/// Why an answer is wrong: too old, or different from Calendly's answer at that time.
fn check(body: &str, request: &TestRequest) -> Option<String> {
    let Body { collection, start_time, as_of } = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(error) => return Some(format!("{error}: {body:.200}")),
    };
    let starts: Vec<_> = collection.iter().map(|slot| slot.start_time).collect();
    // Without a cache, Calendly answered a moment ago.
    let as_of = as_of.unwrap_or_else(|| Utc::now() - MAX_LATENCY);
    if (Utc::now() - as_of).num_seconds() > CACHE_SECONDS as i64 + 1 {
        return Some(format!("as of {as_of}, which is too old"));
    }
    (!request.is_correct(&starts, start_time, as_of))
        .then(|| format!("{} from {start_time} as of {as_of}: {starts:?}", request.event_type))
}
