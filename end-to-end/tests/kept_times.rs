//! Many readers, one allowance (contract, section 9): what Calendly said serves again, here and in other environments.
#![cfg(test)]

use std::time::{Duration, Instant};

use chrono::{DateTime, Timelike, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, Function, Gateway, Invocation, Request, Setup, Table, Trouble, World,
    day, until,
};
use futures_util::future::join_all;
use sandbox::{Account, DEFAULT_PAT, Fault};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::sleep,
};

const ME: &str = "/users/me";
const LIST: &str = "/event_types";

/// How long an answer is kept in tests in which it does not get too old.
const LONG: &str = "300";

fn setup(seconds: &str) -> Setup {
    Setup::of(Binary::CheckAvailability).with("AVAILABILITY_CACHE_SECONDS", seconds)
}

fn with_table(setup: Setup, table: &Table) -> Setup {
    setup.with("CACHE_TABLE", &table.name).with("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint)
}

/// A table, which is no other test's at the same time: a function waits for it for a tenth of a second.
async fn table() -> (Table, MutexGuard<'static, ()>) {
    static ONE: Mutex<()> = Mutex::const_new(());
    let alone = ONE.lock().await;
    (Table::start().await, alone)
}

async fn world_and_table(seconds: &str) -> (World, Table, MutexGuard<'static, ()>) {
    let (table, alone) = table().await;
    (with_table(setup(seconds), &table).start().await, table, alone)
}

/// A request about an event type that needs no look-up.
fn request(world: &World, start: &str, end: &str) -> Request {
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    world.request().query(&[("event_type", &*uri), ("start_time", start), ("end_time", end)])
}

fn some_days(world: &World) -> Request {
    request(world, &day(2).to_string(), &day(5).to_string())
}

async fn send(function: &Function, request: &Request) -> Answer {
    Answer::of(function.invoke(Invocation::new(&request.through(Gateway::HttpApi))).await)
}

async fn good(function: &Function, request: &Request) -> Value {
    let answer = send(function, request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn without_as_of(mut answer: Value) -> Value {
    assert!(answer.as_object_mut().unwrap().remove("as_of").is_some(), "{answer}");
    answer
}

fn age(answer: &Answer) -> u64 {
    let age: u64 = answer.header("age").unwrap().parse().unwrap();
    let as_of = DateTime::parse_from_rfc3339(answer.json()["as_of"].as_str().unwrap()).unwrap();
    let since = (Utc::now() - as_of.to_utc()).num_seconds();
    assert!((since - age as i64).abs() <= 1, "{age} s, {as_of}");
    age
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_variable_nothing_is_kept() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for _ in 0..2 {
        let answer = world.send(&some_days(&world)).await;
        assert_eq!((answer.header("age"), answer.json().get("as_of")), (None, None));
    }
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES, AVAILABLE_TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn apart_from_age_an_answer_is_what_it_would_be_without_a_cache() {
    let world = setup(LONG).start().await;
    let plain = world.another(Binary::CheckAvailability, &[("AVAILABILITY_CACHE_SECONDS", "0")]).await;
    let at = |days: u64, time: &str| format!("{}T{time}", day(days));
    for (start, end) in [
        (day(2).to_string(), day(5).to_string()),
        (at(2, "09:10:00Z"), at(2, "16:40:00Z")),
        (at(3, "09:30:00Z"), at(3, "09:30:01Z")),
        (at(3, "23:59:59.5Z"), at(40, "00:00:00Z")),
        (at(1, "00:00:00Z"), at(300, "12:00:00Z")),
        ("2020-01-01".to_owned(), at(3, "10:00:00Z")),
    ] {
        for more in [&[][..], &[("timezone", "Asia/Kathmandu")], &[("limit", "7")], &[("match", "all")]] {
            let request = request(&world, &start, &end).query(more);
            let expected = good(&plain, &request).await;
            for time in 0..2 {
                let mut answer = without_as_of(good(&world.function, &request).await);
                // Where it is the present, the two were not asked in the same second.
                if start == "2020-01-01" {
                    answer["start_time"] = expected["start_time"].clone();
                }
                assert!(
                    answer == expected,
                    "{start} to {end} {more:?}, {time}: {answer:.500} and {expected:.500}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn near_ranges_share_what_calendly_said() {
    let world = setup(LONG).start().await;
    let at = |hours: i64| {
        let noon = Utc::now().date_naive().and_hms_opt(12, 7, 30).unwrap().and_utc();
        (noon + chrono::TimeDelta::days(10) + chrono::TimeDelta::hours(hours)).to_rfc3339()
    };
    let first = world.send(&request(&world, &at(0), &at(5))).await;
    assert_eq!(age(&first), 0);
    for (start, end) in [(at(1), at(2)), (at(0), at(30)), (at(2), at(200))] {
        world.sandbox.forget_calls();
        let answer = world.send(&request(&world, &start, &end)).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, 0), "{start} to {end}");
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["cache"]["availability"], true, "{line}");
        assert_eq!(line["AvailabilityFromMemory"].as_f64(), Some(1.0), "{line}");
        assert_eq!(line["calendly_calls"], 0);
    }
    let answer = world.send(&request(&world, &at(0), &at(24 * 60))).await;
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["AvailabilityFromCalendly"].as_f64(), Some(2.0), "{line}");
    for call in world.calendly_calls() {
        let query = call.query.unwrap();
        let asked: std::collections::BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        let [start, end] = ["start_time", "end_time"]
            .map(|name| DateTime::parse_from_rfc3339(&asked[name]).unwrap().to_utc());
        assert_eq!((start.minute(), start.second(), end.minute(), end.second()), (0, 0, 0, 0), "{query}");
        assert!(end - start <= chrono::TimeDelta::days(31), "{query}");
    }
}

/// Nobody knows what was free earlier in the present hour.
#[tokio::test(flavor = "multi_thread")]
async fn what_begins_now_serves_no_earlier_start() {
    let world = setup(LONG).start().await;
    let in_seconds = |seconds: i64| {
        (Utc::now() + chrono::TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let end = in_seconds(7_200);
    for (start, calls) in [("2020-01-01", 1), ("2020-01-01", 1), (&*in_seconds(20), 2), (&*in_seconds(40), 2)]
    {
        let answer = world.send(&request(&world, start, &end)).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, calls), "{start}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_again_when_it_is_too_old() {
    let (world, _table, _alone) = world_and_table("1").await;
    let request = some_days(&world);
    good(&world.function, &request).await;
    good(&world.function, &request).await;
    sleep(Duration::from_millis(1_050)).await;
    let before = world.calendly_calls().len();
    assert_eq!(age(&send(&world.function, &request).await), 0);
    assert_eq!(world.calendly_calls().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_look_is_answered_by_calendly_and_refreshes_what_is_kept() {
    let (world, _table, _alone) = world_and_table(LONG).await;
    let request = some_days(&world);
    good(&world.function, &request).await;
    let gone = json!({"collection": []}).to_string();
    let empty = || Fault::Body { content_type: "application/json".to_owned(), body: gone.clone() };
    world.sandbox.fault(AVAILABLE_TIMES, 1, empty());
    let fresh = request.clone().header("cache-control", "max-age=0, No-Cache");
    assert_eq!(good(&world.function, &fresh).await["collection"], json!([]));
    let other = world.another(Binary::CheckAvailability, &[]).await;
    for function in [&world.function, &other] {
        assert_eq!(good(function, &request).await["collection"], json!([]));
    }
    assert_eq!(world.calendly_calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_answer_serves_while_calendly_refuses_or_fails() {
    // A connection that breaks may have died while the environment was frozen: another one is tried.
    for (fault, most) in [
        (Fault::status(429), 1),
        (Fault::status(500), 1),
        (Fault::status(503), 1),
        (Fault::Reset, 2),
        (Fault::Hang, 1),
    ] {
        let setup = setup("1").with("AVAILABILITY_STALE_SECONDS", "60").with("CALENDLY_MAX_RETRIES", "0");
        let world = setup.start().await;
        let request = some_days(&world);
        let first = good(&world.function, &request).await;
        sleep(Duration::from_millis(1_050)).await;
        world.sandbox.fault(AVAILABLE_TIMES, 1_000, fault.clone());
        world.sandbox.forget_calls();
        let answer = world.send(&request).await;
        assert!(answer.status == 200 && answer.json() == first, "{fault:?}: {:.300}", answer.body);
        assert!(age(&answer) >= 1);
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["AvailabilityStale"].as_f64(), Some(1.0), "{line}");
        assert!(line["AnswerAge"].as_f64().unwrap() >= 1.0, "{line}");
        // Nobody waits for it a second time.
        let began = Instant::now();
        assert!(world.send(&request).await.json() == first);
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!((1..=most).contains(&world.calendly_calls().len()), "{fault:?}");
        // A fresh look is never answered with it.
        let fresh = request.clone().header("cache-control", "no-cache");
        assert_ne!(world.send(&fresh).await.status, 200, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_answer_never_stands_in_for_an_answer_of_calendlys() {
    let setup = setup("1").with("AVAILABILITY_STALE_SECONDS", "60");
    let world = setup.start().await;
    let request = some_days(&world);
    good(&world.function, &request).await;
    sleep(Duration::from_millis(1_050)).await;
    let nonsense = Fault::Body { content_type: "application/json".to_owned(), body: "{}".to_owned() };
    for (fault, status, code) in [
        (Fault::status(404), 404, "calendly_error"),
        (Fault::status(403), 403, "calendly_error"),
        (nonsense, 502, "calendly_invalid_response"),
    ] {
        world.sandbox.fault(AVAILABLE_TIMES, 1, fault.clone());
        let answer = world.send(&request).await;
        assert_eq!(answer.verdict(), (status, code.to_owned()), "{fault:?}");
    }
    assert_eq!(world.send(&request).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_older_than_that_does_not_serve() {
    let setup = setup("1").with("AVAILABILITY_STALE_SECONDS", "1").with("CALENDLY_MAX_RETRIES", "0");
    let world = setup.start().await;
    let request = some_days(&world);
    good(&world.function, &request).await;
    sleep(Duration::from_millis(2_050)).await;
    world.sandbox.fault(AVAILABLE_TIMES, 1_000, Fault::status(503));
    assert_eq!(world.send(&request).await.verdict(), (503, "calendly_error".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_and_functions_share_what_they_learn() {
    let (world, table, _alone) = world_and_table(LONG).await;
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let request =
        world.request().query(&[("event_type", "demo"), ("start_time", &*start), ("end_time", &*end)]);
    let first = good(&world.function, &request).await;
    assert_eq!(world.calendly_paths(), [ME, LIST, AVAILABLE_TIMES]);
    world.sandbox.forget_calls();
    let other = world.another(Binary::CheckAvailability, &[]).await;
    let answer = send(&other, &request).await;
    assert!(answer.json() == first, "as of the same moment, too: {}", answer.json()["as_of"]);
    let line = other.log_of(&answer.request_id).await.pop().unwrap();
    assert_eq!(line["AvailabilityFromTable"].as_f64(), Some(1.0), "{line}");
    assert_eq!(line["cache"], json!({"availability": true, "event_type": true, "keys": true, "pat": true}));
    let user = world.another(Binary::User, &[]).await;
    assert_eq!(send(&user, &Request::get("/calendly/user").bearer(&world.sandbox.token())).await.status, 200);
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    let event_types = world.another(Binary::UserEventTypes, &[]).await;
    let request = Request::get("/calendly/user-event-types").bearer(&world.sandbox.token());
    assert_eq!(send(&event_types, &request).await.status, 200);
    assert_eq!(world.calendly_paths(), [LIST], "one round trip");
    assert_eq!(table.items().await.len(), 3);
    let used = ["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"];
    assert!(table.operations().iter().all(|operation| used.contains(&&**operation)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_alone_shares_users_and_choices_and_no_availability() {
    let (world, table, _alone) = world_and_table("0").await;
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let request = world.request().query(&[("start_time", &*start), ("end_time", &*end)]);
    assert_eq!(good(&world.function, &request).await.get("as_of"), None);
    world.sandbox.forget_calls();
    let other = world.another(Binary::CheckAvailability, &[]).await;
    good(&other, &request).await;
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES]);
    assert_eq!(table.items().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_names_the_user_saves_the_question() {
    let uri = "https://api.calendly.com/users/62b55958-672c-46bc-9d4d-fac861cf2b00";
    let secret = json!({"pat": DEFAULT_PAT, "user": uri}).to_string();
    for binary in Binary::ALL {
        let world = Setup::of(binary).secret(Some(&secret)).start().await;
        let (start, end) = (day(2).to_string(), day(5).to_string());
        let query = [("start_time", &*start), ("end_time", &*end)];
        let answer = world.ask(if binary == Binary::CheckAvailability { &query } else { &[] }).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!world.calendly_paths().contains(&ME.to_owned()), "{binary:?}");
        if binary == Binary::User {
            assert_eq!(answer.json(), json!({"uri": uri}));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_asked_about_each_time() {
    let world = setup(LONG).start().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let at = format!("{}T10:00:00Z", day(3));
    good(&world.function, &some_days(&world)).await;
    for calls in 2..5 {
        let answer = world.ask(&[("at", &at), ("event_type", &uri)]).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, calls));
        assert_eq!((answer.json().get("as_of"), answer.header("age")), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_asks_and_the_others_wait() {
    let (world, table, _alone) = world_and_table(LONG).await;
    let many = [("AWS_LAMBDA_MAX_CONCURRENCY", "8")];
    let mut functions = Vec::new();
    for _ in 0..3 {
        let function = world.another(Binary::CheckAvailability, &many).await;
        function.wait_for_polls(8).await;
        functions.push(function);
    }
    world.sandbox.forget_calls();
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Delay { milliseconds: 400 });
    let request = some_days(&world);
    let asked = functions.iter().flat_map(|function| (0..8).map(move |_| function));
    let answers = join_all(asked.map(|function| good(function, &request))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "all are one answer");
    assert_eq!(world.calendly_calls().len(), 1);
    let leases = table.operations().iter().filter(|operation| *operation == "UpdateItem").count();
    assert!(leases <= 3, "one environment, one flight: {leases}");
}

/// Whoever asks Calendly dies; the others do not wait for long.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_in_vain_asks() {
    let (world, _table, _alone) = world_and_table(LONG).await;
    let other = world.another(Binary::CheckAvailability, &[]).await;
    world.sandbox.forget_calls();
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Hang);
    let request = some_days(&world);
    let event = request.through(Gateway::HttpApi);
    let dies = async {
        // It never answers.
        let _ =
            tokio::time::timeout(Duration::from_millis(500), world.function.invoke(Invocation::new(&event)))
                .await;
        world.function.kill().await;
    };
    let waits = async {
        until("the call", || (!world.calendly_calls().is_empty()).then_some(())).await;
        let answer = send(&other, &request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        other.log_of(&answer.request_id).await.pop().unwrap()
    };
    let ((), line) = tokio::join!(dies, waits);
    let waited = line["SharedCacheWait"].as_f64().unwrap();
    assert!((500.0..=1_500.0).contains(&waited), "{line}");
    assert_eq!(world.calendly_calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_fails_costs_little_and_soon_nothing() {
    for trouble in [
        Trouble::Down,
        Trouble::Denied,
        Trouble::Throttled,
        Trouble::Gone,
        Trouble::Nonsense,
        Trouble::Slow(Duration::from_secs(2)),
        Trouble::Hang,
    ] {
        let (world, table, _alone) = world_and_table(LONG).await;
        let request = some_days(&world);
        good(&world.function, &request).await;
        table.trouble(trouble);
        table.forget();
        // One that has nothing kept yet, and is warm otherwise.
        let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "mentoring").unwrap();
        let other = |days: u64| {
            let (start, end) = (day(days).to_string(), day(days + 1).to_string());
            world.request().query(&[("event_type", &*uri), ("start_time", &*start), ("end_time", &*end)])
        };
        let answer = world.send(&other(2)).await;
        assert_eq!(answer.status, 200, "{trouble:?}: {}", answer.body);
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["SharedCacheFailures"].as_f64(), Some(1.0), "{trouble:?}: {line}");
        assert!(line["duration_ms"].as_f64().unwrap() < 600.0, "{trouble:?}: {line}");
        let tried = table.operations().len();
        assert_eq!(tried, 1, "{trouble:?}");
        for days in [40, 80] {
            assert_eq!(world.send(&other(days)).await.status, 200, "{trouble:?}");
        }
        assert_eq!(table.operations().len(), tried, "{trouble:?}: it is not asked for a while");
        let log = world.function.raw_output();
        assert!(log.contains("the table of CACHE_TABLE was of no help"), "{trouble:?}: {log}");
        // It is asked again soon.
        table.trouble(Trouble::None);
        sleep(Duration::from_millis(1_050)).await;
        assert_eq!(world.send(&other(120)).await.status, 200);
        assert_eq!(&table.operations()[tried..], ["GetItem", "UpdateItem", "PutItem"], "{trouble:?}");
    }
}

/// Init is no place to fail either.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_no_reason_not_to_start() {
    let setup =
        setup(LONG).with("CACHE_TABLE", "none").with("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9");
    let world = setup.start().await;
    assert_eq!(world.send(&some_days(&world)).await.status, 200);
    let warm = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(warm["warm"], true, "{warm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_in_the_table_is_not_believed_and_is_replaced() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let (world, table, _alone) = world_and_table(LONG).await;
    let request = some_days(&world);
    let first = without_as_of(good(&world.function, &request).await);
    let items = table.items().await;
    assert_eq!(items.len(), 1);
    let item = &items[0];
    let bytes = BASE64_STANDARD.decode(item["value"]["B"].as_str().unwrap()).unwrap();
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    // Older than it is.
    let mut moved_back = bytes.clone();
    moved_back[5] ^= 1;
    // Of another window.
    let later = request_of_later(&world);
    good(&world.function, &later).await;
    let another = table.items().await.into_iter().find(|other| other["pk"] != item["pk"]).unwrap();
    let binary = |bytes: &[u8]| json!({"B": BASE64_STANDARD.encode(bytes)});
    for (what, value) in [
        ("damaged", binary(&damaged)),
        ("moved back in time", binary(&moved_back)),
        ("another's", another["value"].clone()),
        ("cut", binary(&bytes[..20])),
        ("empty", binary(b"-")),
        ("a text", json!({"S": "what"})),
        ("a number", json!({"N": "5"})),
    ] {
        let mut spoilt = item.clone();
        spoilt["value"] = value;
        table.put(&spoilt).await;
        world.sandbox.forget_calls();
        let other = world.another(Binary::CheckAvailability, &[]).await;
        assert!(without_as_of(good(&other, &request).await) == first, "{what}");
        assert_eq!(world.calendly_calls().len(), 1, "{what}");
        let replaced = table.items().await.into_iter().find(|other| other["pk"] == item["pk"]).unwrap();
        assert_ne!(replaced["value"], spoilt["value"], "{what}");
        assert_eq!(replaced.get("lease"), None, "{what}");
    }
    // Nor is a lease that nobody of ours can hold.
    for lease in [json!({"N": "99999999999999"}), json!({"S": "mine"}), json!({"N": "5"})] {
        table.put(&json!({"pk": item["pk"], "lease": lease, "expires": {"N": "1"}})).await;
        let other = world.another(Binary::CheckAvailability, &[]).await;
        let answer = send(&other, &request).await;
        let line = other.log_of(&answer.request_id).await.pop().unwrap();
        assert_eq!((answer.status, line.get("SharedCacheWait")), (200, None), "{lease}: {line}");
    }
}

fn request_of_later(world: &World) -> Request {
    request(world, &day(100).to_string(), &day(101).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_nothing_of_who_and_with_what() {
    let (table, _alone) = table().await;
    let setup = with_table(setup(LONG), &table).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
    let world = setup.start().await;
    world.sandbox.add_account(Account::new("pat-of-another").of_user("Another"));
    for (caller, pat) in [("robin", DEFAULT_PAT), ("another", "pat-of-another"), ("shares", DEFAULT_PAT)] {
        world.secrets.store(&format!("{}/{caller}", world.secret_id), pat).await;
    }
    let (start, end) = (day(2).to_string(), day(5).to_string());
    let query = [("event_type", "mentoring"), ("start_time", &*start), ("end_time", &*end)];
    let mut answers = Vec::new();
    for (caller, calls) in [("robin", 3), ("another", 3), ("shares", 0)] {
        world.sandbox.forget_calls();
        let answer = world.send(&world.request_with_claims(json!({"sub": caller})).query(&query)).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, calls), "{caller}: {}", answer.body);
        answers.push(answer.json());
    }
    assert_ne!(answers[0]["event_type"], answers[1]["event_type"]);
    assert!(answers[0] == answers[2], "another caller with the same PAT");
    let items = table.items().await;
    assert_eq!(items.len(), 6);
    for item in &items {
        let members: Vec<_> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["expires", "pk", "value"]);
        let expires: i64 = item["expires"]["N"].as_str().unwrap().parse().unwrap();
        assert!((0..=400).contains(&(expires - Utc::now().timestamp())), "{item}");
        let text = item.to_string();
        for secret in
            ["robin", "another", "mentoring", DEFAULT_PAT, "pat-of-another", &*world.sandbox.token()]
        {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_an_item_is_not_shared() {
    let (world, table, _alone) = world_and_table(LONG).await;
    let mut number = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from((number >> 33) % 26).unwrap())
    })
    .take(1_000_000)
    .collect();
    let slot = json!({"status": "available", "start_time": format!("{}T10:00:00Z", day(3)), "noise": noise});
    let body = json!({"collection": [slot]}).to_string();
    world.sandbox.fault(
        AVAILABLE_TIMES,
        1,
        Fault::Body { content_type: "application/json".to_owned(), body },
    );
    let request = some_days(&world);
    let answer = good(&world.function, &request).await;
    assert_eq!(answer["collection"].as_array().unwrap().len(), 1);
    assert!(
        table.items().await.iter().all(|item| item.get("value").is_none() && item.get("lease").is_none())
    );
    assert!(good(&world.function, &request).await == answer, "it is kept here");
    assert_eq!(world.calendly_calls().len(), 1);
}

/// The allowance is nearly spent: what would be too old serves on, so that some is left for what nobody has asked yet.
#[tokio::test(flavor = "multi_thread")]
async fn when_few_calls_are_left_an_older_answer_serves() {
    let setup =
        setup("1").with("AVAILABILITY_STALE_SECONDS", "300").sandbox(|sandbox| sandbox.rate_limit = 5);
    let world = setup.start().await;
    let request = some_days(&world);
    for round in 0..4 {
        let answer = world.send(&request).await;
        assert_eq!((answer.status, age(&answer)), (200, 0), "{round}");
        sleep(Duration::from_millis(1_050)).await;
    }
    let asked = world.calendly_calls().len();
    // One of five is left: not few yet. The last one is.
    assert_eq!(age(&world.send(&request).await), 0);
    for _ in 0..3 {
        sleep(Duration::from_millis(1_050)).await;
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 200);
        assert!(age(&answer) >= 1);
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["AvailabilityFromMemory"].as_f64(), Some(1.0), "{line}");
    }
    assert_eq!(world.calendly_calls().len(), asked + 1);
}
