//! `start_time`, `end_time` and `timezone` (docs/contract.md, sections 1.3 and 8). The tables of accepted and refused
//! values are unit tests.

use chrono::{TimeDelta, Utc};
use end_to_end::{AVAILABLE_TIMES, Binary, Gateway, Setup, day, json_fault, midnight, time, utc, windows};
use sandbox::Fault;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn times_are_understood_through_both_gateways() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let day = day(20);
    for (query, start, end) in [
        // An encoded plus, and one that the client forgot to encode.
        (
            format!("start_time={day}T09:00:00%2B02:00&end_time={day}T10:00:00+02:00"),
            format!("{day}T07:00:00Z"),
            format!("{day}T08:00:00Z"),
        ),
        (
            format!("start_time={day}T09:00&end_time={day}T10:30&timezone=Etc/GMT+5"),
            format!("{day}T14:00:00Z"),
            format!("{day}T15:30:00Z"),
        ),
    ] {
        for gateway in Gateway::BOTH {
            world.sandbox.forget_calls();
            let answer = world.send_through(gateway, &world.request().raw_query(&query)).await;
            answer.assert_ok(&query);
            let json = answer.json();
            assert_eq!((&json["start_time"], &json["end_time"]), (&json!(start), &json!(end)), "{query}");
            assert_eq!(windows(&world), [(time(&json!(start)), time(&json!(end)))]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn midnight_after_a_bare_end_date_belongs_to_the_next_day() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let (day, next) = (day(3), day(4));
    let slots = [format!("{day}T14:30:00Z"), format!("{day}T15:00:00Z")]
        .map(|start| json!({"status": "available", "start_time": start}));
    let uri = world.event_type_uri("demo");
    // In Tokyo, the slots start at 23:30 and at midnight.
    for (end, count) in [(day.to_string(), 1), (format!("{next}T00:00"), 2)] {
        world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": slots})));
        let query = [("start_time", &*day.to_string()), ("end_time", &end), ("event_type", &uri)];
        let answer = world.get(&[&query[..], &[("timezone", "Asia/Tokyo")]].concat()).await;
        assert_eq!(answer.raw_collection().len(), count, "{end}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_parameters_are_refused_before_any_call() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let reads = world.secrets.reads();
    let good = "start_time=2099-01-01T09:00:00Z&end_time=2099-01-02T09:00:00Z";
    let at = format!("{}T09:00:00Z", day(2));
    for (query, parameter) in [
        ("start_time=2099-01-01T10:00&end_time=2099-01-02", "start_time"),
        ("start_time=2020-01-01&end_time=2020-01-02", "end_time"),
        (&format!("{good}&event_type=https://api.calendly.com@evil.example/event_types/x"), "event_type"),
        (&format!("{good}&match=some"), "match"),
        (&format!("at={at}&{good}"), "at"),
        (&format!("at={at}&limit=1"), "limit"),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &world.request().raw_query(query)).await;
            answer.assert_error(400, "invalid_parameter", query);
            assert_eq!(answer.json()["parameter"], parameter, "{query}");
            assert!(answer.detail().contains(parameter), "{query}: {}", answer.detail());
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads(), reads);
}

/// A range starts in 6 s, and a call takes longer. No call requests times in the past.
#[tokio::test(flavor = "multi_thread")]
async fn start_that_becomes_past_during_the_request_is_moved() {
    let setup = Setup::new(Binary::CheckAvailability).with("CALENDLY_TIMEOUT_MS", "6500");
    let world = setup.start().await;
    let uri = world.event_type_uri("demo");
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Hang);
    let began = Utc::now();
    let (start, end) = (utc(began + TimeDelta::seconds(6)), utc(midnight(3)));
    let query = [("start_time", &*start), ("end_time", &end), ("event_type", &uri)];
    let answer = world.get(&query).await;
    answer.assert_ok("");
    let last = windows(&world).into_iter().map(|(start, _)| start).max().unwrap();
    assert!(
        last >= began + TimeDelta::seconds(6 + 60) && last <= Utc::now() + TimeDelta::seconds(61),
        "{last}"
    );
    assert_eq!(time(&answer.json()["start_time"]), last);
}
