//! `GET /calendly/check-availability` (docs/contract.md, section 1.3): the answer and its time windows.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, Gateway, Setup, World, body_fault, concurrent_calls, day,
    json_fault, list_page, midnight, raw_collection, time, utc, windows,
};
use sandbox::Fault;
use serde_json::{Value, json};

async fn world() -> World {
    Setup::new(Binary::CheckAvailability).start().await
}

async fn get(world: &World, start: DateTime<Utc>, end: DateTime<Utc>, more: &[(&str, &str)]) -> Answer {
    let (start, end) = (utc(start), utc(end));
    world.get(&[&[("start_time", &*start), ("end_time", &*end)], more].concat()).await
}

/// The sandbox's own slots, byte for byte.
async fn slots(world: &World, slug: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<String> {
    let uri = world.event_type_uri(slug);
    let query = [("event_type", &*uri), ("start_time", &utc(start)), ("end_time", &utc(end))];
    raw_collection(&world.calendly_text(AVAILABLE_TIMES, &query).await)
}

fn starts(raw: &[String]) -> Vec<DateTime<Utc>> {
    raw.iter().map(|slot| time(&serde_json::from_str::<Value>(slot).unwrap()["start_time"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_passed_through_byte_for_byte() {
    let world = world().await;
    let (start, end) = (midnight(2), midnight(16));
    let expected = slots(&world, "intro-call", start, end).await;
    assert!(expected.len() > 20, "{} slots", expected.len());
    for gateway in Gateway::BOTH {
        let query = [("start_time", &*utc(start)), ("end_time", &*utc(end)), ("event_type", "intro-call")];
        let answer = world.send_through(gateway, &world.request().query(&query)).await;
        answer.assert_ok(gateway);
        assert_eq!(answer.raw_collection(), expected);
        let mut rest = answer.json();
        rest["collection"] = Value::Null;
        let uri = world.event_type_uri("intro-call");
        assert_eq!(
            rest,
            json!({"collection": null, "available": true, "event_type": uri,
                   "start_time": utc(start), "end_time": utc(end)})
        );
    }
    let slot =
        r#"{ "start_time" : "DAYT09:00:00.000000Z", "status":"available", "n": 30.0 , "new":{"x":[1e2]} }"#;
    let slot = slot.replace("DAY", &day(3).to_string());
    let body = format!(r#"{{"collection":[{slot}],"new":1}}"#);
    world.sandbox.fault(AVAILABLE_TIMES, 1, body_fault("application/json", body));
    assert_eq!(get(&world, start, end, &[]).await.raw_collection(), [slot]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_sorted_and_available_reports_their_status() {
    let world = world().await;
    let slot = |hour: u32, status: &str| json!({"status": status, "start_time": format!("{}T{hour:02}:00:00.000000Z", day(2))});
    let (one, two, three) = (slot(9, "unavailable"), slot(10, "tentative"), slot(11, "available"));
    for (calendlys, ours, available) in [
        (json!([]), json!([]), false),
        (json!([one, two]), json!([one, two]), false),
        (json!([three, one, two, one]), json!([one, two, three]), true),
    ] {
        world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": calendlys})));
        let answer = get(&world, midnight(2), midnight(3), &[]).await.json();
        assert_eq!((&answer["collection"], &answer["available"]), (&ours, &json!(available)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn year_is_fetched_in_windows_of_31_days() {
    let world = world().await;
    let (start, end) = (midnight(2) + TimeDelta::milliseconds(250), midnight(368));
    world.sandbox.fault(AVAILABLE_TIMES, 12, Fault::Delay { milliseconds: 150 });
    let answer = get(&world, start, end, &[("event_type", "intro-call")]).await;
    answer.assert_ok("");
    let windows = windows(&world);
    assert_eq!(windows.len(), 12);
    assert_eq!((windows[0].0, windows[11].1), (start, end));
    assert!(windows.iter().all(|(start, end)| start < end && *end - *start <= TimeDelta::days(31)));
    assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "{windows:?}");
    let concurrency = concurrent_calls(&world.calls_of(AVAILABLE_TIMES));
    assert!((2..=6).contains(&concurrency), "{concurrency} at a time");
    assert_eq!(world.log_line(&answer.request_id).await["calendly_calls"], 14);

    let mut expected = Vec::new();
    for (start, end) in windows {
        expected.extend(slots(&world, "intro-call", start, end).await);
    }
    expected.dedup();
    assert!(expected.len() > 1_000, "{}", expected.len());
    assert_eq!(answer.raw_collection(), expected);
    assert!(starts(&expected).is_sorted_by(|one, next| one < next));
}

#[tokio::test(flavor = "multi_thread")]
async fn slot_between_two_windows_is_returned_once() {
    let world = world().await;
    let shared = starts(&slots(&world, "intro-call", midnight(34), midnight(60)).await)[0];
    let (start, end) = (shared - TimeDelta::days(31), shared + TimeDelta::days(20));
    let first = slots(&world, "intro-call", start, shared).await;
    let second = slots(&world, "intro-call", shared, end).await;
    assert_eq!(first.last(), second.first(), "the sandbox includes both ends");
    let answer = get(&world, start, end, &[("event_type", "intro-call")]).await;
    assert_eq!(answer.raw_collection(), [&first[..], &second[1..]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_window_fails_the_request() {
    let world = world().await;
    let uri = world.event_type_uri("demo");
    for good in [0, 5] {
        if good > 0 {
            world.sandbox.fault(AVAILABLE_TIMES, good, Fault::Delay { milliseconds: 1 });
        }
        world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(403));
        let answer = get(&world, midnight(2), midnight(300), &[("event_type", &uri)]).await;
        answer.assert_error(403, "calendly_error", good);
        world.sandbox.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timezone_adds_local_times() {
    let world = world().await;
    let (start, end) = (midnight(2), midnight(360));
    let plain = get(&world, start, end, &[("event_type", "code-review")]).await;
    assert!(!plain.body.contains("local_"), "{}", plain.body);
    let plain = plain.json()["collection"].as_array().unwrap().clone();
    assert!(plain.len() > 500);
    for zone in [Tz::Europe__Lisbon, Tz::Asia__Kathmandu] {
        let answer =
            get(&world, start, end, &[("event_type", "code-review"), ("timezone", zone.name())]).await;
        let local =
            |moment: DateTime<Utc>| moment.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false);
        let expected: Vec<Value> = plain
            .iter()
            .map(|slot| {
                let mut slot = slot.clone();
                let start = time(&slot["start_time"]);
                slot["local_start_time"] = json!(local(start));
                slot["local_end_time"] = json!(local(start + TimeDelta::minutes(45)));
                slot
            })
            .collect();
        assert!(answer.json()["collection"] == json!(expected), "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_duration_gives_no_local_end() {
    let world = Setup::new(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "0").start().await;
    for (duration, minutes) in [(json!(30.0), Some(30)), (json!(null), None), (json!("30"), None)] {
        let row = json!({
            "uri": world.event_type_uri("demo"), "slug": "x", "name": "X", "active": true, "deleted_at": null,
            "booking_method": "instant", "duration": duration,
        });
        world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[row], None)));
        let answer = get(&world, midnight(2), midnight(9), &[("event_type", "x"), ("timezone", "UTC")]).await;
        answer.assert_ok(&duration);
        let slot = answer.json()["collection"][0].clone();
        assert!(slot["local_start_time"].is_string(), "{duration}: {slot}");
        let length =
            slot.get("local_end_time").map(|end| (time(end) - time(&slot["start_time"])).num_minutes());
        assert_eq!(length, minutes, "{duration}: {slot}");
    }
}
