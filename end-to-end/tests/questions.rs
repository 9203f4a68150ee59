//! Questions about times: several event types, one moment, the first so many, a length (contract, section 10).
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::{Answer, Binary, Setup, World, day};
use sandbox::{DEFAULT_PAT, Fault, KIM_PAT, NOOR_PAT};
use serde_json::Value;

const TIMES: &str = "/event_type_available_times";
const LIST: &str = "/event_types";
const ME: &str = "/users/me";

async fn world() -> World {
    Setup::of(Binary::CheckAvailability).start().await
}

/// The answer, and the paths that were called for it; the log line must agree.
async fn ask(world: &World, query: &[(&str, &str)]) -> (Answer, Vec<String>) {
    world.sandbox.forget_calls();
    let answer = world.ask(query).await;
    let paths = world.calendly_paths();
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["calendly_calls"], paths.len(), "{line}");
    (answer, paths)
}

async fn good(world: &World, query: &[(&str, &str)]) -> Value {
    let (answer, _) = ask(world, query).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// Mentoring with each of the three colleagues.
fn colleagues(world: &World) -> [String; 3] {
    [DEFAULT_PAT, KIM_PAT, NOOR_PAT].map(|pat| world.sandbox.event_type_uri(pat, "mentoring").unwrap())
}

fn starts(collection: &Value) -> Vec<&str> {
    collection.as_array().unwrap().iter().map(|slot| slot["start_time"].as_str().unwrap()).collect()
}

/// As texts of one length, which Calendly's and ours are not.
fn instants(collection: &Value) -> BTreeSet<i64> {
    let time = |text: &&str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp();
    starts(collection).iter().map(time).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_is_the_union_and_all_the_intersection_of_single_answers() {
    let world = world().await;
    let uris = colleagues(&world);
    let (start, end) = (day(2).to_string(), day(12).to_string());
    let range = [("start_time", &*start), ("end_time", &*end), ("timezone", "Europe/Lisbon")];
    let mut single = BTreeMap::new();
    for uri in &uris {
        single.insert(uri.clone(), good(&world, &[&range[..], &[("event_type", uri)]].concat()).await);
    }
    let several: Vec<_> = uris.iter().map(|uri| ("event_type", &**uri)).collect();
    let (answer, paths) = ask(&world, &[&range[..], &several].concat()).await;
    assert_eq!(paths, [TIMES, TIMES, TIMES]);
    let any = answer.json();
    assert_eq!(any["event_type"], serde_json::json!(uris));
    for uri in &uris {
        let mut of_it = any["collection"].as_array().unwrap().clone();
        of_it.retain(|slot| slot["event_type"] == **uri);
        of_it.iter_mut().for_each(|slot| drop(slot.as_object_mut().unwrap().remove("event_type")));
        assert_eq!(Value::from(of_it), single[uri]["collection"], "{uri}");
    }
    assert!(starts(&any["collection"]).is_sorted());

    let all = good(&world, &[&range[..], &several, &[("match", "all")]].concat()).await;
    let sets: Vec<_> = single.values().map(|answer| instants(&answer["collection"])).collect();
    let expected: BTreeSet<i64> =
        sets[0].iter().filter(|time| sets[1..].iter().all(|set| set.contains(time))).copied().collect();
    assert!(!expected.is_empty() && sets.iter().any(|set| set.len() > expected.len()));
    assert_eq!(instants(&all["collection"]), expected);
    for entry in all["collection"].as_array().unwrap() {
        assert!(entry["local_start_time"].is_string());
        for uri in &uris {
            let slots = single[uri]["collection"].as_array().unwrap();
            assert!(slots.contains(&entry["slots"][uri]), "{entry}");
        }
    }

    // At such an instant, and at one at which not all are free.
    let at = chrono::DateTime::from_timestamp(*expected.first().unwrap(), 0).unwrap().to_rfc3339();
    let moment = [&several[..], &[("match", "all"), ("at", &at)]].concat();
    let (answer, paths) = ask(&world, &moment).await;
    assert_eq!(paths, [TIMES, TIMES, TIMES], "one call for each");
    let free = answer.json();
    assert_eq!((&free["available"], instants(&free["collection"]).len()), (&Value::from(true), 1));
    let next: Vec<i64> = expected.iter().copied().skip(1).take(3).collect();
    assert_eq!(instants(&free["next"]).into_iter().collect::<Vec<_>>(), next);
    assert!(free.get("start_time").is_none() && free["at"].is_string());
    let lonely = sets.iter().flatten().find(|time| !expected.contains(time)).unwrap();
    let at = chrono::DateTime::from_timestamp(*lonely, 0).unwrap().to_rfc3339();
    let taken = good(&world, &[&several[..], &[("match", "all"), ("at", &at)]].concat()).await;
    assert_eq!((&taken["available"], &taken["collection"]), (&Value::from(false), &serde_json::json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_read_once_and_the_same_event_type_counts_once() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let range = [("start_time", &*start), ("end_time", &*end)];
    let slugs = [("event_type", "demo"), ("event_type", "mentoring"), ("event_type", &*uri)];
    let query = [&range[..], &slugs].concat();
    let (answer, paths) = ask(&world, &query).await;
    assert_eq!((answer.status, paths), (200, [ME, LIST, TIMES, TIMES].map(str::to_owned).to_vec()));
    assert_eq!(answer.json()["event_type"].as_array().unwrap().len(), 2);
    assert_eq!(ask(&world, &query).await.1, [TIMES, TIMES], "the choices are kept");
    // One that fails ends the other, which may not have arrived yet: the calls are not compared from here on.
    world.sandbox.fault(TIMES, 1, Fault::status(404));
    world.sandbox.forget_calls();
    let answer = world.ask(&query).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let paths = world.calendly_paths();
    assert_eq!(paths.iter().filter(|path| *path == LIST).count(), 1, "{paths:?}");

    // Both fail, since either may be called first: the error is about the first that was asked.
    world.sandbox.fault(TIMES, 2, Fault::status(403));
    let answer = world.ask(&query).await;
    assert_eq!(answer.verdict(), (403, "calendly_error".to_owned()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("event_type \"demo\""), "{}", answer.body);
    let line = world.end_line(&answer.request_id).await;
    assert!(!line["reason"].as_str().unwrap().contains("demo"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_a_prefix_and_ends_the_calls() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "mentoring").unwrap();
    let (start, end) = (day(2).to_string(), day(300).to_string());
    let query = [("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)];
    let whole = good(&world, &query).await;
    let slots = whole["collection"].as_array().unwrap();
    for (limit, calls) in [(1, 1), (5, 1), (1_000, 10)] {
        let text = limit.to_string();
        let (answer, paths) = ask(&world, &[&query[..], &[("limit", &text)]].concat()).await;
        let answer = answer.json();
        assert_eq!(answer["collection"].as_array().unwrap()[..], slots[..limit.min(slots.len())]);
        assert_eq!((&answer["start_time"], &answer["end_time"]), (&whole["start_time"], &whole["end_time"]));
        assert!(paths.len() <= calls, "{limit}: {paths:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_is_one_of_the_event_types_own() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(KIM_PAT, "mentoring").unwrap();
    let (start, end) = (day(2).to_string(), day(5).to_string());
    for (event_type, duration, status) in
        [(&*uri, "60", 200), (&*uri, "90", 200), (&*uri, "45", 400), ("demo", "15", 200), ("demo", "60", 400)]
    {
        let query =
            [("start_time", &*start), ("end_time", &end), ("event_type", event_type), ("duration", duration)];
        let (answer, paths) = ask(&world, &query).await;
        assert_eq!(answer.status, status, "{event_type} {duration}: {}", answer.body);
        if status == 400 {
            assert_eq!(answer.json()["parameter"], "duration");
            assert!(!paths.contains(&TIMES.to_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_refused_by_name() {
    let world = world().await;
    let at = format!("{}T09:00:00Z", day(2));
    let (start, end, bare) = (day(2).to_string(), day(3).to_string(), day(4).to_string());
    let range = [("start_time", &*start), ("end_time", &*end)];
    let slugs: Vec<String> = (0..11).map(|number| format!("slug-{number}")).collect();
    let eleven = [&range[..], &slugs.iter().map(|slug| ("event_type", &**slug)).collect::<Vec<_>>()].concat();
    let with = |more: &[(&'static str, &'static str)]| [&range[..], more].concat();
    for (query, parameter) in [
        (vec![("at", &*at), range[0]], "at"),
        (vec![("at", &*at), range[1]], "at"),
        (vec![("at", &*at), ("limit", "1")], "limit"),
        (vec![("at", "2020-01-01T00:00:00Z")], "at"),
        (vec![("at", &*bare)], "at"),
        (eleven, "event_type"),
        (with(&[("match", "some")]), "match"),
        (with(&[("limit", "0")]), "limit"),
        (with(&[("limit", "1001")]), "limit"),
        (with(&[("limit", "+1")]), "limit"),
        (with(&[("duration", "half")]), "duration"),
    ] {
        let (answer, paths) = ask(&world, &query).await;
        assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()), "{query:?}");
        assert_eq!(answer.json()["parameter"], parameter, "{query:?}: {}", answer.body);
        assert_eq!(paths, Vec::<String>::new());
    }
}
