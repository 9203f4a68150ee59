//! Several event types, `match`, `at`, `limit` and `duration` (docs/contract.md, section 10).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, ME, Setup, World, concurrent_calls, day, json_fault,
    list_page,
};
use sandbox::{Account, Catalogue, DEFAULT_PAT, Fault, KIM_PAT, NOOR_PAT};
use serde_json::{Value, json};

async fn world() -> World {
    Setup::new(Binary::CheckAvailability).start().await
}

/// Sends a request and returns the answer with the paths called for it, which the log line has to agree with.
async fn get(world: &World, query: &[(&str, &str)]) -> (Answer, Vec<String>) {
    world.sandbox.forget_calls();
    let answer = world.get(query).await;
    let paths = world.calendly_paths();
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], paths.len(), "{line}");
    (answer, paths)
}

async fn get_json(world: &World, query: &[(&str, &str)]) -> Value {
    let (answer, _) = get(world, query).await;
    answer.assert_ok(query);
    answer.json()
}

/// The event type "mentoring" of each of three colleagues.
fn colleagues(world: &World) -> [String; 3] {
    [DEFAULT_PAT, KIM_PAT, NOOR_PAT].map(|pat| world.sandbox.event_type_uri(pat, "mentoring").unwrap())
}

fn starts(collection: &Value) -> Vec<&str> {
    collection.as_array().unwrap().iter().map(|slot| slot["start_time"].as_str().unwrap()).collect()
}

