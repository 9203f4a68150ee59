//! The deadline of an invocation (contract, sections 2 and 5).
#![cfg(test)]

use std::time::{Duration, SystemTime};

use end_to_end::{Answer, Binary, Gateway, Invocation, Request, Setup, Trouble, World, day};
use sandbox::{Config, DEFAULT_PAT, Fault, Sandbox};
use serde_json::json;

const ME: &str = "/users/me";

/// The path that each function calls last.
fn path(binary: Binary) -> &'static str {
    match binary {
        Binary::User => ME,
        Binary::UserEventTypes => "/event_types",
        Binary::CheckAvailability => "/event_type_available_times",
    }
}

/// A good request that makes a single call where that can be.
fn request(world: &World) -> Request {
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    match world.binary {
        Binary::CheckAvailability => world.request().query(&[
            ("start_time", &*day(2).to_string()),
            ("end_time", &day(9).to_string()),
            ("event_type", &uri),
        ]),
        _ => world.request(),
    }
}

/// The answer to a request that must be answered this soon, once it comes in good time. A machine that is
/// busy with something else may delay one answer, but not each.
async fn answer_in_good_time(world: &World, request: &Request, time: Duration) -> Answer {
    let mut left = Duration::ZERO;
    for _ in 0..3 {
        let invocation = Invocation::new(&request.through(Gateway::HttpApi)).within(time);
        let deadline = invocation.deadline;
        let answer = Answer::of(world.function.invoke(invocation).await);
        left = deadline.duration_since(answer.arrived).unwrap_or_default();
        if left >= Duration::from_millis(250) {
            return answer;
        }
    }
    panic!("only {left:?} were left");
}

#[tokio::test(flavor = "multi_thread")]
async fn running_out_of_time_is_504_in_good_time() {
    for binary in Binary::ALL {
        let world = Setup::of(binary).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
        world.sandbox.fault(path(binary), 100, Fault::Hang);
        let answer = answer_in_good_time(&world, &request(&world), Duration::from_secs(1)).await;
        assert_eq!(answer.verdict(), (504, "deadline_exceeded".to_owned()), "{binary:?}: {}", answer.body);
        let line = world.end_line(&answer.request_id).await;
        assert_eq!((&line["status"], &line["code"]), (&json!(504), &json!("deadline_exceeded")));
        world.sandbox.clear_faults();
        assert_eq!(world.send(&request(&world)).await.status, 200, "{binary:?}: the next request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_never_run_past_the_deadline() {
    let setup = Setup::of(Binary::CheckAvailability).with("CALENDLY_MAX_RETRIES", "10");
    let world = setup.start().await;
    world.sandbox.fault(path(world.binary), 100, Fault::status(503));
    let answer = answer_in_good_time(&world, &request(&world), Duration::from_millis(1_200)).await;
    assert!([503, 504].contains(&answer.status), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_bounds_reading_the_pat() {
    let callers_own = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
    let world = callers_own.start().await;
    world.secrets.trouble(Trouble::Hang);
    let answer = answer_in_good_time(&world, &request(&world), Duration::from_secs(1)).await;
    assert!([503, 504].contains(&answer.status), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_bounds_reading_the_issuers_keys() {
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault("/issuer/jwks", 100, Fault::Hang);
    let world = Setup::of(Binary::User).spawn_with(sandbox).await;
    world.function.wait_for_init().await;
    let answer = answer_in_good_time(&world, &request(&world), Duration::from_secs(1)).await;
    assert!([503, 504].contains(&answer.status), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_is_already_past_counts_as_none() {
    let world = Setup::of(Binary::User).start().await;
    world.sandbox.fault(ME, 1, Fault::Delay { milliseconds: 500 });
    let event = world.request().through(Gateway::HttpApi);
    let past =
        [SystemTime::UNIX_EPOCH + Duration::from_secs(600), SystemTime::now() - Duration::from_secs(1)];
    for deadline in past {
        let invocation = Invocation::new(&event).with_deadline(deadline);
        let answer = Answer::of(world.function.invoke(invocation).await);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_deadline_the_limit_is_25_seconds() {
    let world = Setup::of(Binary::User).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
    world.sandbox.fault(ME, 1, Fault::Hang);
    let event = world.request().through(Gateway::HttpApi);
    let began = SystemTime::now();
    let invocation = Invocation::new(&event).with_deadline(SystemTime::UNIX_EPOCH);
    let answer = Answer::of(world.function.invoke(invocation).await);
    assert_eq!(answer.verdict(), (504, "deadline_exceeded".to_owned()));
    let took = answer.arrived.duration_since(began).unwrap();
    assert!(took > Duration::from_secs(24) && took < Duration::from_secs(26), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_bounds_compressing_a_large_answer() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    // Text that gzip has work with, and that is small enough afterwards.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let text: String = (0..8_000_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 62) & 3).unwrap())
        })
        .collect();
    let row = json!({"uri": "https://api.calendly.com/event_types/x", "name": text});
    let page = json!({"collection": [row], "pagination": {"next_page_token": null}}).to_string();
    let request = world.request().header("accept-encoding", "gzip");
    for milliseconds in [1_000, 1_700, 2_900] {
        world.sandbox.clear_faults();
        let fault = Fault::Body { content_type: "application/json".to_owned(), body: page.clone() };
        world.sandbox.fault("/event_types", 3, fault);
        let answer = answer_in_good_time(&world, &request, Duration::from_millis(milliseconds)).await;
        let verdicts = [(200, String::new()), (504, "deadline_exceeded".to_owned())];
        assert!(verdicts.contains(&answer.verdict()), "{milliseconds} ms: {:.300}", answer.body);
    }
}
