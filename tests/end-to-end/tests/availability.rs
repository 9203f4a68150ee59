//! `GET /calendly/check-availability` (contract, section 1.3): the answer, the range, the windows.
#![cfg(test)]

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use end_to_end::{
    AVAILABLE_TIMES, Binary, Gateway, Setup, World, ask, midnight, raw_collection, time, utc, windows,
};
use sandbox::{Call, DEFAULT_PAT, Fault};
use serde_json::{Value, json};

async fn world() -> World {
    Setup::of(Binary::CheckAvailability).start().await
}

/// The slots that the sandbox itself has there, byte for byte.
async fn slots(world: &World, slug: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<String> {
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, slug).unwrap();
    let query = [("event_type", &*uri), ("start_time", &utc(start)), ("end_time", &utc(end))];
    raw_collection(&world.calendly_says(AVAILABLE_TIMES, &query).await)
}

fn starts(raw: &[String]) -> Vec<DateTime<Utc>> {
    let starts = raw.iter().map(|slot| serde_json::from_str::<Value>(slot).unwrap());
    starts.map(|slot| time(&slot["start_time"])).collect()
}

fn body(collection: &Value) -> Fault {
    let body = json!({ "collection": collection }).to_string();
    Fault::Body { content_type: "application/json; charset=utf-8".to_owned(), body }
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_byte_for_byte_calendlys_through_both_gateways() {
    let world = world().await;
    let (start, end) = (midnight(2), midnight(16));
    let expected = slots(&world, "intro-call", start, end).await;
    assert!(expected.len() > 20, "{} slots", expected.len());
    for gateway in Gateway::BOTH {
        let request = world.request().query(&[
            ("start_time", &*utc(start)),
            ("end_time", &utc(end)),
            ("event_type", "intro-call"),
        ]);
        let answer = world.send_through(gateway, &request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.raw_collection(), expected);
        let mut rest = answer.json();
        rest["collection"] = Value::Null;
        let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "intro-call");
        assert_eq!(
            rest,
            json!({"collection": null, "available": true, "event_type": uri,
                   "start_time": utc(start), "end_time": utc(end)})
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_and_spelling_of_slots_stay() {
    let world = world().await;
    let slot = "{ \"start_time\" : \"2099-01-01T09:00:00.000000Z\", \"status\":\"available\", \"n\": 30.0 , \"new\":{\"x\":[1e2]} }";
    let body = format!(r#"{{"collection":[{slot}],"new":1}}"#);
    world.sandbox.fault(
        AVAILABLE_TIMES,
        1,
        Fault::Body { content_type: "application/json".to_owned(), body },
    );
    let answer = ask(&world, &utc(midnight(2)), &utc(midnight(3)), &[]).await;
    assert_eq!(answer.raw_collection(), [slot]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_slot_is_not_an_error() {
    let world = world().await;
    let mut saturday = midnight(2);
    while saturday.weekday() != Weekday::Sat {
        saturday += TimeDelta::days(1);
    }
    let answer = ask(&world, &utc(saturday), &utc(saturday + TimeDelta::hours(47)), &[]).await;
    assert_eq!((answer.status, answer.raw_collection().len()), (200, 0));
    assert_eq!(answer.json()["available"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn available_says_whether_any_slot_has_that_status() {
    let world = world().await;
    let slot = |day: u32, status: &str| json!({"status": status, "start_time": format!("2099-01-{day:02}T09:00:00.000000Z")});
    for (collection, expected) in [
        (json!([slot(1, "unavailable"), slot(2, "tentative")]), false),
        (json!([slot(1, "unavailable"), slot(2, "available")]), true),
        (json!([{"start_time": "2099-01-01T09:00:00Z"}]), false),
    ] {
        world.sandbox.fault(AVAILABLE_TIMES, 1, body(&collection));
        let answer = ask(&world, &utc(midnight(2)), &utc(midnight(3)), &[]).await;
        assert_eq!(answer.json()["available"], expected, "{collection}");
        assert_eq!(answer.json()["collection"], collection);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_asked_in_windows_that_tile_it_a_few_at_a_time() {
    let world = world().await;
    let (start, end) = (midnight(2) + TimeDelta::milliseconds(250), midnight(368));
    world.sandbox.fault(AVAILABLE_TIMES, 12, Fault::Delay { milliseconds: 150 });
    let answer = ask(&world, &utc(start), &utc(end), &[("event_type", "intro-call")]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let windows = windows(&world);
    assert_eq!(windows.len(), 12);
    assert_eq!((windows[0].0, windows[11].1), (start, end));
    for (start, end) in &windows {
        assert!(start < end && *end - *start <= TimeDelta::days(31), "{start} to {end}");
    }
    for pair in windows.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "the windows leave a gap or overlap");
    }
    let calls: Vec<_> =
        world.calendly_calls().into_iter().filter(|call| call.path == AVAILABLE_TIMES).collect();
    let most = calls.iter().map(|one| {
        let running =
            |other: &&Call| other.started_at <= one.started_at && one.started_at < other.finished_at.unwrap();
        calls.iter().filter(running).count()
    });
    let most = most.max().unwrap();
    assert!((2..=6).contains(&most), "{most} at a time");

    // And merged: everything, once, ascending.
    let mut expected = Vec::new();
    for (start, end) in windows {
        expected.extend(slots(&world, "intro-call", start, end).await);
    }
    expected.dedup();
    assert!(expected.len() > 1_000, "{}", expected.len());
    assert_eq!(answer.raw_collection(), expected);
    let starts = starts(&expected);
    assert!(starts.is_sorted_by(|one, next| one < next));
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_one_days_are_one_call_and_a_moment_more_are_two() {
    let world = world().await;
    let start = midnight(2);
    for (length, expected) in
        [(TimeDelta::days(31), 1), (TimeDelta::days(31) + TimeDelta::seconds(1), 2), (TimeDelta::days(62), 2)]
    {
        world.sandbox.forget_calls();
        assert_eq!(ask(&world, &utc(start), &utc(start + length), &[]).await.status, 200);
        assert_eq!(windows(&world).len(), expected, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_between_two_windows_comes_once() {
    let world = world().await;
    let far = slots(&world, "intro-call", midnight(34), midnight(60)).await;
    let shared = starts(&far)[0];
    let (start, end) = (shared - TimeDelta::days(31), shared + TimeDelta::days(20));
    let both =
        [slots(&world, "intro-call", start, shared).await, slots(&world, "intro-call", shared, end).await];
    assert_eq!(both[0].last(), both[1].first(), "the sandbox counts both ends");
    let answer = ask(&world, &utc(start), &utc(end), &[("event_type", "intro-call")]).await;
    let collection = answer.raw_collection();
    assert_eq!(collection.len(), both[0].len() + both[1].len() - 1);
    assert_eq!(collection.iter().collect::<BTreeSet<_>>().len(), collection.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_ascend_even_if_calendlys_do_not() {
    let world = world().await;
    let slot =
        |day: u32| json!({"status": "available", "start_time": format!("2099-01-{day:02}T09:00:00.000000Z")});
    world.sandbox.fault(AVAILABLE_TIMES, 1, body(&json!([slot(3), slot(1), slot(2), slot(1)])));
    let answer = ask(&world, &utc(midnight(2)), &utc(midnight(3)), &[]).await;
    assert_eq!(answer.json()["collection"], json!([slot(1), slot(2), slot(3)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_window_fails_the_request() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    for good in [0, 1, 5] {
        world.sandbox.clear_faults();
        if good > 0 {
            world.sandbox.fault(AVAILABLE_TIMES, good, Fault::Delay { milliseconds: 1 });
        }
        world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(403));
        let answer = ask(&world, &utc(midnight(2)), &utc(midnight(300)), &[("event_type", &uri)]).await;
        assert_eq!(answer.verdict(), (403, "calendly_error".to_owned()), "after {good}: {}", answer.body);
        assert_eq!(answer.json().get("collection"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timezone_gives_each_slot_local_times_of_its_moment() {
    let world = world().await;
    let (start, end) = (utc(midnight(2)), utc(midnight(360)));
    for zone in [Tz::Europe__Lisbon, Tz::America__New_York, Tz::Asia__Kathmandu] {
        let answer =
            ask(&world, &start, &end, &[("event_type", "code-review"), ("timezone", zone.name())]).await;
        let plain = ask(&world, &start, &end, &[("event_type", "code-review")]).await;
        let answer = answer.json()["collection"].as_array().unwrap().clone();
        let plain = plain.json()["collection"].as_array().unwrap().clone();
        assert_eq!(answer.len(), plain.len());
        assert!(answer.len() > 500);
        for (mut slot, plain) in answer.into_iter().zip(plain) {
            let members = slot.as_object_mut().unwrap();
            let local_start = members.remove("local_start_time").unwrap();
            let local_end = members.remove("local_end_time").unwrap();
            let start = time(&plain["start_time"]);
            let local = |moment: DateTime<Utc>| {
                moment.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
            };
            assert_eq!(local_start, local(start));
            assert_eq!(local_end, local(start + TimeDelta::minutes(45)));
            assert_eq!(slot, plain);
        }
    }
    let lisbon =
        ask(&world, &start, &end, &[("event_type", "code-review"), ("timezone", "Europe/Lisbon")]).await;
    for offset in ["+00:00\"", "+01:00\""] {
        assert!(lisbon.body.contains(offset), "a year has both offsets");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_timezone_there_are_no_local_times() {
    let world = world().await;
    let answer = ask(&world, &utc(midnight(2)), &utc(midnight(9)), &[]).await;
    assert!(!answer.raw_collection().is_empty());
    assert!(!answer.body.contains("local_"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_with_a_decimal_point_is_a_duration() {
    let world = world().await;
    let more = [("event_type", "discovery-call"), ("timezone", "UTC")];
    let answer = ask(&world, &utc(midnight(2)), &utc(midnight(9)), &more).await.json();
    let slots = answer["collection"].as_array().unwrap();
    assert!(!slots.is_empty());
    for slot in slots {
        assert_eq!(time(&slot["local_end_time"]) - time(&slot["start_time"]), TimeDelta::minutes(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_that_is_no_number_is_not_known_and_no_error() {
    let setup = Setup::of(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "0");
    let world = setup.start().await;
    let more = [("event_type", "x"), ("timezone", "UTC")];
    for duration in
        [Some(json!(null)), None, Some(json!("30")), Some(json!([30])), Some(json!({})), Some(json!(true))]
    {
        let mut row = json!({
            "uri": world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap(),
            "slug": "x", "name": "X", "active": true, "deleted_at": null, "booking_method": "instant",
        });
        if let Some(duration) = &duration {
            row["duration"] = duration.clone();
        }
        let page = json!({"collection": [row], "pagination": {"next_page_token": null}}).to_string();
        let fault = Fault::Body { content_type: "application/json".to_owned(), body: page };
        world.sandbox.fault("/event_types", 1, fault);
        let answer = ask(&world, &utc(midnight(2)), &utc(midnight(9)), &more).await;
        assert_eq!(answer.status, 200, "{duration:?}: {}", answer.body);
        let answer = answer.json();
        let slots = answer["collection"].as_array().unwrap();
        assert!(!slots.is_empty());
        for slot in slots {
            assert!(slot["local_start_time"].is_string(), "{duration:?}: {slot}");
            assert_eq!(slot.get("local_end_time"), None, "{duration:?}: {slot}");
        }
    }
}
