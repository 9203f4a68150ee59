//! Environments of one function, and the front that gives each of them one request at a time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use end_to_end::{Binary, Function, Gateway, Invocation, Outcome, Request};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, sleep_until},
};

use crate::scenario::{Ask, CACHE_SECONDS, ON_THE_WAY, World};

pub(crate) const ENVIRONMENTS: usize = 8;

/// What runs.
pub(crate) struct Fleet {
    environments: Vec<Arc<Function>>,
    token: String,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) request_id: String,
    pub(crate) status: u64,
    pub(crate) length: usize,
    pub(crate) took: Duration,
    /// What was wrong with it, if anything was.
    pub(crate) wrong: Option<String>,
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
    pub(crate) async fn start(world: &World, is_kept: bool) -> Self {
        let mut variables: BTreeMap<String, String> = [
            ("CALENDLY_PAT_SECRET_ID", "pat".to_owned()),
            ("CALENDLY_BASE_URL", world.sandbox.base_url()),
            ("JWT_ISSUER", world.sandbox.issuer_url()),
            ("JWT_AUDIENCE", "calendly-functions".to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", world.secrets.endpoint.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if is_kept {
            let kept = [
                ("AVAILABILITY_CACHE_SECONDS", CACHE_SECONDS.to_string()),
                ("CACHE_TABLE", world.table.name.clone()),
                ("AWS_ENDPOINT_URL_DYNAMODB", world.table.endpoint.clone()),
            ];
            variables.extend(kept.map(|(name, value)| (name.to_owned(), value)));
        }
        let starts = (0..ENVIRONMENTS).map(|_| async {
            let function = Function::spawn(&Binary::CheckAvailability.program(), &variables).await;
            function.wait_for_init().await;
            Arc::new(function)
        });
        Self { environments: join_all(starts).await, token: world.token.clone() }
    }

    /// Hands each request out when it comes, to an environment that has none.
    pub(crate) async fn serve(&self, asks: Vec<Ask>) -> Vec<Answered> {
        let (sender, receiver) = mpsc::unbounded_channel::<Ask>();
        let waiting = Arc::new(Mutex::new(receiver));
        let serving = self.environments.iter().map(|function| {
            let (function, waiting, token) = (function.clone(), waiting.clone(), self.token.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(ask) = next else { return answers };
                    let invocation = Invocation::new(&event(&ask, &token));
                    answers.push(Answered::of(function.invoke(invocation).await, &ask));
                }
            })
        });
        let serving: Vec<_> = serving.collect();
        let began = Instant::now();
        for ask in asks {
            sleep_until(began + ask.after).await;
            sender.send(ask).expect("somebody waits");
        }
        drop(sender);
        let answers = join_all(serving).await;
        answers.into_iter().flat_map(|answers| answers.expect("no panic")).collect()
    }

    /// The lines that ended the requests, by their id.
    pub(crate) fn log(&self) -> BTreeMap<String, Value> {
        let lines = self.environments.iter().flat_map(|function| function.log());
        lines
            .filter(|line| line.get("duration_ms").is_some())
            .map(|line| (line["request_id"].as_str().unwrap_or_default().to_owned(), line))
            .collect()
    }
}

fn event(ask: &Ask, token: &str) -> Value {
    let query =
        [("event_type", &*ask.event_type), ("start_time", &ask.start_time), ("end_time", &ask.end_time)];
    Request::get("/calendly/check-availability").bearer(token).query(&query).through(Gateway::HttpApi)
}

impl Answered {
    fn of(Outcome { result, request_id, handed, answered, .. }: Outcome, ask: &Ask) -> Self {
        let response = result.unwrap_or_else(|error| panic!("a function error: {error}"));
        let status = response["statusCode"].as_u64().unwrap_or_default();
        let body = response["body"].as_str().unwrap_or_default();
        let wrong = (status == 200).then(|| what_is_wrong(body, ask)).flatten();
        Self { request_id, status, length: body.len(), took: answered - handed, wrong }
    }
}

fn what_is_wrong(body: &str, ask: &Ask) -> Option<String> {
    let Body { collection, start_time, as_of } = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(error) => return Some(format!("{error}: {body:.200}")),
    };
    let starts: Vec<_> = collection.iter().map(|slot| slot.start_time).collect();
    // What Calendly was just asked for was true until a moment ago, whatever has been booked since.
    let as_of = as_of.unwrap_or_else(|| Utc::now() - ON_THE_WAY);
    let is_old = (Utc::now() - as_of).num_seconds() > CACHE_SECONDS as i64 + 1;
    if is_old {
        return Some(format!("as of {as_of}, which is too long ago"));
    }
    (!ask.is_right(&starts, start_time, as_of)).then(|| format!("{ask:?} as of {as_of}: {starts:?}"))
}
