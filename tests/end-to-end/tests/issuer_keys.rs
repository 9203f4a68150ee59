//! Fetching and caching of the issuer's keys (docs/contract.md, section 3). Cases that depend on exact times are unit
//! tests.

use std::time::{Duration, Instant};

use end_to_end::{Binary, Setup, TIMEOUT, World, body_fault, json_fault, status_fault};
use futures_util::future::join_all;
use sandbox::{Config, Fault, Mint, Sandbox};
use serde_json::json;
use tokio::time::sleep;

const DISCOVERY: &str = "/issuer/.well-known/openid-configuration";
const JWKS: &str = "/issuer/jwks";
const ALWAYS: u32 = 1_000_000;

fn fetches(world: &World) -> usize {
    world.calls_of(JWKS).len()
}

fn with_kid(kid: &str) -> Mint {
    Mint { header: json!({"kid": kid}).as_object().unwrap().clone(), ..Mint::default() }
}

/// Starts a world whose issuer fails from the start.
async fn world_with(path: &str, times: u32, fault: Fault) -> World {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault(path, times, fault);
    Setup::new(Binary::User).start_with(sandbox).await
}

/// Sends requests until the backoff of the keys ends.
async fn assert_recovers(world: &World) {
    let end = Instant::now() + TIMEOUT;
    loop {
        let answer = world.get(&[]).await;
        if answer.status == 200 {
            return;
        }
        answer.assert_error(503, "keys_unavailable", "during the backoff");
        assert!(Instant::now() < end, "it never recovers");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_key_is_fetched_once() {
    let world = Setup::new(Binary::User).start().await;
    assert_eq!(fetches(&world), 1, "init's");
    let old = world.request();
    world.send(&old).await.assert_ok("");
    world.sandbox.rotate_keys();
    world.send(&old).await.assert_ok("cached keys");
    world.get(&[]).await.assert_ok("the first token of the new key");
    assert_eq!(fetches(&world), 2);
    world.send(&old).await.assert_error(401, "token_invalid", "the key is not published any more");
    assert_eq!(fetches(&world), 2, "within the cool-down");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_kids_cause_one_fetch_per_cooldown() {
    let world = Setup::new(Binary::User).start().await;
    let began = Instant::now();
    for number in 0..50 {
        let request = world.request_with(with_kid(&format!("unknown-{number}")));
        world.send(&request).await.assert_error(401, "token_invalid", number);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "the cool-down ended");
    assert_eq!(fetches(&world), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_keys_serve_while_the_issuer_is_down() {
    let world = Setup::new(Binary::User).start().await;
    for path in [DISCOVERY, JWKS] {
        world.sandbox.fault(path, ALWAYS, Fault::status(503));
    }
    let discoveries = world.calls_of(DISCOVERY).len();
    let began = Instant::now();
    for _ in 0..20 {
        let answer = world.send(&world.request_with(with_kid("newer"))).await;
        answer.assert_error(503, "keys_unavailable", "the token may be good");
        assert_eq!(answer.header("www-authenticate"), None);
        world.get(&[]).await.assert_ok("a cached key");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "the cool-down ended");
    assert_eq!(world.calls_of(DISCOVERY).len(), discoveries + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_issuer_responses_are_logged_and_recovered_from() {
    let other_issuer =
        json!({"issuer": "https://another.example", "jwks_uri": "https://another.example/jwks"});
    let cases = [
        (JWKS, json_fault(&json!({"keys": []}))),
        (JWKS, body_fault("application/json", "<html>")),
        (JWKS, Fault::Oversized { bytes: 2_000_000 }),
        (JWKS, Fault::Redirect { location: "https://another.example/".to_owned() }),
        (JWKS, Fault::Truncated { after: 20 }),
        (DISCOVERY, json_fault(&other_issuer)),
        (DISCOVERY, Fault::status(500)),
    ];
    join_all(cases.map(async |(path, fault)| {
        let world = world_with(path, ALWAYS, fault.clone()).await;
        let answer = world.get(&[]).await;
        answer.assert_error(503, "keys_unavailable", &fault);
        let line = world.log_line(&answer.request_id).await;
        assert!(line["reason"].as_str().unwrap().contains(' '), "{line}");
        world.sandbox.clear_faults();
        assert_recovers(&world).await;
    }))
    .await;
}

/// An issuer's error details about a caller are not logged (docs/contract.md, section 8).
#[tokio::test(flavor = "multi_thread")]
async fn issuer_error_texts_are_not_logged() {
    let world = Setup::new(Binary::User).start().await;
    let text = "the token of caller-name is not welcome";
    world.sandbox.fault(JWKS, 1, status_fault(403, &[("www-authenticate", text)], text));
    world.send(&world.request_with(with_kid("unknown"))).await.assert_error(503, "keys_unavailable", "");
    world.function.kill().await;
    let output = world.function.raw_output();
    assert!(output.contains("403") && !output.contains("caller-name"), "{output}");
}
