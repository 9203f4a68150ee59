//! The DynamoDB table that environments share (docs/contract.md, section 9). Its failures fail no request.

use std::time::Duration;

use chrono::Utc;
use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, Function, Gateway, Invocation, ME, Request, Setup, Table,
    TcpProxy, World, aws_internal_error, slow_clock, wait_until,
};
use futures_util::future::join_all;
use sandbox::{Account, DEFAULT_PAT, Fault};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::availability_cache::{LONG, send_ok, setup, some_days, without_as_of};

/// Gives the functions 500 ms instead of 100 ms for the table.
fn with_table(setup: Setup, table: &Table) -> Setup {
    let setup = setup.with("CACHE_TABLE", &table.name).with("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint);
    setup.with_all(slow_clock(0.2))
}

async fn world_and_table(seconds: &str) -> (World, Table) {
    let table = Table::start().await;
    (with_table(setup(seconds), &table).start().await, table)
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_and_functions_share_the_cache() {
    let (world, table) = world_and_table(LONG).await;
    let request = world.request().days(2, 5).event_type("demo");
    let first = send_ok(&world.function, &request).await;
    assert_eq!(world.calendly_paths(), [ME, EVENT_TYPES, AVAILABLE_TIMES]);
    world.sandbox.forget_calls();
    let other = world.start_environment(Binary::CheckAvailability, &[]).await;
    let answer = other.send(&request).await;
    assert!(answer.json() == first, "with the same `as_of`: {}", answer.json()["as_of"]);
    let line = other.log_line(&answer.request_id).await;
    assert_eq!(line["AvailabilityFromTable"].as_f64(), Some(1.0), "{line}");
    assert_eq!(line["cache"], json!({"availability": true, "event_type": true, "keys": true, "pat": true}));
    let user = world.start_environment(Binary::User, &[]).await;
    send_ok(&user, &Request::get("/calendly/user").bearer(&world.sandbox.token())).await;
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    let event_types = world.start_environment(Binary::UserEventTypes, &[]).await;
    send_ok(&event_types, &Request::get("/calendly/user-event-types").bearer(&world.sandbox.token())).await;
    assert_eq!(world.calendly_paths(), [EVENT_TYPES]);
    assert_eq!(table.items().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_of_all_environments_share_one_call() {
    let (world, table) = world_and_table(LONG).await;
    let functions =
        join_all((0..2).map(|_| {
            world.start_environment(Binary::CheckAvailability, &[("AWS_LAMBDA_MAX_CONCURRENCY", "4")])
        }))
        .await;
    for function in &functions {
        function.wait_for_polls(4).await;
    }
    world.sandbox.forget_calls();
    // Longer than all requests take to arrive.
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Delay { milliseconds: 2_000 });
    let request = some_days(&world);
    let requests = functions.iter().flat_map(|function| (0..4).map(move |_| function));
    let answers = join_all(requests.map(|function| send_ok(function, &request))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.calendly_calls().len(), 1);
    let leases = table.operations().iter().filter(|operation| *operation == "UpdateItem").count();
    assert!(leases <= 2, "one per environment: {leases}");
    let waited = |line: &Value| line.get("AvailabilityFromOthers").is_some();
    let count = || functions.iter().flat_map(Function::log).filter(waited).count();
    wait_until("the log lines of the waiters", || (count() == 2 * 3).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_load_and_failed_write_release_the_lease() {
    let (world, table) = world_and_table(LONG).await;
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(400));
    let request = some_days(&world);
    assert_eq!(world.send(&request).await.status, 400);
    assert!(table.items().iter().all(|item| item.get("lease").is_none()));
    table.deny("PutItem");
    world.send(&request).await.assert_ok("the write fails");
    assert!(table.items().iter().all(|item| item.get("lease").is_none()));
    let other = world.start_environment(Binary::CheckAvailability, &[]).await;
    let answer = other.send(&request).await;
    let line = other.log_line(&answer.request_id).await;
    assert_eq!((answer.status, line.get("SharedCacheWait")), (200, None), "{line}");
}

/// The lease holder dies. Waiters wait 1.5 s at most, and at most half of their remaining time.
#[tokio::test(flavor = "multi_thread")]
async fn waiter_of_a_dead_lease_holder_calls_calendly() {
    let cases = [(5_000, 500.0..=1_500.0), (1_200, 200.0..=600.0)];
    join_all(cases.map(async |(deadline_ms, expected_wait)| {
        let (world, _table) = world_and_table(LONG).await;
        let other = world.start_environment(Binary::CheckAvailability, &[]).await;
        world.sandbox.forget_calls();
        world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::Hang);
        let event = some_days(&world).through(Gateway::HttpApi);
        let holder = async {
            let hanging = world.function.invoke(Invocation::new(&event));
            assert!(tokio::time::timeout(Duration::from_millis(500), hanging).await.is_err());
            world.function.kill().await;
        };
        let waiter = async {
            wait_until("the call", || (!world.calendly_calls().is_empty()).then_some(())).await;
            let invocation = Invocation::new(&event).within(Duration::from_millis(deadline_ms));
            let answer = Answer::from_outcome(other.invoke(invocation).await);
            answer.assert_ok(deadline_ms);
            other.log_line(&answer.request_id).await
        };
        let ((), line) = tokio::join!(holder, waiter);
        assert!(expected_wait.contains(&line["SharedCacheWait"].as_f64().unwrap()), "{line}");
        assert_eq!(world.calendly_calls().len(), 2);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_table_is_skipped_and_tried_again() {
    let (world, table) = world_and_table(LONG).await;
    table.set_fault(aws_internal_error());
    let uri = world.event_type_uri("demo");
    let uncached = |first: u64| world.request().days(first, first + 1).event_type(&uri);
    let answer = world.send(&uncached(40)).await;
    answer.assert_ok("");
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(line["SharedCacheFailures"].as_f64(), Some(1.0), "{line}");
    table.forget_operations();
    send_ok(&world.function, &uncached(80)).await;
    assert_eq!(table.operations(), Vec::<String>::new(), "the circuit breaker is open");
    assert!(world.function.raw_output().contains("CACHE_TABLE"), "the failure is not logged");
    table.clear_faults();
    // One second of the slowed clock.
    sleep(Duration::from_millis(5_250)).await;
    send_ok(&world.function, &uncached(120)).await;
    assert_ne!(table.operations(), Vec::<String>::new(), "the circuit breaker is half-open");
}

/// A table that answers in 80 ms of the slowed clock: the first call of a request succeeds, and its second one times out.
#[tokio::test(flavor = "multi_thread")]
async fn slow_table_is_skipped() {
    let (world, table) = world_and_table(LONG).await;
    let uri = world.event_type_uri("demo");
    let uncached = |first: u64| world.request().days(first, first + 1).event_type(&uri);
    table.set_fault(Fault::Delay { milliseconds: 400 });
    send_ok(&world.function, &uncached(40)).await;
    table.forget_operations();
    send_ok(&world.function, &uncached(80)).await;
    assert_eq!(table.operations(), Vec::<String>::new(), "the circuit breaker is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_preconnects_to_the_table() {
    let table = Table::start().await;
    let proxy = TcpProxy::to(&table.endpoint).await;
    let setup = with_table(Setup::new(Binary::User), &table).with("AWS_ENDPOINT_URL_DYNAMODB", &proxy.url);
    let world = setup.with_pat_per_caller().start().await;
    wait_until("the connection", || (proxy.connection_count() == 1).then_some(())).await;
    assert_eq!(table.operations(), Vec::<String>::new());
    world.secrets.store(&format!("{}/robin", world.secret_id), DEFAULT_PAT);
    world.send(&world.request_with_claims(json!({"sub": "robin"}))).await.assert_ok("");
    assert_eq!(proxy.connection_count(), 1);
    assert_eq!(table.operations(), ["GetItem", "PutItem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_reads_the_user_unless_the_secret_names_it() {
    let table = Table::start().await;
    let world = with_table(Setup::new(Binary::User), &table).start().await;
    let request = world.request();
    let user = send_ok(&world.function, &request).await;
    table.forget_operations();
    let other = world.start_environment(Binary::User, &[]).await;
    assert_eq!(table.operations(), ["GetItem"], "init's");
    send_ok(&other, &request).await;
    assert_eq!((table.operations().len(), world.calendly_paths().len()), (1, 1));
    world.secrets.store(&world.secret_id, &json!({"pat": DEFAULT_PAT, "user": user["uri"]}).to_string());
    table.forget_operations();
    let other = world.start_environment(Binary::User, &[]).await;
    assert_eq!(send_ok(&other, &request).await, user);
    assert_eq!((table.operations().len(), world.calendly_paths().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_items_and_leases_are_ignored_and_replaced() {
    let (world, table) = world_and_table(LONG).await;
    let request = some_days(&world);
    let first = without_as_of(send_ok(&world.function, &request).await);
    let item = table.items()[0].clone();
    let later_days = world.request().days(100, 101).event_type(&world.event_type_uri("demo"));
    send_ok(&world.function, &later_days).await;
    let another = table.items().into_iter().find(|other| other["pk"] != item["pk"]).unwrap();
    // The value of another window. A unit test covers the other ways to tamper with a value.
    let mut tampered = item.clone();
    tampered["value"] = another["value"].clone();
    table.put(&tampered);
    world.sandbox.forget_calls();
    let other = world.start_environment(Binary::CheckAvailability, &[]).await;
    assert!(without_as_of(send_ok(&other, &request).await) == first);
    assert_eq!(world.calendly_calls().len(), 1);
    let replaced = table.items().into_iter().find(|other| other["pk"] == item["pk"]).unwrap();
    assert_ne!(replaced["value"], tampered["value"]);
    assert_eq!(replaced.get("lease"), None);
    // A lease with a later end than any environment sets.
    table.put(&json!({"pk": item["pk"], "lease": {"N": "99999999999999"}, "expires": {"N": "1"}}));
    let other = world.start_environment(Binary::CheckAvailability, &[]).await;
    let answer = other.send(&request).await;
    let line = other.log_line(&answer.request_id).await;
    assert_eq!((answer.status, line.get("SharedCacheWait")), (200, None), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_per_pat_and_hold_no_secrets() {
    let table = Table::start().await;
    let world = with_table(setup(LONG), &table).with_pat_per_caller().start().await;
    world.sandbox.add_account(Account::new("pat-of-another").with_user("Another"));
    for (caller, pat) in [("robin", DEFAULT_PAT), ("another", "pat-of-another"), ("shares", DEFAULT_PAT)] {
        world.secrets.store(&format!("{}/{caller}", world.secret_id), pat);
    }
    let mut answers = Vec::new();
    for (caller, calls) in [("robin", 3), ("another", 3), ("shares", 0)] {
        world.sandbox.forget_calls();
        let request = world.request_with_claims(json!({"sub": caller}));
        let answer = world.send(&request.days(2, 5).event_type("mentoring")).await;
        answer.assert_ok(caller);
        assert_eq!(world.calendly_calls().len(), calls, "{caller}");
        answers.push(answer.json());
    }
    assert_ne!(answers[0]["event_type"], answers[1]["event_type"]);
    assert!(answers[0] == answers[2]);
    let items = table.items();
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
async fn table_without_cache_seconds_shares_no_availability() {
    let (world, table) = world_and_table("0").await;
    let answer = send_ok(&world.function, &world.request().days(2, 5)).await;
    assert_eq!(answer.get("as_of"), None);
    assert_eq!(table.items().len(), 2, "the user and the event type");
}