fn instants(collection: &Value) -> BTreeSet<i64> {
    let instant = |text: &&str| DateTime::parse_from_rfc3339(text).unwrap().timestamp();
    starts(collection).iter().map(instant).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn match_any_is_the_union_and_match_all_the_intersection() {
    let world = world().await;
    let uris = colleagues(&world);
    let (start, end) = (day(2).to_string(), day(23).to_string());
    let range = [("start_time", &*start), ("end_time", &*end), ("timezone", "Europe/Lisbon")];
    let mut single = BTreeMap::new();
    for uri in &uris {
        single.insert(uri.clone(), get_json(&world, &[&range[..], &[("event_type", uri)]].concat()).await);
    }
    let several: Vec<_> = uris.iter().map(|uri| ("event_type", &**uri)).collect();
    let (any, paths) = get(&world, &[&range[..], &several].concat()).await;
    assert_eq!(paths, [AVAILABLE_TIMES; 3]);
    let any = any.json();
    assert_eq!(any["event_type"], json!(uris));
    for uri in &uris {
        let mut slots = any["collection"].as_array().unwrap().clone();
        slots.retain(|slot| slot["event_type"] == **uri);
        slots.iter_mut().for_each(|slot| drop(slot.as_object_mut().unwrap().remove("event_type")));
        assert_eq!(Value::from(slots), single[uri]["collection"], "{uri}");
    }
    assert!(starts(&any["collection"]).is_sorted());

    let all = get_json(&world, &[&range[..], &several, &[("match", "all")]].concat()).await;
    let sets: Vec<_> = single.values().map(|answer| instants(&answer["collection"])).collect();
    let expected: BTreeSet<i64> =
        sets[0].iter().filter(|time| sets[1..].iter().all(|set| set.contains(time))).copied().collect();
    assert!(!expected.is_empty() && sets.iter().any(|set| set.len() > expected.len()));
    assert_eq!(instants(&all["collection"]), expected);
    for entry in all["collection"].as_array().unwrap() {
        assert!(entry["local_start_time"].is_string());
        for uri in &uris {
            assert!(single[uri]["collection"].as_array().unwrap().contains(&entry["slots"][uri]), "{entry}");
        }
    }

    // `at`: an instant of all event types, and one of some.
    let at = |instant: i64| DateTime::from_timestamp(instant, 0).unwrap().to_rfc3339();
    let first = *expected.first().unwrap();
    let common = at(first);
    let (answer, paths) = get(&world, &[&several[..], &[("match", "all"), ("at", &common)]].concat()).await;
    assert_eq!(paths, [AVAILABLE_TIMES; 3]);
    let free = answer.json();
    assert_eq!((&free["available"], instants(&free["collection"]).len()), (&json!(true), 1));
    let days_7 = TimeDelta::days(7).num_seconds();
    let next: BTreeSet<i64> = expected.range(first + 1..=first + days_7).copied().take(3).collect();
    assert_eq!(instants(&free["next"]), next);
    assert!(free.get("start_time").is_none() && free["at"].is_string());
    let lonely = at(*sets.iter().flatten().find(|time| !expected.contains(time)).unwrap());
    let taken = get_json(&world, &[&several[..], &[("match", "all"), ("at", &lonely)]].concat()).await;
    assert_eq!((&taken["available"], &taken["collection"]), (&json!(false), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_event_types_count_once_and_errors_name_one() {
    let world = world().await;
    let uri = world.event_type_uri("demo");
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let query = [
        ("start_time", &*start),
        ("end_time", &*end),
        ("timezone", "Europe/Lisbon"),
        ("event_type", "demo"),
        ("event_type", "mentoring"),
        ("event_type", &*uri),
    ];
    let (answer, paths) = get(&world, &query).await;
    assert_eq!(
        (answer.status, &paths[..]),
        (200, &[ME, EVENT_TYPES, AVAILABLE_TIMES, AVAILABLE_TIMES].map(str::to_owned)[..])
    );
    let answer = answer.json();
    assert_eq!(answer["event_type"].as_array().unwrap().len(), 2);
    assert!(answer["collection"].as_array().unwrap().iter().all(|slot| slot["local_end_time"].is_string()));
    assert_eq!(get(&world, &query).await.1, [AVAILABLE_TIMES; 2], "event types are cached");

    // The first failure cancels the other calls, so the paths are not compared.
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(404));
    world.sandbox.forget_calls();
    world.get(&query).await.assert_ok("resolved again");
    assert_eq!(world.calls_of(EVENT_TYPES).len(), 1);
    world.sandbox.fault(AVAILABLE_TIMES, 2, Fault::status(403));
    let answer = world.get(&query).await;
    answer.assert_error(403, "calendly_error", "");
    assert!(["demo", "mentoring"].iter().any(|slug| answer.detail().contains(slug)), "{}", answer.detail());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_all_event_types_share_a_concurrency_limit() {
    let world = world().await;
    let uris = colleagues(&world);
    let (start, end) = (day(2).to_string(), day(300).to_string());
    let range = [("start_time", &*start), ("end_time", &*end)];
    for (event_types, limit) in [(1, 4), (3, 8)] {
        world.sandbox.forget_calls();
        world.sandbox.fault(AVAILABLE_TIMES, 10 * event_types as u32, Fault::Delay { milliseconds: 100 });
        let event_types = uris[..event_types].iter().map(|uri| ("event_type", &**uri));
        world.get(&range.into_iter().chain(event_types).collect::<Vec<_>>()).await.assert_ok(limit);
        assert_eq!(concurrent_calls(&world.calendly_calls()), limit);
    }
    // With `limit`, calls are sequential.
    world.sandbox.clear_faults();
    world.sandbox.forget_calls();
    let query = [&range[..], &[("event_type", &*uris[0]), ("limit", "1000")]].concat();
    world.get(&query).await.assert_ok("limit");
    assert_eq!(concurrent_calls(&world.calendly_calls()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_returns_the_slot_and_the_next_ones() {
    let world = world().await;
    let uri = world.event_type_uri("mentoring");
    let (start, end) = (day(2).to_string(), day(23).to_string());
    let range =
        get_json(&world, &[("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)]).await;
    let slots = range["collection"].as_array().unwrap();
    let first = slots.iter().find(|slot| slot["status"] == "available").unwrap();
    let at = first["start_time"].as_str().unwrap();
    let moment = DateTime::parse_from_rfc3339(at).unwrap();
    let query = [("at", at), ("event_type", &*uri), ("timezone", "Asia/Kathmandu")];
    let (answer, paths) = get(&world, &query).await;
    assert_eq!(paths.iter().filter(|path| *path == AVAILABLE_TIMES).count(), 1, "{paths:?}");
    let answer = answer.json();
    assert_eq!((&answer["available"], &answer["collection"][0]["start_time"]), (&json!(true), &json!(at)));
    assert!(answer["collection"][0]["local_start_time"].as_str().unwrap().ends_with("+05:45"));
    let later = |slot: &&Value| slot["status"] == "available" && slot["start_time"].as_str() > Some(at);
    let within_a_week = |slot: &&Value| end_to_end::time(&slot["start_time"]) <= moment + TimeDelta::days(7);
    let next = slots.iter().filter(later).filter(within_a_week).take(3);
    let expected: Vec<&str> = next.map(|slot| slot["start_time"].as_str().unwrap()).collect();
    assert_eq!(starts(&answer["next"]), expected);
    assert!(answer["next"].as_array().unwrap().iter().all(|slot| slot["local_start_time"].is_string()));
    let windows = end_to_end::windows(&world);
    assert!(windows[0].0 < moment && windows[0].1 > moment + TimeDelta::days(7), "{windows:?}");

    let at = (moment + TimeDelta::minutes(1)).to_rfc3339();
    let taken = get_json(&world, &[("at", &*at), ("event_type", &*uri)]).await;
    assert_eq!((&taken["available"], &taken["collection"]), (&json!(false), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_returns_the_first_slots_and_stops_calling() {
    let world = world().await;
    let uri = world.event_type_uri("mentoring");
    let (start, end) = (day(2).to_string(), day(300).to_string());
    let query = [("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)];
    let whole = get_json(&world, &query).await;
    let slots = whole["collection"].as_array().unwrap();
    for (limit, calls) in [(5, 1), (1_000, 10)] {
        let text = limit.to_string();
        let (answer, paths) = get(&world, &[&query[..], &[("limit", &text)]].concat()).await;
        let answer = answer.json();
        assert_eq!(answer["collection"].as_array().unwrap()[..], slots[..limit.min(slots.len())]);
        assert_eq!((&answer["start_time"], &answer["end_time"]), (&whole["start_time"], &whole["end_time"]));
        assert!(paths.len() <= calls, "{limit}: {paths:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duration_has_to_be_one_of_the_event_types() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(KIM_PAT, "mentoring").unwrap();
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let range = [("start_time", &*start), ("end_time", &*end)];
    for (event_type, duration, status) in
        [(&*uri, "60", 200), (&*uri, "90", 200), (&*uri, "45", 400), ("demo", "15", 200), ("demo", "60", 400)]
    {
        let query = [&range[..], &[("event_type", event_type), ("duration", duration)]].concat();
        let (answer, paths) = get(&world, &query).await;
        assert_eq!(answer.status, status, "{event_type} {duration}: {}", answer.body);
        if status == 400 {
            assert_eq!(answer.json()["parameter"], "duration");
            assert!(!paths.contains(&AVAILABLE_TIMES.to_owned()));
        }
    }
    let query = [&range[..], &[("event_type", &*uri), ("duration", "60")]].concat();
    assert_eq!(get(&world, &query).await.1, [AVAILABLE_TIMES], "durations are cached");
    let (answer, _) = get(&world, &[&query[..], &[("event_type", "demo")]].concat()).await;
    answer.assert_error(400, "invalid_parameter", "one of two");
    assert!(answer.detail().contains("\"demo\""), "{}", answer.body);
}

/// A list row without a duration: the duration is fetched, even if Calendly has deleted the event type since.
#[tokio::test(flavor = "multi_thread")]
async fn duration_missing_in_the_list_is_looked_up() {
    let gone = "https://api.calendly.com/event_types/gone";
    let row = json!({"uri": gone, "slug": "demo", "active": true, "booking_method": "instant"});
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let range = [("start_time", &*start), ("end_time", &*end), ("event_type", "demo")];
    let query = [&range[..], &[("duration", "15")]].concat();
    let lookup = |minutes: Value| json_fault(&json!({"resource": {"uri": gone, "duration": minutes}}));

    let world_without = world().await;
    world_without.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(std::slice::from_ref(&row), None)));
    world_without.sandbox.fault("/event_types/gone", 1, lookup(Value::Null));
    let (answer, paths) = get(&world_without, &query).await;
    answer.assert_error(400, "invalid_parameter", "no duration at all");
    assert_eq!((&answer.json()["parameter"], &*paths[2]), (&json!("duration"), "/event_types/gone"));

    let world = world().await;
    world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[row], None)));
    world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": []})));
    assert_eq!(get_json(&world, &range).await["event_type"], gone);
    world.sandbox.fault("/event_types/gone", 1, lookup(json!(15)));
    let (answer, paths) = get(&world, &query).await;
    answer.assert_ok("resolved again");
    assert_eq!(paths, ["/event_types/gone", AVAILABLE_TIMES, EVENT_TYPES, AVAILABLE_TIMES]);
    assert_eq!(answer.json()["event_type"], world.event_type_uri("demo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_unresolved_slugs_are_looked_up() {
    let account = Account::new(DEFAULT_PAT).with_catalogue(Catalogue::Sample { generated: 200 });
    let setup = Setup::new(Binary::CheckAvailability).sandbox(|sandbox| sandbox.pats = vec![account]);
    let world = setup.start().await;
    let (start, end) = (day(2).to_string(), day(5).to_string());
    // On the third page.
    let query = [("start_time", &*start), ("end_time", &*end), ("event_type", "session-00190")];
    let (answer, paths) = get(&world, &query).await;
    assert_eq!((answer.status, paths.len()), (200, 5), "{paths:?}");
    let (answer, paths) = get(&world, &[&query[..], &[("event_type", "demo")]].concat()).await;
    answer.assert_ok("one of two is cached");
    assert_eq!(paths, [EVENT_TYPES, EVENT_TYPES, EVENT_TYPES, AVAILABLE_TIMES, AVAILABLE_TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn error_of_one_event_type_does_not_wait_for_the_others() {
    let world = world().await;
    let (start, end) = (day(2).to_string(), day(5).to_string());
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Hang);
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(403));
    let query =
        [("start_time", &*start), ("end_time", &*end), ("event_type", "demo"), ("event_type", "mentoring")];
    let answer = world.get(&query).await;
    answer.assert_error(403, "calendly_error", "");
    let line = world.log_line(&answer.request_id).await;
    assert!(line["duration_ms"].as_f64().unwrap() < 4_000.0, "less than the time-out of a call: {line}");
}
