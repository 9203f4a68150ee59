//! How much memory an answer takes, whatever Calendly sends (contract, section 8).
#![cfg(test)]

use std::time::Duration;

use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, Gateway, Invocation, Request, SMALLEST_MEMORY, Setup, World, large_page,
    large_window, list_of, midnight, utc, window_of_small_slots,
};
use sandbox::{DEFAULT_PAT, Fault};

const MIB: usize = 1024 * 1024;

/// All pages or windows together.
const LARGEST: usize = 32 * MIB;

fn body(body: String) -> Fault {
    Fault::Body { content_type: "application/json; charset=utf-8".to_owned(), body }
}

/// A whole year, of one event type.
fn year(world: &World) -> Request {
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let (start, end) = (utc(midnight(2)), utc(midnight(2 + 365)));
    world.request().query(&[("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)])
}

/// With time enough for a busy machine and a binary that is not optimized.
async fn send(world: &World, request: &Request) -> Answer {
    let event = request.clone().header("accept-encoding", "gzip").through(Gateway::HttpApi);
    Answer::of(world.function.invoke(Invocation::new(&event).within(Duration::from_secs(60))).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_windows_too_large_is_refused_in_bounded_memory() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for padding in [10_000, 0] {
        for number in 0..12 {
            world.sandbox.fault(AVAILABLE_TIMES, 1, body(large_window(15 * MIB, number, padding)));
        }
        let answer = send(&world, &year(&world)).await;
        assert_eq!(answer.verdict(), (500, "answer_too_large".to_owned()), "{:.300}", answer.body);
        let peak = world.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{} MiB with a padding of {padding}", peak / 1024 / 1024);
        world.sandbox.clear_faults();
    }
    assert_eq!(send(&world, &year(&world)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_too_large_are_refused_in_bounded_memory() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    for number in 0..12 {
        world.sandbox.fault("/event_types", 1, body(large_page(15 * MIB, Some(&format!("page-{number}")))));
    }
    let answer = send(&world, &world.request()).await;
    assert_eq!(answer.verdict(), (500, "answer_too_large".to_owned()), "{:.300}", answer.body);
    let peak = world.function.peak_memory().await;
    assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
    world.sandbox.clear_faults();
    assert_eq!(send(&world, &world.request()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_things_take_no_more_memory_than_a_few_large_ones() {
    for (binary, path, answer, expected) in [
        (
            Binary::CheckAvailability,
            AVAILABLE_TIMES,
            list_of("0", 30 * MIB),
            (502, "calendly_invalid_response"),
        ),
        (
            Binary::CheckAvailability,
            AVAILABLE_TIMES,
            list_of("{}", 30 * MIB),
            (502, "calendly_invalid_response"),
        ),
        (Binary::CheckAvailability, AVAILABLE_TIMES, window_of_small_slots(31 * MIB, 0), (200, "")),
        (Binary::UserEventTypes, "/event_types", list_of("0", 30 * MIB), (502, "calendly_invalid_response")),
        (Binary::UserEventTypes, "/event_types", list_of("{}", 30 * MIB), (200, "")),
    ] {
        let world = Setup::of(binary).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
        world.sandbox.fault(path, 1, body(answer));
        let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
        let (start, end) = (utc(midnight(2)), utc(midnight(9)));
        let request = match binary {
            Binary::CheckAvailability => {
                world.request().query(&[("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)])
            }
            _ => world.request(),
        };
        let answer = send(&world, &request).await;
        assert_eq!(answer.verdict(), (expected.0, expected.1.to_owned()), "{:.300}", answer.body);
        let peak = world.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{binary:?} {expected:?}: {} MiB", peak / 1024 / 1024);
    }
    let windows = Setup::of(Binary::CheckAvailability).start().await;
    for number in 0..12 {
        windows.sandbox.fault(AVAILABLE_TIMES, 1, body(window_of_small_slots(5 * MIB / 2, number)));
    }
    assert_eq!(send(&windows, &year(&windows)).await.status, 200);
    let peak = windows.function.peak_memory().await;
    assert!(peak < SMALLEST_MEMORY, "a year: {} MiB", peak / 1024 / 1024);
}

/// Where only some members are passed on, they are looked through.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_type_of_many_members_is_looked_through_in_bounded_memory() {
    let world = Setup::of(Binary::UserEventTypes)
        .with("EVENT_TYPE_FIELDS", "name")
        .with("CALENDLY_TIMEOUT_MS", "60000")
        .start()
        .await;
    let members = vec![r#""":1"#; 30 * MIB / 5].join(",");
    let event_type = format!(r#"{{"uri":"urn:x",{members}}}"#);
    world.sandbox.fault("/event_types", 1, body(list_of(&event_type, event_type.len() + 1)));
    let answer = send(&world, &world.request()).await;
    assert_eq!((answer.status, &*answer.body), (200, r#"[{"uri":"urn:x"}]"#), "{:.300}", answer.body);
    let peak = world.function.peak_memory().await;
    assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_answers_that_are_taken_stay_within_the_smallest_memory() {
    let list = Setup::of(Binary::UserEventTypes).start().await;
    list.sandbox.fault("/event_types", 1, body(large_page(15 * MIB, Some("a"))));
    list.sandbox.fault("/event_types", 1, body(large_page(15 * MIB, None)));
    let answer = send(&list, &list.request()).await;
    assert_eq!((answer.status, answer.is_gzipped), (200, true), "{:.300}", answer.body);
    assert!(answer.body.len() > LARGEST * 9 / 10);
    let peak = list.function.peak_memory().await;
    assert!(peak < SMALLEST_MEMORY, "event types: {} MiB", peak / 1024 / 1024);

    for (zone, padding) in [(None, 10_000), (None, 0), (Some(("timezone", "Asia/Kathmandu")), 0)] {
        let times = Setup::of(Binary::CheckAvailability).start().await;
        for number in 0..12 {
            times.sandbox.fault(AVAILABLE_TIMES, 1, body(large_window(5 * MIB / 2, number, padding)));
        }
        let request = year(&times).query(&zone.into_iter().collect::<Vec<_>>());
        let answer = send(&times, &request).await;
        match zone {
            None => assert_eq!((answer.status, answer.is_gzipped), (200, true), "{:.300}", answer.body),
            // Local times make it larger than what Calendly sent, so that it may not fit.
            Some(_) => assert!([200, 500].contains(&answer.status), "{:.300}", answer.body),
        }
        assert_eq!(times.calendly_calls().len(), 12);
        let peak = times.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{padding} {zone:?}: {} MiB", peak / 1024 / 1024);
    }
}
