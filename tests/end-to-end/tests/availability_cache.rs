//! The availability cache of one environment (docs/contract.md, section 9). [`super::remote_cache`] tests the shared one.

use std::time::Duration;

use chrono::{SubsecRound, TimeDelta, Timelike, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, FakeClock, Function, Request, Setup, World, day, json_fault, midnight,
    utc, windows,
};
use sandbox::Fault;
use serde_json::{Value, json};

/// A time to live that does not end during a test.
pub(crate) const LONG: &str = "300";

pub(crate) fn setup(seconds: &str) -> Setup {
    Setup::new(Binary::CheckAvailability).with("AVAILABILITY_CACHE_SECONDS", seconds)
}

/// A request that names the event type by its URI.
pub(crate) fn request(world: &World, start: &str, end: &str) -> Request {
    let uri = world.event_type_uri("demo");
    world.request().query(&[("event_type", &*uri), ("start_time", start), ("end_time", end)])
}

/// A request about a few days.
pub(crate) fn some_days(world: &World) -> Request {
    world.request().days(2, 5).event_type(&world.event_type_uri("demo"))
}

pub(crate) async fn send_ok(function: &Function, request: &Request) -> Value {
    let answer = function.send(request).await;
    answer.assert_ok("a good request");
    answer.json()
}

pub(crate) fn without_as_of(mut answer: Value) -> Value {
    assert!(answer.as_object_mut().unwrap().remove("as_of").is_some(), "{answer}");
    answer
}

/// The age of an answer, in seconds.
fn age(answer: &Answer) -> u64 {
    answer.header("age").unwrap().parse().unwrap()
}

/// A world whose availability is fresh for [`LONG`] seconds, and a clock to let it expire.
async fn world_with_clock(configure: impl FnOnce(Setup) -> Setup) -> (World, FakeClock) {
    let clock = FakeClock::new();
    (configure(setup(LONG)).with_all(clock.variables(true)).start().await, clock)
}

/// An offset of the clock after which the first answers are no longer fresh.
const EXPIRED: Duration = Duration::from_secs(301);

