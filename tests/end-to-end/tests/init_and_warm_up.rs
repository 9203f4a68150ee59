//! Init, warm-ups, and events that are neither (contract, sections 1 and 6).
#![cfg(test)]

use std::time::{Duration, Instant};

use end_to_end::{Binary, Invocation, Relay, Setup, Trouble, World, until};
use sandbox::{Config, Fault, Sandbox};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ME: &str = "/users/me";

fn warm_ups() -> [Value; 4] {
    [
        json!({"warmer": true}),
        json!({"source": "serverless-plugin-warmup"}),
        json!({"version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
               "source": "aws.events", "account": "123456789012", "time": "2026-12-01T09:30:00Z",
               "region": "us-east-1", "resources": ["arn:aws:events:us-east-1:123456789012:rule/warm-up"],
               "detail": {}}),
        json!({"version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
               "source": "aws.scheduler", "account": "123456789012", "time": "2026-12-01T09:30:00Z",
               "region": "us-east-1", "resources": [], "detail": "{}"}),
    ]
}

/// The issuer's calls so far.
fn issuer_calls(world: &World) -> usize {
    world.sandbox.calls().len() - world.calendly_calls().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn init_prepares_keys_and_pat_and_a_connection_but_calls_none_of_calendlys_api() {
    // A Calendly of its own, so that its connections can be told from the issuer's.
    let calendly = Sandbox::start(Config::default()).await.unwrap();
    let world = Setup::of(Binary::User).with("CALENDLY_BASE_URL", &calendly.base_url()).start().await;
    assert_eq!(calendly.connections(), 1);
    assert_eq!(calendly.calls(), []);
    assert_eq!(world.secrets.reads(), std::slice::from_ref(&world.secret_id));
    assert_eq!(issuer_calls(&world), 2, "discovery and keys");

    let answer = world.ask(&[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(calendly.connections(), 1, "the first call uses the connection of init");
    assert_eq!(calendly.calls().len(), 1);
    assert_eq!(world.secrets.reads().len(), 1);
    assert_eq!(issuer_calls(&world), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_upstreams_do_not_end_the_function() {
    let setup = Setup::of(Binary::User)
        .with("CALENDLY_BASE_URL", "http://127.0.0.1:9")
        .with("JWT_JWKS_URL", "http://127.0.0.1:9/jwks")
        .trouble(Trouble::Down);
    let world = setup.start().await;
    let answer = world.ask(&[]).await;
    assert_eq!(answer.verdict(), (503, "keys_unavailable".to_owned()));
    let warm_up = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(warm_up["warm"], true);
    let unprepared = warm_up["unprepared"].as_array().unwrap();
    assert!(unprepared.contains(&json!("calendly: the connection was refused")), "{warm_up}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_says_that_connecting_took_too_long() {
    // Shakes no hands.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let setup = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
    let world = setup.with("CALENDLY_BASE_URL", &url).start().await;
    let warm_up = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(warm_up["unprepared"], json!(["calendly: connecting timed out"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn init_takes_three_seconds_at_most_and_leaves_the_rest_for_the_first_request() {
    let world = Setup::of(Binary::User).trouble(Trouble::Hang).spawn().await;
    let began = Instant::now();
    world.function.wait_for_init().await;
    let took = began.elapsed();
    assert!(took < Duration::from_millis(4_500), "{took:?}");
    world.secrets.trouble(Trouble::None);
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_ups_of_every_shape_are_answered() {
    for binary in Binary::ALL {
        let world = Setup::of(binary).start().await;
        for (index, event) in warm_ups().iter().enumerate() {
            let outcome = world.invoke(event).await;
            let answer = outcome.result.unwrap();
            assert_eq!(
                (&answer["warm"], &answer["cold_start"]),
                (&json!(true), &json!(index == 0)),
                "{event}"
            );
            assert_eq!(answer.get("statusCode"), None);
            let cache = &world.end_line(&outcome.request_id).await["cache"];
            assert_eq!(
                (&cache["pat"], &cache["user"]),
                (&json!(true), &json!(index > 0)),
                "{event}: {cache}"
            );
        }
        assert_eq!(world.calendly_paths(), [ME], "the user's URI is learnt once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_warm_up_the_next_request_finds_everything_ready() {
    let world = Setup::of(Binary::User).start().await;
    world.invoke(&json!({"warmer": true})).await.result.unwrap();
    let (calls, connections) = (world.sandbox.calls().len(), world.sandbox.connections());
    let answer = world.ask(&[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.sandbox.calls().len(), calls);
    assert_eq!(world.sandbox.connections(), connections);
    assert_eq!(world.secrets.reads().len(), 1);
    let line = world.end_line(&answer.request_id).await;
    assert_eq!((&line["calendly_calls"], &line["cold_start"]), (&json!(0), &json!(false)));
    assert_eq!(line["ColdStart"].as_f64(), Some(0.0), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_renews_what_would_be_too_old_before_the_next() {
    let world = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "3").start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    let learnt = Instant::now();
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    world.invoke(&json!({"warmer": true})).await.result.unwrap();
    tokio::time::sleep(Duration::from_millis(3_100).saturating_sub(learnt.elapsed())).await;
    world.sandbox.forget_calls();
    let reads = world.secrets.reads().len();
    assert_eq!(world.ask(&[]).await.status, 200);
    assert_eq!(world.secrets.reads().len(), reads, "the PAT had to be read");
    assert_eq!(world.calendly_paths(), Vec::<String>::new(), "its user had to be asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pat_that_a_warm_up_cannot_renew_is_not_stale_before_its_time() {
    let world = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "6").start().await;
    // Past half its life, far from its end.
    tokio::time::sleep(Duration::from_millis(3_050)).await;
    world.secrets.trouble(Trouble::Down);
    let outcome = world.invoke(&json!({"warmer": true})).await;
    let line = world.end_line(&outcome.request_id).await;
    assert_eq!((&line["cache"]["pat"], line.get("SecretStale")), (&json!(false), None), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_makes_up_for_what_init_could_not_prepare() {
    let world = Setup::of(Binary::User).trouble(Trouble::Down).start().await;
    let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(answer["warm"], true);
    assert!(answer.as_object().unwrap().len() > 2, "it says what could not be prepared: {answer}");
    world.secrets.trouble(Trouble::None);
    let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(answer, json!({"warm": true, "cold_start": false}));
    assert_eq!(world.calendly_paths(), [ME]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_upstream_is_reported_and_does_not_fail_the_warm_up() {
    let world = Setup::of(Binary::User).with("CALENDLY_MAX_RETRIES", "0").start().await;
    for fault in [Fault::status(500), Fault::status(401), Fault::Reset, Fault::status(200)] {
        world.sandbox.fault(ME, 1, fault.clone());
        let outcome = world.invoke(&json!({"warmer": true})).await;
        let answer = outcome.result.unwrap();
        assert_eq!(answer["warm"], true);
        let report =
            answer.as_object().unwrap().iter().find(|(name, _)| !["warm", "cold_start"].contains(&&***name));
        let (name, report) = report.unwrap_or_else(|| panic!("{fault:?} is not reported: {answer}"));
        assert!(!report.as_array().unwrap().is_empty(), "{fault:?}: {name}");
        let line = world.end_line(&outcome.request_id).await;
        assert!(line.to_string().contains("user"), "{fault:?}: {line}");
        world.sandbox.clear_faults();
    }
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_keeps_to_the_deadline() {
    let world = Setup::of(Binary::User).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
    world.sandbox.fault(ME, 1, Fault::Hang);
    let invocation = Invocation::new(&json!({"warmer": true})).within(Duration::from_secs(1));
    let deadline = invocation.deadline;
    let outcome = world.function.invoke(invocation).await;
    assert_eq!(outcome.result.unwrap()["warm"], true);
    let left = deadline.duration_since(outcome.arrived).unwrap_or_default();
    assert!(left >= Duration::from_millis(250), "{left:?} left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_with_pats_of_the_callers_own_reads_none() {
    let world = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}").start().await;
    let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(answer, json!({"warm": true, "cold_start": true}));
    assert_eq!(world.secrets.reads(), Vec::<String>::new());
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_opens_no_connection_beside_a_pooled_one_and_a_dead_one_costs_a_request_nothing() {
    let calendly = Sandbox::start(Config::default()).await.unwrap();
    let relay = Relay::to(&calendly.base_url()).await;
    let setup = Setup::of(Binary::UserEventTypes).with("PAT_CACHE_SECONDS", "3600");
    let world = setup.with("CALENDLY_BASE_URL", &relay.url).start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    let (calls, opened) = (calendly.calls(), relay.opened());
    let warm_up = async || {
        let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
        assert_eq!(answer, json!({"warm": true, "cold_start": false}));
        assert_eq!(calendly.calls(), calls);
    };
    warm_up().await;
    assert_eq!(relay.opened(), opened, "the connection of the request before would serve the next one");

    world.function.freeze().await;
    assert_eq!(relay.cut(), 1);
    until("the connection to be gone", || (relay.cut() == 0).then_some(())).await;
    // What is shorter is taken for no freeze.
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.function.thaw().await;
    warm_up().await;
    assert_eq!(relay.opened(), opened, "a pooled connection counts as open until its idle time-out");
    let answer = world.ask(&[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(relay.opened(), opened + 1, "the request opens one");
    let line = world.end_line(&answer.request_id).await;
    assert_eq!((&line["calendly_calls"], &line["calendly_retries"]), (&json!(1), &json!(0)), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_ups_in_a_row_open_one_connection() {
    for binary in Binary::ALL {
        for is_users_own in [false, true] {
            let calendly = Sandbox::start(Config::default()).await.unwrap();
            let setup = Setup::of(binary).with("CALENDLY_BASE_URL", &calendly.base_url());
            let setup =
                if is_users_own { setup.with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}") } else { setup };
            let world = setup.start().await;
            for _ in 0..5 {
                let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
                assert_eq!(answer.get("unprepared"), None, "{answer}");
            }
            assert_eq!(calendly.connections(), 1, "{binary:?}, PATs of the callers' own: {is_users_own}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_provisioned_concurrency_nobody_waits_for_a_start() {
    let setup = || Setup::of(Binary::User).with("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency");
    let world = setup().start().await;
    for _ in 0..2 {
        let answer = world.ask(&[]).await;
        let line = world.end_line(&answer.request_id).await;
        assert_eq!((&line["cold_start"], line["ColdStart"].as_f64()), (&json!(false), Some(0.0)), "{line}");
    }
    let world = setup().start().await;
    let answer = world.invoke(&json!({"warmer": true})).await.result.unwrap();
    assert_eq!(answer, json!({"warm": true, "cold_start": false}));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_warm_ups_keeps_its_environment_busy() {
    let world = Setup::of(Binary::User).start().await;
    let took = async |event: Value| {
        let began = Instant::now();
        assert_eq!(world.invoke(&event).await.result.unwrap()["warm"], true);
        began.elapsed()
    };
    assert!(took(json!({"warmer": true, "concurrency": 3})).await >= Duration::from_millis(100));
    let quickest =
        [took(json!({"warmer": true})).await, took(json!({"warmer": true, "concurrency": 1})).await];
    assert!(quickest.iter().min() < Some(&Duration::from_millis(100)), "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_neither_are_function_errors_and_the_next_request_works() {
    let world = Setup::of(Binary::User).start().await;
    for event in [
        json!({}),
        json!([]),
        json!([{"warmer": true}]),
        json!(null),
        json!(5),
        json!("warmer"),
        json!({"warmer": false}),
        json!({"warmer": "true"}),
        json!({"source": "aws.s3"}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "private-body"}]}),
        json!({"httpMethod": "GET", "path": "/calendly/user", "headers": {"authorization": "private-header"},
               "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}}}),
        json!({"version": "2.0", "requestContext": {}}),
        json!({"version": "2.0", "requestContext": {"http": "GET"}}),
        json!({"requestContext": {"http": {"method": "GET"}}, "headers": "private-header"}),
        json!({"requestContext": {"http": {"method": "GET"}}, "headers": {"authorization": ["private-header"]}}),
        json!({"requestContext": {"routeKey": "$connect", "eventType": "CONNECT"}}),
        json!({"type": "TOKEN", "authorizationToken": "private-token", "methodArn": "arn"}),
    ] {
        let error = world.invoke(&event).await.result.unwrap_err();
        for member in ["errorType", "errorMessage"] {
            assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{event}: {error}");
        }
        assert!(!error.to_string().contains("private"), "{error}");
        assert_eq!(error.get("statusCode"), None);
    }
    assert_eq!(world.ask(&[]).await.status, 200);
    let output = world.function.raw_output();
    assert!(!output.contains("private") && !output.contains("panicked"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_error_names_what_was_wrong() {
    let world = Setup::of(Binary::User).start().await;
    let event = json!({"Records": [{"eventSource": "aws:sqs"}]});
    let outcome = world.invoke(&event).await;
    let message = outcome.result.unwrap_err()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("Records"), "{message}");
    let lines = until("a line", || {
        let lines: Vec<Value> = world.function.log();
        let lines = lines.into_iter().filter(|line| line["request_id"] == *outcome.request_id);
        Some(lines.collect::<Vec<_>>()).filter(|lines| !lines.is_empty())
    })
    .await;
    assert_eq!(lines.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_come_later_are_found_after_a_failed_init() {
    let setup = Setup::of(Binary::User);
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault("/issuer/.well-known/openid-configuration", 1, Fault::status(500));
    sandbox.fault("/issuer/jwks", 1, Fault::status(500));
    let world = setup.spawn_with(sandbox).await;
    world.function.wait_for_init().await;
    world.sandbox.clear_faults();
    let began = Instant::now();
    loop {
        let answer = world.ask(&[]).await;
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.verdict(), (503, "keys_unavailable".to_owned()));
        assert!(began.elapsed() < Duration::from_secs(15), "the function never recovers");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
