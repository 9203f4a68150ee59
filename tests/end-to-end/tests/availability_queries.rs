//! Several event types, `match`, `at`, `limit` and `duration` (docs/contract.md, section 10).

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, ME, Request, Setup, World, concurrent_calls, day,
    json_fault, list_page, time,
};
use sandbox::{DEFAULT_PAT, Fault, KIM_PAT, NOOR_PAT};
use serde_json::{Value, json};

use super::availability_cache::{LONG, setup};

async fn world() -> World {
    Setup::new(Binary::CheckAvailability).start().await
}

/// Sends a request and returns the answer with the paths called for it, which the log line has to agree with.
async fn get(world: &World, request: &Request) -> (Answer, Vec<String>) {
    world.sandbox.forget_calls();
    let answer = world.send(request).await;
    let paths = world.calendly_paths();
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], paths.len(), "{line}");
    (answer, paths)
}

async fn get_json(world: &World, request: &Request) -> Value {
    let (answer, _) = get(world, request).await;
    answer.assert_ok(request);
    answer.json()
}

/// A request about several event types.
fn about(request: Request, event_types: &[impl AsRef<str>]) -> Request {
    event_types.iter().fold(request, |request, event_type| request.event_type(event_type.as_ref()))
}

/// The event type "mentoring" of each of three colleagues.
fn colleagues(world: &World) -> [String; 3] {
    [DEFAULT_PAT, KIM_PAT, NOOR_PAT].map(|pat| world.sandbox.event_type_uri(pat, "mentoring").unwrap())
}

