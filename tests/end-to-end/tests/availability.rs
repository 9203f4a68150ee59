//! `GET /calendly/check-availability` (docs/contract.md, section 1.3): the answer and its time windows.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, Gateway, Setup, World, midnight, raw_collection, utc, windows,
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
}

#[tokio::test(flavor = "multi_thread")]
async fn year_is_fetched_in_windows_of_31_days() {
    let world = world().await;
    let (start, end) = (midnight(2) + TimeDelta::milliseconds(250), midnight(368));
    let answer = get(&world, start, end, &[("event_type", "intro-call")]).await;
    answer.assert_ok("");
    let windows = windows(&world);
    assert_eq!(windows.len(), 12);
    assert_eq!((windows[0].0, windows[11].1), (start, end));
    assert!(windows.iter().all(|(start, end)| start < end && *end - *start <= TimeDelta::days(31)));
    assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "{windows:?}");
    assert_eq!(world.log_line(&answer.request_id).await["calendly_calls"], 14);

    let mut expected = Vec::new();
    for (start, end) in windows {
        expected.extend(slots(&world, "intro-call", start, end).await);
    }
    expected.dedup();
    assert!(expected.len() > 1_000, "{}", expected.len());
    assert_eq!(answer.raw_collection(), expected);
}

/// A look-up of the event type that only serves local ends fails no request.
#[tokio::test(flavor = "multi_thread")]
async fn local_ends_are_omitted_while_the_duration_is_unknown() {
    let setup = Setup::new(Binary::CheckAvailability).with("CALENDLY_TIMEOUT_MS", "20000");
    let world = setup.start().await;
    let [demo, strategy] = ["demo", "strategy-session"].map(|slug| world.event_type_uri(slug));
    let path = |uri: &str| uri.strip_prefix("https://api.calendly.com").unwrap().to_owned();
    let has_local_ends = async |uri: &str| {
        let query = [("event_type", uri), ("timezone", "Europe/Lisbon")];
        let slots = get(&world, midnight(2), midnight(5), &query).await.raw_collection();
        assert!(slots.iter().all(|slot| slot.contains("local_start_time")), "{slots:?}");
        slots.iter().any(|slot| slot.contains("local_end_time"))
    };
    for fault in [Fault::status(403), Fault::Hang] {
        world.sandbox.fault(&path(&strategy), 1, fault);
        let began = Instant::now();
        assert!(!has_local_ends(&strategy).await);
        assert!(began.elapsed() < Duration::from_secs(15), "the look-up's time-out: {:?}", began.elapsed());
    }
    assert!(!has_local_ends(&strategy).await);
    assert_eq!(world.calls_of(&path(&strategy)).len(), 2, "look-ups back off after two failures");
    assert!(has_local_ends(&demo).await && has_local_ends(&demo).await);
    assert_eq!(world.calls_of(&path(&demo)).len(), 1, "durations are cached");
}
