//! How the issuer's keys are fetched, kept and replaced (contract, section 3), against an issuer that rotates,
//! fails and misbehaves. What needs hours or exact moments is tested beside the code.
#![cfg(test)]

use std::time::{Duration, Instant};

use end_to_end::{Answer, Binary, Gateway, Invocation, PATIENCE, Request, Setup, World, http_get};
use futures_util::future::join_all;
use sandbox::{Config, Fault, Mint, Sandbox};
use serde_json::{Value, json};

const DISCOVERY: &str = "/issuer/.well-known/openid-configuration";
const JWKS: &str = "/issuer/jwks";
const ALWAYS: u32 = 1_000_000;

fn fetches(world: &World) -> usize {
    world.sandbox.calls().iter().filter(|call| call.path == JWKS).count()
}

fn with_kid(world: &World, kid: &str) -> Request {
    let header = json!({"kid": kid}).as_object().unwrap().clone();
    Request::get("/calendly/user").bearer(&world.sandbox.mint(Mint { header, ..Mint::default() }))
}

fn json_body(body: &str) -> Fault {
    Fault::Body { content_type: "application/json".to_owned(), body: body.to_owned() }
}

fn verdict(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A world whose issuer behaves so from the start.
async fn world_with(path: &str, times: u32, fault: Fault) -> World {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault(path, times, fault);
    let world = Setup::of(Binary::User).spawn_with(sandbox).await;
    world.function.wait_for_init().await;
    world
}

/// Asks until the back-off is over.
async fn recovers(world: &World) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match world.ask(&[]).await.verdict() {
            (200, _) => return true,
            refused => assert_eq!(refused, verdict(503, "keys_unavailable")),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn init_fetches_the_keys_and_requests_do_not() {
    let world = Setup::of(Binary::User).start().await;
    assert_eq!(fetches(&world), 1);
    for _ in 0..5 {
        assert_eq!(world.ask(&[]).await.status, 200);
    }
    assert_eq!(fetches(&world), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_found_by_the_first_token_that_it_signed() {
    let world = Setup::of(Binary::User).start().await;
    let old = world.request();
    assert_eq!(world.send(&old).await.status, 200);
    world.sandbox.rotate_keys();
    assert_eq!(world.send(&old).await.status, 200, "kept keys serve");
    assert_eq!(world.send(&world.request()).await.status, 200);
    assert_eq!(fetches(&world), 2);
    assert_eq!(
        world.send(&old).await.verdict(),
        verdict(401, "token_invalid"),
        "it is not published any more"
    );
    assert_eq!(fetches(&world), 2, "and is not asked for within the cool-down");
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_kids_cost_one_fetch() {
    let world = Setup::of(Binary::User).start().await;
    let began = Instant::now();
    for number in 0..50 {
        let answer = world.send(&with_kid(&world, &format!("made-up-{number}"))).await;
        assert_eq!(answer.verdict(), verdict(401, "token_invalid"));
    }
    assert!(began.elapsed() < Duration::from_secs(10), "within one cool-down");
    assert_eq!(fetches(&world), 2);
}

/// A connection that breaks may have died while the environment was frozen: that fetch asks once more.
#[tokio::test(flavor = "multi_thread")]
async fn kept_keys_serve_while_the_issuer_is_down() {
    for (fault, calls_of_a_fetch) in [(Fault::status(503), 1), (Fault::Reset, 2)] {
        let world = Setup::of(Binary::User).start().await;
        for path in [DISCOVERY, JWKS] {
            world.sandbox.fault(path, ALWAYS, fault.clone());
        }
        let discoveries = || world.sandbox.calls().iter().filter(|call| call.path == DISCOVERY).count();
        let before = discoveries();
        let began = Instant::now();
        for _ in 0..20 {
            let answer = world.send(&with_kid(&world, "newer")).await;
            assert_eq!(answer.verdict(), verdict(503, "keys_unavailable"), "nobody knows whether it is good");
            assert_eq!(answer.header("www-authenticate"), None);
            assert_eq!(world.ask(&[]).await.status, 200);
        }
        assert!(began.elapsed() < Duration::from_secs(10), "within one cool-down");
        assert_eq!(
            discoveries(),
            before + calls_of_a_fetch,
            "{fault:?}: one fetch per cool-down, failed or not"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_key_spoils_only_itself() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    let jwks = http_get(&format!("{}{JWKS}", sandbox.base_url()), "", &[]).await;
    let mut jwks: Value = serde_json::from_str(&jwks).unwrap();
    let keys = jwks["keys"].as_array_mut().unwrap();
    for bad in [
        json!("no object"),
        json!({"kty": "RSA", "kid": "a", "n": "!", "e": "AQAB"}),
        json!({"kty": "EC", "kid": "b", "crv": "P-256", "x": "AA", "y": "AA"}),
        json!({"kty": "AKP", "kid": "c", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "RSA", "kid": 5}),
        Value::Null,
    ] {
        keys.insert(0, bad);
    }
    sandbox.fault(JWKS, ALWAYS, json_body(&jwks.to_string()));
    let world = Setup::of(Binary::User).spawn_with(sandbox).await;
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_gives_no_keys_is_named_in_the_log_and_not_in_the_answer() {
    let issuer_of_another =
        json!({"issuer": "https://another.example", "jwks_uri": "https://another.example/jwks"});
    for (path, fault, expected) in [
        (JWKS, json_body(r#"{"keys":[]}"#), "none of the 0 keys of the JWK Set can be used"),
        (JWKS, json_body("<html>"), "the answer is not a JWK Set"),
        (JWKS, Fault::Oversized { bytes: 2_000_000 }, "the issuer's answer is larger than 524288 bytes"),
        (
            JWKS,
            Fault::Redirect { location: "https://another.example/".to_owned() },
            "the issuer answered 302 Found",
        ),
        (JWKS, Fault::Truncated { after: 20 }, "the issuer's answer broke off"),
        (
            DISCOVERY,
            json_body(&issuer_of_another.to_string()),
            "differs from JWT_ISSUER",
        ),
        (DISCOVERY, Fault::status(500), "the issuer answered 500 Internal Server Error"),
    ] {
        let world = world_with(path, ALWAYS, fault).await;
        let answer = world.ask(&[]).await;
        assert_eq!(answer.verdict(), verdict(503, "keys_unavailable"), "{expected}");
        assert!(!answer.detail().contains(expected), "{}", answer.detail());
        let log = world.function.raw_output();
        assert!(log.contains(expected), "{expected}: {log}");
        world.sandbox.clear_faults();
        assert!(recovers(&world).await, "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_not_fetched_in_the_clear_from_elsewhere() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    let metadata = json!({"issuer": sandbox.issuer_url(), "jwks_uri": "http://198.51.100.1/jwks"});
    sandbox.fault(DISCOVERY, ALWAYS, json_body(&metadata.to_string()));
    let world = Setup::of(Binary::User).spawn_with(sandbox).await;
    let answer = world.ask(&[]).await;
    assert_eq!(answer.verdict(), verdict(503, "keys_unavailable"));
    let log = world.function.raw_output();
    assert!(log.contains("jwks_uri: must be https"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fetch_is_followed_by_a_growing_back_off() {
    let world = world_with(JWKS, ALWAYS, Fault::status(500)).await;
    // Twice at once, then 500, 1,500 and 3,500 ms later, beside init's own.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(world.ask(&[]).await.verdict(), verdict(503, "keys_unavailable"));
    }
    let fetches = fetches(&world) - 1;
    assert!((2..=4).contains(&fetches), "{fetches} fetches in three seconds");
    world.sandbox.clear_faults();
    assert!(recovers(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_comes_back_after_one_refusal_is_noticed_at_once() {
    let world = world_with(JWKS, ALWAYS, Fault::status(500)).await;
    assert_eq!(world.ask(&[]).await.verdict(), verdict(503, "keys_unavailable"));
    world.sandbox.clear_faults();
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_hangs_does_not_hold_a_request_beyond_its_deadline() {
    let world = world_with(JWKS, 2, Fault::Hang).await;
    let began = Instant::now();
    let event = world.request().through(Gateway::HttpApi);
    let invocation = Invocation::new(&event).within(Duration::from_millis(1_500));
    let answer = Answer::of(world.function.invoke(invocation).await);
    assert_eq!(answer.verdict(), verdict(504, "deadline_exceeded"));
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert!(recovers(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fetch_serves_however_many_wait() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault(JWKS, 1, Fault::status(500));
    sandbox.fault(JWKS, ALWAYS, Fault::Delay { milliseconds: 500 });
    let setup = Setup::of(Binary::User).with("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let world = setup.spawn_with(sandbox).await;
    world.function.wait_for_polls(8).await;
    let before = fetches(&world);
    let answers = join_all((0..8).map(|_| world.ask(&[]))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; 8]);
    assert_eq!(fetches(&world), before + 1);
    // The same for keys that nobody has seen yet.
    world.sandbox.rotate_keys();
    let answers = join_all((0..8).map(|_| world.ask(&[]))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(fetches(&world), before + 2);
}