fn starts(answer: &Value) -> BTreeSet<DateTime<Utc>> {
    answer["collection"].as_array().unwrap().iter().map(|slot| time(&slot["start_time"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn match_any_is_the_union_and_match_all_the_intersection() {
    let world = world().await;
    let uris = colleagues(&world);
    let range = world.request().days(2, 22);
    let mut sets = Vec::new();
    for uri in &uris {
        sets.push(starts(&get_json(&world, &range.clone().event_type(uri)).await));
    }
    let several = about(range, &uris);
    let (any, paths) = get(&world, &several).await;
    assert_eq!((paths, &any.json()["event_type"]), (vec![AVAILABLE_TIMES.to_owned(); 3], &json!(uris)));
    let union: BTreeSet<_> = sets.iter().flatten().copied().collect();
    assert_eq!(starts(&any.json()), union);
    let all = get_json(&world, &several.query(&[("match", "all")])).await;
    let is_common = |start: &DateTime<Utc>| sets.iter().all(|set| set.contains(start));
    let intersection: BTreeSet<_> = union.iter().copied().filter(is_common).collect();
    assert!(!intersection.is_empty() && intersection.len() < union.len());
    assert_eq!(starts(&all), intersection);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_all_event_types_share_a_concurrency_limit() {
    let setup = Setup::new(Binary::CheckAvailability).with("CALENDLY_TIMEOUT_MS", "60000");
    let world = setup.start().await;
    // Calls that hang are in flight until the deadline.
    world.sandbox.fault(AVAILABLE_TIMES, u32::MAX, Fault::Hang);
    let uris = colleagues(&world);
    for (event_types, limit) in [(&uris[..1], 4), (&uris, 8)] {
        world.sandbox.forget_calls();
        let request = about(world.request().days(2, 300), event_types);
        let (answer, _) = world.send_within(&request, Duration::from_secs(4)).await;
        answer.assert_error(504, "deadline_exceeded", limit);
        assert_eq!(world.calendly_calls().len(), limit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_returns_the_slot_and_the_next_ones() {
    let world = world().await;
    let uri = world.event_type_uri("mentoring");
    let range = get_json(&world, &world.request().days(2, 23).event_type(&uri)).await;
    let mut slots = range["collection"].as_array().unwrap().clone();
    slots.retain(|slot| slot["status"] == "available");
    let at = slots[0]["start_time"].as_str().unwrap();
    let moment = time(&slots[0]["start_time"]);
    let at_moment = |at: &str| world.request().event_type(&uri).query(&[("at", at)]);
    let (answer, paths) = get(&world, &at_moment(at)).await;
    assert_eq!(paths, [AVAILABLE_TIMES]);
    let answer = answer.json();
    assert_eq!((&answer["available"], &answer["collection"]), (&json!(true), &json!(slots[..1])));
    slots.retain(|slot| (moment..=moment + TimeDelta::days(7)).contains(&time(&slot["start_time"])));
    assert_eq!(answer["next"], json!(slots[1..4]));
    assert!(answer.get("start_time").is_none() && answer["at"].is_string());

    let at = (moment + TimeDelta::minutes(1)).to_rfc3339();
    let taken = get_json(&world, &at_moment(&at)).await;
    assert_eq!((&taken["available"], &taken["collection"]), (&json!(false), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_returns_the_first_slots_and_stops_calling() {
    let world = world().await;
    let uri = world.event_type_uri("mentoring");
    let request = world.request().days(2, 300).event_type(&uri);
    let whole = get_json(&world, &request).await;
    let slots = whole["collection"].as_array().unwrap();
    for (limit, calls) in [(5, 1), (1_000, 10)] {
        let request = request.clone().query(&[("limit", &*limit.to_string())]);
        let (answer, paths) = get(&world, &request).await;
        let answer = answer.json();
        assert_eq!(answer["collection"].as_array().unwrap()[..], slots[..limit.min(slots.len())]);
        assert_eq!((&answer["start_time"], &answer["end_time"]), (&whole["start_time"], &whole["end_time"]));
        assert!(paths.len() <= calls, "{limit}: {paths:?}");
        assert_eq!(concurrent_calls(&world.calendly_calls()), 1, "calls are sequential");
    }
}

/// A response with slots of other windows: those after its window do not count toward `limit`, since windows between them
/// are missing. Those before it are in the range, too.
#[tokio::test(flavor = "multi_thread")]
async fn slots_of_other_windows_leave_no_gap() {
    for seconds in ["0", LONG] {
        let world = setup(seconds).start().await;
        let slot = |days| json!({"start_time": format!("{}T10:00:00Z", day(days)), "status": "available"});
        for slots in [vec![slot(3), slot(80), slot(81)], vec![slot(5), slot(40)]] {
            world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({ "collection": slots })));
        }
        let request = world.request().days(2, 90).event_type(&world.event_type_uri("demo"));
        let (answer, paths) = get(&world, &request.query(&[("limit", "3")])).await;
        assert_eq!(answer.json()["collection"], json!([slot(3), slot(5), slot(40)]), "{seconds}");
        assert_eq!(paths.len(), 2, "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duration_has_to_be_one_of_the_event_types() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(KIM_PAT, "mentoring").unwrap();
    let request = |event_type: &str, duration: &str| {
        world.request().days(2, 5).event_type(event_type).query(&[("duration", duration)])
    };
    for (event_type, duration, status) in [(&*uri, "60", 200), (&*uri, "45", 400), ("demo", "60", 400)] {
        let (answer, paths) = get(&world, &request(event_type, duration)).await;
        assert_eq!(answer.status, status, "{event_type} {duration}: {}", answer.body);
        if status == 400 {
            assert_eq!(answer.json()["parameter"], "duration");
            assert!(!paths.contains(&AVAILABLE_TIMES.to_owned()));
        }
    }
    let (answer, paths) = get(&world, &request(&uri, "60").query(&[("timezone", "UTC")])).await;
    assert_eq!(paths, [AVAILABLE_TIMES], "durations are cached");
    let slot = answer.json()["collection"][0].clone();
    assert_eq!(time(&slot["local_end_time"]) - time(&slot["start_time"]), TimeDelta::minutes(60));
}

/// A list row without a duration: the duration is fetched, even if Calendly has deleted the event type since.
#[tokio::test(flavor = "multi_thread")]
async fn duration_missing_in_the_list_is_looked_up() {
    let gone = "https://api.calendly.com/event_types/gone";
    let row = json!({"uri": gone, "slug": "demo", "active": true, "booking_method": "instant"});
    let world = world().await;
    let request = world.request().days(2, 5).event_type("demo");
    world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[row], None)));
    world.sandbox.fault(AVAILABLE_TIMES, 1, json_fault(&json!({"collection": []})));
    assert_eq!(get_json(&world, &request).await["event_type"], gone);
    let resource = json!({"resource": {"uri": gone, "duration": 15}});
    world.sandbox.fault("/event_types/gone", 1, json_fault(&resource));
    let (answer, paths) = get(&world, &request.query(&[("duration", "15")])).await;
    answer.assert_ok("resolved again");
    assert_eq!(paths, ["/event_types/gone", AVAILABLE_TIMES, EVENT_TYPES, AVAILABLE_TIMES]);
    assert_eq!(answer.json()["event_type"], world.event_type_uri("demo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn error_of_one_event_type_does_not_wait_for_the_others() {
    let setup = Setup::new(Binary::CheckAvailability).with("CALENDLY_TIMEOUT_MS", "20000");
    let world = setup.start().await;
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Hang);
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(403));
    let answer = world.send(&about(world.request().days(2, 5), &["demo", "mentoring"])).await;
    answer.assert_error(403, "calendly_error", "");
    assert_eq!(world.calendly_paths(), [ME, EVENT_TYPES, AVAILABLE_TIMES, AVAILABLE_TIMES]);
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], 4, "the canceled call counts: {line}");
    assert!(line["duration_ms"].as_f64().unwrap() < 15_000.0, "less than the time-out of a call: {line}");
}
