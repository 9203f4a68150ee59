//! Watching and steering a running sandbox.

use std::time::Duration;

use reqwest::StatusCode;
use sandbox::{DEFAULT_PAT, Fault};
use serde_json::{Value, json};

use crate::caller::{Caller, fixed};

#[tokio::test]
async fn calls_are_noted_in_order() {
    let caller = Caller::start(fixed()).await;
    caller.get("/healthz", &[]).await;
    caller.get("/event_types", &[("user", "a b")]).await;
    caller.get("/issuer/jwks", &[]).await;
    caller.get("/sandbox/calls", &[]).await;
    let calls = caller.sandbox.calls();
    let [first, second] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!((&*first.method, &*first.path), ("GET", "/event_types"));
    assert_eq!(first.query.as_deref(), Some("user=a+b"));
    assert_eq!(first.bearer.as_deref(), Some(DEFAULT_PAT));
    assert_eq!(first.status, Some(403));
    assert_eq!((&*second.path, second.status), ("/issuer/jwks", Some(200)));
    assert!(first.finished_at.unwrap() <= second.started_at);

    let listed = caller.read("/sandbox/calls", &[]).await;
    assert_eq!(listed, serde_json::to_value(&calls).unwrap());
    assert_eq!(listed[0]["status"], 403);
    assert!(listed[0]["finished_at_us"].as_u64() >= listed[0]["started_at_us"].as_u64());
    let forgotten = caller.http.delete(caller.url("/sandbox/calls")).send();
    assert_eq!(forgotten.await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(caller.sandbox.calls(), []);
}

#[tokio::test]
async fn calls_at_the_same_time_overlap() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.fault("/users/me", 2, Fault::Delay { milliseconds: 200 });
    tokio::join!(caller.get("/users/me", &[]), caller.get("/users/me", &[]));
    let calls = caller.sandbox.calls();
    assert!(calls[1].started_at < calls[0].finished_at.unwrap());
    assert_ne!(calls[0].connection, calls[1].connection);
}

#[tokio::test]
async fn connections_are_counted_and_kept() {
    let caller = Caller::start(fixed()).await;
    assert_eq!(caller.sandbox.connections(), 0);
    for _ in 0..3 {
        caller.read("/users/me", &[]).await;
    }
    assert_eq!(caller.sandbox.connections(), 1);
}

#[tokio::test]
async fn pats_come_and_go_over_http() {
    let caller = Caller::start(fixed()).await;
    let change = async |body: Value| {
        let request = caller.http.post(caller.url("/sandbox/pats")).json(&body);
        request.send().await.unwrap().status()
    };
    let me = async |pat: &str| {
        let request = caller.http.get(caller.url("/users/me")).bearer_auth(pat);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (status, body["resource"]["name"].clone())
    };
    let renewed = json!({ "pat": "renewed", "user": "Robin Sample", "revoke": DEFAULT_PAT });
    assert_eq!(change(renewed).await, StatusCode::NO_CONTENT);
    assert_eq!(me(DEFAULT_PAT).await.0, 401);
    assert_eq!(me("renewed").await, (200, json!("Robin Sample")));
    assert_eq!(change(json!({ "pat": "own" })).await, StatusCode::NO_CONTENT);
    let (status, name) = me("own").await;
    assert_eq!(status, 200);
    assert_ne!(name, "Robin Sample");
}

#[tokio::test]
async fn a_dropped_sandbox_stops() {
    let Caller { sandbox, http } = Caller::start(fixed()).await;
    let url = format!("{}/healthz", sandbox.base_url());
    assert_eq!(http.get(&url).send().await.unwrap().text().await.unwrap(), "ok");
    drop(sandbox);
    let gone = async {
        while http.get(&url).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}