#[tokio::test(flavor = "multi_thread")]
async fn cached_answers_are_those_without_a_cache() {
    let world = setup(LONG).start().await;
    // Slots of 40 days, whatever the requested window: the sandbox's own change with the time of the call.
    let slot = |number: i64| {
        let start = midnight(2) + TimeDelta::minutes(30 * number);
        json!({"status": "available", "start_time": utc(start)})
    };
    let slots: Vec<Value> = (0..40 * 48).map(slot).collect();
    world.sandbox.fault(AVAILABLE_TIMES, u32::MAX, json_fault(&json!({"collection": slots})));
    let plain =
        world.start_environment(Binary::CheckAvailability, &[("AVAILABILITY_CACHE_SECONDS", "0")]).await;
    let at = |days: u64, time: &str| format!("{}T{time}", day(days));
    for (start, end, count) in [
        (day(3).to_string(), day(6).to_string(), 4 * 48),
        (at(2, "09:10:00Z"), at(2, "16:40:00Z"), 15),
        // Two windows, whose answers overlap.
        (at(3, "23:59:59.5Z"), at(40, "00:00:00Z"), 36 * 48 + 1),
        ("2020-01-01".to_owned(), at(3, "10:00:00Z"), 48 + 21),
    ] {
        for more in [&[][..], &[("timezone", "Asia/Kathmandu")], &[("limit", "7")], &[("match", "all")]] {
            let request = request(&world, &start, &end).query(more);
            let expected = send_ok(&plain, &request).await;
            let count = if more == [("limit", "7")] { 7 } else { count };
            assert_eq!(expected["collection"].as_array().unwrap().len(), count, "{start} to {end} {more:?}");
            for round in 0..2 {
                let mut answer = without_as_of(send_ok(&world.function, &request).await);
                // A moved start is computed from the second in which the request arrived.
                if start == "2020-01-01" {
                    answer["start_time"] = expected["start_time"].clone();
                }
                assert!(
                    answer == expected,
                    "{start} to {end} {more:?}, {round}: {answer:.500} and {expected:.500}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn near_ranges_share_a_window() {
    let world = setup(LONG).start().await;
    let at = |hours: i64| utc(midnight(10) + TimeDelta::minutes(7) + TimeDelta::hours(hours));
    world.send(&request(&world, &at(0), &at(5))).await.assert_ok("");
    let [(start, end)] = windows(&world)[..] else { panic!("{:?}", windows(&world)) };
    assert_eq!((start.minute(), end.minute()), (0, 0));
    world.sandbox.forget_calls();
    let answer = world.send(&request(&world, &at(1), &at(30))).await;
    answer.assert_ok("");
    assert_eq!(world.calendly_calls(), []);
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(
        (&line["cache"]["availability"], &line["calendly_calls"]),
        (&json!(true), &json!(0)),
        "{line}"
    );
    assert_eq!(line["AvailabilityFromMemory"].as_f64(), Some(1.0), "{line}");
    let answer = world.send(&request(&world, &at(0), &at(24 * 60))).await;
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(line["AvailabilityFromCalendly"].as_f64(), Some(2.0), "{line}");
}

/// A cached answer that starts in the current hour does not cover earlier times of that hour.
#[tokio::test(flavor = "multi_thread")]
async fn window_of_the_present_serves_no_earlier_start() {
    let (world, clock) = world_with_clock(|setup| setup).await;
    // Not in the last ten minutes of an hour, so that all starts are within one.
    let into_hour = Utc::now().timestamp() % 3_600;
    let offset = if into_hour < 3_000 { 0 } else { 3_660 - into_hour };
    clock.set_offset(Duration::from_secs(offset as u64));
    let in_seconds = |seconds: i64| utc(Utc::now().trunc_subsecs(0) + TimeDelta::seconds(offset + seconds));
    let end = in_seconds(7_200);
    for (start, calls) in [("2020-01-01", 1), ("2020-01-01", 1), (&*in_seconds(20), 2), (&*in_seconds(40), 2)]
    {
        world.send(&request(&world, start, &end)).await.assert_ok(start);
        assert_eq!(world.calendly_calls().len(), calls, "{start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_and_expiry_refresh_the_cache() {
    let (world, clock) = world_with_clock(|setup| setup).await;
    let request = some_days(&world);
    for _ in 0..2 {
        send_ok(&world.function, &request).await;
    }
    assert_eq!(world.calendly_calls().len(), 1);
    clock.set_offset(EXPIRED);
    send_ok(&world.function, &request).await;
    assert_eq!(world.calendly_calls().len(), 2);
    world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": []})));
    let no_cache = request.clone().header("cache-control", "max-age=0, No-Cache");
    for request in [no_cache, request] {
        assert_eq!(send_ok(&world.function, &request).await["collection"], json!([]));
    }
    assert_eq!(world.calendly_calls().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_answer_serves_while_calendly_fails() {
    let (world, clock) = world_with_clock(|setup| {
        setup.with("AVAILABILITY_STALE_SECONDS", "300").with("CALENDLY_MAX_RETRIES", "0")
    })
    .await;
    let request = some_days(&world);
    let first = send_ok(&world.function, &request).await;
    clock.set_offset(EXPIRED);
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(403));
    world.send(&request).await.assert_error(403, "calendly_error", "a refusal is no failure");
    world.sandbox.fault(AVAILABLE_TIMES, u32::MAX, Fault::Hang);
    let answer = world.send(&request).await;
    answer.assert_ok("");
    assert!(answer.json() == first && age(&answer) >= EXPIRED.as_secs());
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(line["AvailabilityStale"].as_f64(), Some(1.0), "{line}");
    assert!(line["AnswerAge"].as_f64().unwrap() >= EXPIRED.as_secs_f64(), "{line}");
    let no_cache = request.header("cache-control", "no-cache");
    world.send(&no_cache).await.assert_error(502, "calendly_unreachable", "no-cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_is_not_cached() {
    let world = setup(LONG).start().await;
    let uri = world.event_type_uri("demo");
    let at = format!("{}T10:00:00Z", day(3));
    send_ok(&world.function, &some_days(&world)).await;
    for calls in 2..4 {
        let answer = world.get(&[("at", &at), ("event_type", &uri)]).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, calls));
        assert_eq!((answer.json().get("as_of"), answer.header("age")), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_answers_serve_when_quota_is_low() {
    let (world, clock) = world_with_clock(|setup| {
        let setup = setup.with("AVAILABILITY_CACHE_SECONDS", "10").with("AVAILABILITY_STALE_SECONDS", "300");
        setup.sandbox(|sandbox| sandbox.rate_limit = 3)
    })
    .await;
    let request = some_days(&world);
    // The third call leaves no quota. It resets a minute after the first.
    for (round, calls) in [(0, 1), (1, 2), (2, 3), (3, 3)] {
        clock.set_offset(Duration::from_secs(11 * round));
        let answer = world.send(&request).await;
        answer.assert_ok(round);
        assert_eq!(world.calendly_calls().len(), calls, "{round}");
        let line = world.log_line(&answer.request_id).await;
        assert_eq!(line.get("AvailabilityFromMemory").is_some(), round == 3, "{line}");
    }
}

/// A 429 that asks for no wait backs off like any other failure.
#[tokio::test(flavor = "multi_thread")]
async fn calls_resume_after_a_429_without_a_wait() {
    let (world, clock) = world_with_clock(|setup| {
        setup.with("AVAILABILITY_STALE_SECONDS", "300").with("CALENDLY_MAX_RETRIES", "0")
    })
    .await;
    let request = some_days(&world);
    let first = send_ok(&world.function, &request).await;
    clock.set_offset(EXPIRED);
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(429));
    assert!(send_ok(&world.function, &request).await == first, "a stale answer");
    // The first backoff is one second.
    clock.set_offset(EXPIRED + Duration::from_secs(2));
    assert_ne!(send_ok(&world.function, &request).await["as_of"], first["as_of"]);
}
