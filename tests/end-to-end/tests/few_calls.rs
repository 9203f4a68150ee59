//! How many calls of Calendly and of Secrets Manager a request costs, cold and warm.
#![cfg(test)]

use std::time::Duration;

use end_to_end::{Answer, Binary, Gateway, Invocation, Setup, World, day, until};
use sandbox::{Account, Catalogue, DEFAULT_PAT, Fault};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

const TIMES: &str = "/event_type_available_times";
const LIST: &str = "/event_types";
const ME: &str = "/users/me";

/// The answer, and the paths that were called for it; the log line must agree.
async fn cost(world: &World, query: &[(&str, &str)]) -> (Answer, Vec<String>) {
    world.sandbox.forget_calls();
    let answer = world.ask(query).await;
    let paths = world.calendly_paths();
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], paths.len(), "{line}");
    assert_eq!(line["calendly_retries"], 0, "{line}");
    (answer, paths)
}

fn range(days: u64) -> [(&'static str, String); 2] {
    [("start_time", format!("{}T00:00:00Z", day(2))), ("end_time", format!("{}T00:00:00Z", day(2 + days)))]
}

async fn cost_of_range(world: &World, days: u64, event_type: Option<&str>) -> Vec<String> {
    let range = range(days);
    let mut query: Vec<(&str, &str)> = range.iter().map(|(name, value)| (*name, &**value)).collect();
    query.extend(event_type.map(|event_type| ("event_type", event_type)));
    let (answer, paths) = cost(world, &query).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn user_makes_one_call_cold_and_none_warm() {
    let world = Setup::of(Binary::User).start().await;
    assert_eq!(cost(&world, &[]).await.1, [ME]);
    for _ in 0..3 {
        let (answer, paths) = cost(&world, &[]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(paths, Vec::<String>::new());
    }
    assert_eq!(world.secrets.reads(), std::slice::from_ref(&world.secret_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn event_types_make_one_call_per_page_warm() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    assert_eq!(cost(&world, &[]).await.1, [ME, LIST]);
    assert_eq!(cost(&world, &[]).await.1, [LIST], "answers of Calendly are never kept");
    assert_eq!(cost(&world, &[("active", "true")]).await.1, [LIST]);
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_makes_three_calls_cold_and_one_per_window_warm() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    assert_eq!(cost_of_range(&world, 7, None).await, [ME, LIST, TIMES]);
    assert_eq!(cost_of_range(&world, 7, None).await, [TIMES]);
    assert_eq!(cost_of_range(&world, 62, None).await, [TIMES, TIMES]);
    assert_eq!(cost_of_range(&world, 7, Some("demo")).await, [LIST, TIMES]);
    assert_eq!(cost_of_range(&world, 7, Some("demo")).await, [TIMES]);
    assert_eq!(cost_of_range(&world, 7, None).await, [TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_type_by_uri_costs_one_call_even_cold() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    assert_eq!(cost_of_range(&world, 7, Some(&uri)).await, [TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_type_cache_seconds_zero_turns_it_off() {
    let world = Setup::of(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "0").start().await;
    assert_eq!(cost_of_range(&world, 7, None).await, [ME, LIST, TIMES]);
    assert_eq!(cost_of_range(&world, 7, None).await, [LIST, TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_kept_only_as_long_as_configured() {
    let world = Setup::of(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "1").start().await;
    cost_of_range(&world, 7, None).await;
    // The choice was made before now.
    sleep_until(Instant::now() + Duration::from_millis(1_050)).await;
    assert_eq!(cost_of_range(&world, 7, None).await, [LIST, TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pat_and_its_user_are_kept_only_as_long_as_configured() {
    let world = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "1").start().await;
    cost(&world, &[]).await;
    sleep_until(Instant::now() + Duration::from_millis(1_050)).await;
    let reads = world.secrets.reads().len();
    assert_eq!(cost(&world, &[]).await.1, [ME]);
    assert_eq!(world.secrets.reads().len(), reads + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_with_one_pat_is_never_used_with_another() {
    let world = Setup::of(Binary::CheckAvailability).with("PAT_CACHE_SECONDS", "1").start().await;
    let day = range(7);
    let query: Vec<(&str, &str)> = day.iter().map(|(name, value)| (*name, &**value)).collect();
    let first = world.ask(&query).await.json();
    world.sandbox.add_account(Account::new("pat-of-another").of_user("Another"));
    world.secrets.store(&world.secret_id, "pat-of-another").await;
    sleep_until(Instant::now() + Duration::from_millis(1_050)).await;
    let (second, paths) = cost(&world, &query).await;
    let second = second.json();
    assert_eq!(paths, [ME, LIST, TIMES]);
    assert_eq!(
        Some(&second["event_type"]),
        world.sandbox.event_type_uri("pat-of-another", "catch-up").map(|uri| json!(uri)).as_ref()
    );
    assert_ne!(first["event_type"], second["event_type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_with_pats_of_their_own_have_choices_of_their_own() {
    let setup = Setup::of(Binary::CheckAvailability).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
    let world = setup.start().await;
    let day = range(7);
    let query: Vec<(&str, &str)> = day.iter().map(|(name, value)| (*name, &**value)).collect();
    for caller in ["ann", "ben"] {
        let pat = format!("pat-of-{caller}");
        world.sandbox.add_account(Account::new(&pat).of_user(caller));
        world.secrets.store(&format!("{}/{caller}", world.secret_id), &pat).await;
    }
    for round in 0..2 {
        for caller in ["ann", "ben"] {
            let request = world.request_with_claims(json!({"sub": caller})).query(&query);
            world.sandbox.forget_calls();
            let answer = world.send(&request).await;
            let expected = world.sandbox.event_type_uri(&format!("pat-of-{caller}"), "catch-up").unwrap();
            assert_eq!(answer.json()["event_type"], expected, "{caller}: {}", answer.body);
            let calls = world.calendly_calls();
            assert!(calls.iter().all(|call| call.bearer.as_deref() == Some(&format!("pat-of-{caller}"))));
            assert_eq!(calls.len(), if round == 0 { 3 } else { 1 }, "{caller}, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_request_makes_its_calls_one_after_the_other_and_no_more() {
    let account = Account::new(DEFAULT_PAT).with_catalogue(Catalogue::Sample { generated: 0 });
    let setup = Setup::of(Binary::CheckAvailability).sandbox(|sandbox| sandbox.pats = vec![account]);
    let world = setup.start().await;
    cost_of_range(&world, 31, None).await;
    let calls = until("three finished calls", || {
        let calls = world.calendly_calls();
        calls.iter().all(|call| call.finished_at.is_some()).then_some(calls)
    })
    .await;
    assert_eq!(calls.len(), 3);
    assert!(calls.windows(2).all(|pair| pair[0].finished_at.unwrap() <= pair[1].started_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn pat_cache_seconds_zero_keeps_neither_the_pat_nor_its_user() {
    let world = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "0").start().await;
    let reads = world.secrets.reads().len();
    for round in 1..=3 {
        assert_eq!(cost(&world, &[]).await.1, [ME]);
        assert_eq!(world.secrets.reads().len(), reads + round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_given_up_count_too() {
    let world = Setup::of(Binary::CheckAvailability).with("CALENDLY_MAX_RETRIES", "0").start().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    // Four windows, all of which are asked at once.
    let range = range(124);
    let mut query: Vec<(&str, &str)> = range.iter().map(|(name, value)| (*name, &**value)).collect();
    query.push(("event_type", &uri));

    // One window fails while others are on their way.
    world.sandbox.fault(TIMES, 3, Fault::Delay { milliseconds: 500 });
    world.sandbox.fault(TIMES, 1, Fault::status(403));
    let answer = world.ask(&query).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], world.calendly_paths().len(), "{line}");

    // The deadline comes while calls are on their way.
    world.sandbox.clear_faults();
    world.sandbox.forget_calls();
    world.sandbox.fault(TIMES, 100, Fault::Hang);
    let event = world.request().query(&query).through(Gateway::HttpApi);
    let invocation = Invocation::new(&event).within(Duration::from_secs(1));
    let answer = Answer::of(world.function.invoke(invocation).await);
    assert_eq!(answer.status, 504, "{}", answer.body);
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], world.calendly_paths().len(), "{line}");
}
