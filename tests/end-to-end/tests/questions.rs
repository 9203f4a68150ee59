//! Questions about times: several event types, one moment, the first so many, a length (contract, section 10).
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::{Answer, Binary, Setup, World, day};
use sandbox::{Account, Call, Catalogue, DEFAULT_PAT, Fault, KIM_PAT, NOOR_PAT};
use serde_json::{Value, json};

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

    world.sandbox.fault(TIMES, 2, Fault::status(403));
    let answer = world.ask(&query).await;
    assert_eq!(answer.verdict(), (403, "calendly_error".to_owned()));
    let answer_json = answer.json();
    let detail = answer_json["detail"].as_str().unwrap();
    assert!(["\"demo\"", "\"mentoring\""].iter().any(|slug| detail.contains(slug)), "{detail}");
    let line = world.end_line(&answer.request_id).await;
    assert!(!line["reason"].as_str().unwrap().contains("event_type \""), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_not_known_is_looked_up() {
    let catalogue = Catalogue::Sample { generated: 200 };
    let setup = Setup::of(Binary::CheckAvailability)
        .sandbox(|sandbox| sandbox.pats = vec![Account::new(DEFAULT_PAT).with_catalogue(catalogue)]);
    let world = setup.start().await;
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let range = [("start_time", &*start), ("end_time", &*end)];
    // On the third page.
    let late = [("event_type", "session-00190")];
    let (answer, paths) = ask(&world, &[&range[..], &late].concat()).await;
    assert_eq!((answer.status, paths.len()), (200, 5), "{paths:?}");
    let both = [&range[..], &late, &[("event_type", "demo")]].concat();
    let (answer, paths) = ask(&world, &both).await;
    assert_eq!((answer.status, paths), (200, [LIST, TIMES, TIMES].map(str::to_owned).to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_of_an_event_type_are_one_with_all_that_is_known_of_it() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let query = [
        ("start_time", &*start),
        ("end_time", &end),
        ("timezone", "Europe/Lisbon"),
        ("event_type", &uri),
        ("event_type", "demo"),
    ];
    let answer = good(&world, &query).await;
    assert_eq!(answer["event_type"], uri);
    assert!(answer["collection"][0]["local_end_time"].is_string(), "{}", answer["collection"][0]);
    assert_eq!(
        answer,
        good(&world, &query[..3].iter().chain(&query[4..]).copied().collect::<Vec<_>>()).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_hold_up_anothers_error() {
    let world = world().await;
    let (start, end) = (day(2).to_string(), day(5).to_string());
    world.sandbox.fault(TIMES, 1, Fault::Hang);
    world.sandbox.fault(TIMES, 1, Fault::status(403));
    let query =
        [("start_time", &*start), ("end_time", &*end), ("event_type", "demo"), ("event_type", "mentoring")];
    let answer = world.ask(&query).await;
    assert_eq!(answer.verdict(), (403, "calendly_error".to_owned()));
    let line = world.end_line(&answer.request_id).await;
    assert!(line["duration_ms"].as_f64().unwrap() < 4_000.0, "less than a call may take: {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_all_event_types_and_windows_share_a_limit() {
    let world = world().await;
    let uris = colleagues(&world);
    let (start, end) = (day(2).to_string(), day(300).to_string());
    for (event_types, most) in [(1, 4), (2, 8), (3, 8)] {
        world.sandbox.forget_calls();
        world.sandbox.fault(TIMES, 10 * event_types as u32, Fault::Delay { milliseconds: 100 });
        let named = uris[..event_types].iter().map(|uri| ("event_type", &**uri));
        let query: Vec<_> = [("start_time", &*start), ("end_time", &*end)].into_iter().chain(named).collect();
        let answer = world.ask(&query).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let calls = world.calendly_calls();
        assert_eq!(calls.len(), 10 * event_types);
        assert_eq!(most_at_once(&calls), most, "{event_types} event types");
    }
    // With a limit none goes out before it is known to be needed.
    world.sandbox.clear_faults();
    world.sandbox.forget_calls();
    world.sandbox.fault(TIMES, 10, Fault::Delay { milliseconds: 20 });
    let query = [("start_time", &*start), ("end_time", &*end), ("event_type", &*uris[0]), ("limit", "1000")];
    assert_eq!(world.ask(&query).await.status, 200);
    assert_eq!(most_at_once(&world.calendly_calls()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_asked_about_with_room_at_both_ends() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "mentoring").unwrap();
    let (start, end) = (day(2).to_string(), day(12).to_string());
    let range = good(&world, &[("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)]).await;
    let slots = range["collection"].as_array().unwrap();
    let first = slots.iter().find(|slot| slot["status"] == "available").unwrap();
    let at = first["start_time"].as_str().unwrap();
    let moment = chrono::DateTime::parse_from_rfc3339(at).unwrap();
    for time in 0..2 {
        let query = [("at", at), ("event_type", &*uri), ("timezone", "Asia/Kathmandu")];
        let (answer, paths) = ask(&world, &query).await;
        assert_eq!(paths, [TIMES], "asked each time: {time}");
        let answer = answer.json();
        assert_eq!(answer["available"], true);
        assert_eq!(answer["collection"][0]["start_time"], at);
        assert!(answer["collection"][0]["local_start_time"].as_str().unwrap().ends_with("+05:45"));
        assert!(answer.get("end_time").is_none());
        let next = answer["next"].as_array().unwrap();
        let later = |slot: &&Value| slot["status"] == "available" && slot["start_time"].as_str() > Some(at);
        let expected: Vec<&str> =
            slots.iter().filter(later).take(3).map(|slot| slot["start_time"].as_str().unwrap()).collect();
        assert_eq!(starts(&answer["next"]), expected);
        assert!(next.iter().all(|slot| slot["local_start_time"].is_string()));
        let call = &world.calendly_calls()[0];
        let asked: BTreeMap<_, _> = form_urlencoded::parse(call.query.as_ref().unwrap().as_bytes()).collect();
        let bound = |name: &str| chrono::DateTime::parse_from_rfc3339(&asked[name]).unwrap();
        assert!(bound("start_time") < moment && bound("end_time") > moment + chrono::TimeDelta::days(7));
    }
    // A minute later nobody is free.
    let at = (moment + chrono::TimeDelta::minutes(1)).to_rfc3339();
    let taken = good(&world, &[("at", &*at), ("event_type", &*uri)]).await;
    assert_eq!((&taken["available"], &taken["collection"]), (&Value::from(false), &serde_json::json!([])));
}

/// How many of the calls ran at the same time, at most.
fn most_at_once(calls: &[Call]) -> usize {
    let at_the_start_of = |one: &Call| {
        let runs = |other: &&Call| {
            other.started_at <= one.started_at
                && other.finished_at.is_none_or(|finished| one.started_at < finished)
        };
        calls.iter().filter(runs).count()
    };
    calls.iter().map(at_the_start_of).max().unwrap_or_default()
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
    // How long it is was asked once for all of these.
    let query = [("start_time", &*start), ("end_time", &end), ("event_type", &uri), ("duration", "60")];
    assert_eq!(ask(&world, &query).await.1, [TIMES]);
    // One of two is wrong.
    let query = [&query[..], &[("event_type", "demo")]].concat();
    let (answer, _) = ask(&world, &query).await;
    assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("\"demo\""), "{}", answer.body);
}

fn json_body(body: &Value) -> Fault {
    Fault::Body { content_type: "application/json".to_owned(), body: body.to_string() }
}

/// The list has no length of it, and later Calendly no longer knows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_the_list_lacks_is_looked_up_and_a_choice_is_made_afresh_all_the_same() {
    let world = world().await;
    let gone = "https://api.calendly.com/event_types/gone";
    let row = json!({"uri": gone, "slug": "demo", "active": true, "booking_method": "instant"});
    let list = json!({"collection": [row], "pagination": {"next_page_token": null}});
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let range = [("start_time", &*start), ("end_time", &*end), ("event_type", "demo")];
    let with_length = |minutes: Value| {
        json_body(&json!({"resource": {"uri": gone, "duration": minutes, "duration_options": null}}))
    };
    world.sandbox.fault(LIST, 1, json_body(&list));
    world.sandbox.fault("/event_types/gone", 1, with_length(Value::Null));
    let query = [&range[..], &[("duration", "15")]].concat();
    let (answer, paths) = ask(&world, &query).await;
    assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()));
    assert_eq!(
        (answer.json()["parameter"].as_str(), paths),
        (Some("duration"), vec![ME.to_owned(), LIST.to_owned(), "/event_types/gone".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_choice_that_is_gone_is_made_afresh_with_a_duration_too() {
    let world = world().await;
    let gone = "https://api.calendly.com/event_types/gone";
    let row = json!({"uri": gone, "slug": "demo", "active": true, "booking_method": "instant"});
    let list = json!({"collection": [row], "pagination": {"next_page_token": null}});
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let range = [("start_time", &*start), ("end_time", &*end), ("event_type", "demo")];
    world.sandbox.fault(LIST, 1, json_body(&list));
    world.sandbox.fault(TIMES, 1, json_body(&json!({"collection": []})));
    assert_eq!(good(&world, &range).await["event_type"], gone);
    world.sandbox.fault(
        "/event_types/gone",
        1,
        json_body(&json!({"resource": {"uri": gone, "duration": 15}})),
    );
    let (answer, paths) = ask(&world, &[&range[..], &[("duration", "15")]].concat()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(paths, ["/event_types/gone", TIMES, LIST, TIMES]);
    assert_eq!(answer.json()["event_type"], world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap());
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
