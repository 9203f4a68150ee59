//! Many readers, one allowance (contract, section 9): what Calendly said serves again, in the environment that asked
//! (`environment.rs`) and, with a table, in others (`shared_table.rs`).
#![cfg(test)]

mod environment;
mod shared_table;

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use end_to_end::{Answer, Binary, Function, Gateway, Invocation, Request, Setup, Table, World, day};
use futures_util::FutureExt;
use sandbox::DEFAULT_PAT;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

pub(crate) const ME: &str = "/users/me";

/// How long an answer is kept in tests in which it does not get too old.
pub(crate) const LONG: &str = "300";

pub(crate) fn setup(seconds: &str) -> Setup {
    Setup::of(Binary::CheckAvailability).with("AVAILABILITY_CACHE_SECONDS", seconds)
}

pub(crate) fn with_table(setup: Setup, table: &Table) -> Setup {
    setup.with("CACHE_TABLE", &table.name).with("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint)
}

/// A table, which is no other test's at the same time: a function waits for it for a tenth of a second.
pub(crate) async fn lone_table() -> (Table, MutexGuard<'static, ()>) {
    static ONE: Mutex<()> = Mutex::const_new(());
    let alone = ONE.lock().await;
    (Table::start().await, alone)
}

pub(crate) async fn world_and_table(seconds: &str) -> (World, Table, MutexGuard<'static, ()>) {
    let (table, alone) = lone_table().await;
    (with_table(setup(seconds), &table).start().await, table, alone)
}

/// A request about an event type that needs no look-up.
pub(crate) fn request(world: &World, start: &str, end: &str) -> Request {
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    world.request().query(&[("event_type", &*uri), ("start_time", start), ("end_time", end)])
}

pub(crate) fn some_days(world: &World) -> Request {
    request(world, &day(2).to_string(), &day(5).to_string())
}

pub(crate) async fn send(function: &Function, request: &Request) -> Answer {
    Answer::of(function.invoke(Invocation::new(&request.through(Gateway::HttpApi))).await)
}

pub(crate) async fn good(function: &Function, request: &Request) -> Value {
    let answer = send(function, request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

pub(crate) fn without_as_of(mut answer: Value) -> Value {
    assert!(answer.as_object_mut().unwrap().remove("as_of").is_some(), "{answer}");
    answer
}

pub(crate) fn age(answer: &Answer) -> u64 {
    let age: u64 = answer.header("age").unwrap().parse().unwrap();
    let as_of = DateTime::parse_from_rfc3339(answer.json()["as_of"].as_str().unwrap()).unwrap();
    let since = (Utc::now() - as_of.to_utc()).num_seconds();
    assert!((since - age as i64).abs() <= 1, "{age} s, {as_of}");
    age
}

/// Runs a test of the table, and again if it fails: a request has a tenth of a second for all its calls of the table, and
/// moto on a machine that is busy or has just woken may need longer, but not each time.
pub(crate) async fn patiently(test: impl AsyncFn()) {
    for _ in 0..2 {
        if AssertUnwindSafe(test()).catch_unwind().await.is_ok() {
            return;
        }
    }
    test().await;
}
