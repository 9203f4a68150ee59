//! The Calendly token: where it comes from, how long it is kept, and whose it is (contract, section 4).
#![cfg(test)]

use std::time::{Duration, Instant};

use end_to_end::{Answer, Binary, Gateway, Invocation, SecretsManager, Setup, Trouble, World};
use futures_util::future::join_all;
use sandbox::{Account, DEFAULT_PAT, Fault};
use serde_json::{Value, json};
use tokio::time::sleep;

const ME: &str = "/users/me";

/// Each caller has a PAT of their own, under the secret's name and the caller's.
fn callers_own(binary: Binary) -> Setup {
    Setup::of(binary).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}")
}

async fn ask_as(world: &World, sub: &str) -> Answer {
    world.send(&world.request_with_claims(json!({"sub": sub}))).await
}

fn pat_missing() -> (u16, String) {
    (400, "pat_missing".to_owned())
}

fn secrets_unavailable() -> (u16, String) {
    (503, "secrets_unavailable".to_owned())
}

/// Longer than `PAT_CACHE_SECONDS` is in these tests.
async fn until_it_is_stale() {
    sleep(Duration::from_millis(1_050)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_shape_of_a_secret_is_read() {
    let world = callers_own(Binary::User).start().await;
    let shapes = [
        DEFAULT_PAT.to_owned(),
        format!(" {DEFAULT_PAT}\n"),
        json!({"pat": DEFAULT_PAT}).to_string(),
        json!({"token": DEFAULT_PAT}).to_string(),
        json!({"access_token": DEFAULT_PAT, "user": "x", "n": 1}).to_string(),
        // As large as a secret may be.
        format!("{DEFAULT_PAT}{}", " ".repeat(65_536 - DEFAULT_PAT.len())),
        format!("\n{}\n", json!({"pat": DEFAULT_PAT})),
    ];
    for (index, shape) in shapes.iter().enumerate() {
        world.secrets.store(&format!("{}/good-{index}", world.secret_id), shape).await;
        let answer = ask_as(&world, &format!("good-{index}")).await;
        assert_eq!(answer.status, 200, "{shape}: {}", answer.body);
    }
    world.secrets.store_binary(&format!("{}/binary", world.secret_id), DEFAULT_PAT.as_bytes()).await;
    assert_eq!(ask_as(&world, "binary").await.status, 200);
    let operations = world.secrets.operations();
    assert!(operations.iter().all(|operation| operation == "GetSecretValue"), "{operations:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_holds_no_token_is_pat_missing() {
    let world = callers_own(Binary::User).start().await;
    for (index, shape) in [
        " ",
        "{}",
        r#"{"pat":5}"#,
        r#"{"pat":""}"#,
        r#"{"key":"x"}"#,
        r#"{"pat":"a\nb"}"#,
        "{broken",
        "two words",
    ]
    .iter()
    .enumerate()
    {
        world.secrets.store(&format!("{}/bad-{index}", world.secret_id), shape).await;
        let answer = ask_as(&world, &format!("bad-{index}")).await;
        assert_eq!(answer.verdict(), pat_missing(), "{shape}");
    }
    assert_eq!(ask_as(&world, "nobody").await.verdict(), pat_missing());
    for (caller, at_once) in [("gone", true), ("going", false)] {
        let id = format!("{}/{caller}", world.secret_id);
        world.secrets.store(&id, DEFAULT_PAT).await;
        world.secrets.delete(&id, at_once).await;
        assert_eq!(ask_as(&world, caller).await.verdict(), pat_missing(), "{caller}");
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_later_is_found() {
    let world = Setup::of(Binary::User).secret(None).start().await;
    assert_eq!(world.ask(&[]).await.verdict(), pat_missing());
    world.secrets.store(&world.secret_id, DEFAULT_PAT).await;
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_kept_and_read_again_only_when_it_is_old() {
    let world = Setup::of(Binary::UserEventTypes).with("PAT_CACHE_SECONDS", "1").start().await;
    world.sandbox.add_account(Account::new("rotated").of_user("Robin Sample"));
    assert_eq!(world.ask(&[]).await.status, 200);
    world.secrets.store(&world.secret_id, "rotated").await;
    until_it_is_stale().await;
    world.sandbox.forget_calls();
    assert_eq!(world.ask(&[]).await.status, 200);
    let calls = world.calendly_calls();
    assert!(calls.iter().all(|call| call.bearer.as_deref() == Some("rotated")), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_error_of_calendlys_has_it_read_again() {
    let world = Setup::of(Binary::User).with("CALENDLY_MAX_RETRIES", "0").start().await;
    for status in [403, 404, 429, 500] {
        world.sandbox.fault(ME, 1, Fault::status(status));
        assert_ne!(world.ask(&[]).await.status, 200, "{status}");
        world.sandbox.clear_faults();
    }
    assert_eq!(world.secrets.reads().len(), 1, "init's");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_stale_while_secrets_manager_is_down() {
    for trouble in [Trouble::Down, Trouble::Denied, Trouble::Hang] {
        let world = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "1").start().await;
        assert_eq!(world.ask(&[]).await.status, 200);
        world.secrets.trouble(trouble);
        until_it_is_stale().await;
        let reads = world.secrets.reads().len();
        let answer = world.ask(&[]).await;
        assert_eq!(answer.status, 200, "{trouble:?}: {}", answer.body);
        assert!(world.secrets.reads().len() > reads, "{trouble:?}: it was not even asked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_pat_serves_in_time_also_when_secrets_manager_hangs() {
    let world = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "1").start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    world.secrets.trouble(Trouble::Hang);
    until_it_is_stale().await;
    // Lambda's own default for a function's time-out.
    let event = world.request().through(Gateway::HttpApi);
    let invocation = Invocation::new(&event).within(Duration::from_secs(3));
    let answer = Answer::of(world.function.invoke(invocation).await);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_kept_it_is_503_and_works_again_afterwards() {
    for trouble in [Trouble::Down, Trouble::Denied] {
        let world = Setup::of(Binary::User).trouble(trouble).start().await;
        for _ in 0..2 {
            assert_eq!(world.ask(&[]).await.verdict(), secrets_unavailable(), "{trouble:?}");
        }
        assert_eq!(world.calendly_paths(), Vec::<String>::new());
        world.secrets.trouble(Trouble::None);
        assert_eq!(world.ask(&[]).await.status, 200, "{trouble:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_for_it_share_one_read() {
    let setup = callers_own(Binary::UserEventTypes).with("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let world = setup.start().await;
    let id = format!("{}/ann", world.secret_id);
    world.secrets.store(&id, DEFAULT_PAT).await;
    world.secrets.trouble(Trouble::Slow(Duration::from_millis(400)));
    let answers = join_all((0..8).map(|_| ask_as(&world, "ann"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", answers[0]);
    assert_eq!(world.secrets.reads(), [id]);
    let me = world.calendly_paths().iter().filter(|path| *path == ME).count();
    assert_eq!(me, 1, "and one look at whose it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_share_it_also_when_nothing_is_kept() {
    let setup =
        Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "0").with("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let world = setup.start().await;
    world.sandbox.fault(ME, 8, Fault::Delay { milliseconds: 400 });
    let answers = join_all((0..8).map(|_| world.ask(&[]))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", answers[0]);
    assert_eq!(world.calendly_paths(), [ME]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_share_a_failure_of_secrets_manager() {
    let setup = callers_own(Binary::User).with("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let world = setup.start().await;
    world.secrets.trouble(Trouble::Hang);
    let began = Instant::now();
    let answers = join_all((0..8).map(|_| ask_as(&world, "ann"))).await;
    assert!(answers.iter().all(|answer| answer.verdict() == secrets_unavailable()), "{:?}", answers[0]);
    // One read is given 3.5 s, its second try included.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_share_calendlys_failure_to_say_whose_it_is() {
    let setup = Setup::of(Binary::User)
        .with("AWS_LAMBDA_MAX_CONCURRENCY", "8")
        .with("CALENDLY_TIMEOUT_MS", "600")
        .with("CALENDLY_MAX_RETRIES", "0");
    let world = setup.start().await;
    world.sandbox.fault(ME, 8, Fault::Hang);
    let answers = join_all((0..8).map(|_| world.ask(&[]))).await;
    let unreachable = (502, "calendly_unreachable".to_owned());
    assert!(answers.iter().all(|answer| answer.verdict() == unreachable), "{:?}", answers[0]);
    assert_eq!(world.calendly_paths(), [ME]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pat_that_calendly_refuses_is_read_afresh_and_tried_once_more() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    world.sandbox.add_account(Account::new("rotated").of_user("Robin Sample"));
    world.sandbox.revoke_pat(DEFAULT_PAT);
    world.secrets.store(&world.secret_id, "rotated").await;
    let reads = world.secrets.reads().len();
    let answer = world.ask(&[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(world.secrets.reads().len(), reads + 1);
    assert_eq!(world.ask(&[]).await.status, 200);
    assert_eq!(world.secrets.reads().len(), reads + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pat_that_stays_refused_does_not_cost_a_read_per_request() {
    let world = Setup::of(Binary::User).start().await;
    world.sandbox.revoke_pat(DEFAULT_PAT);
    let reads = world.secrets.reads().len();
    for round in 0..20 {
        let answer = world.ask(&[]).await;
        assert_eq!(answer.verdict(), (401, "calendly_error".to_owned()), "{round}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    let rereads = world.secrets.reads().len() - reads;
    assert!((1..=4).contains(&rereads), "{rereads} reads for 20 requests");
    assert_eq!(world.calendly_paths(), [ME; 20], "an unchanged PAT is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pat_that_is_replaced_after_it_was_refused_is_found_at_once() {
    let world = Setup::of(Binary::User).start().await;
    world.sandbox.revoke_pat(DEFAULT_PAT);
    assert_eq!(world.ask(&[]).await.verdict(), (401, "calendly_error".to_owned()));
    world.sandbox.add_account(Account::new("replaced").of_user("Robin Sample"));
    world.secrets.store(&world.secret_id, "replaced").await;
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_pat_that_is_refused_too_is_tried_once() {
    let world = Setup::of(Binary::User).start().await;
    world.sandbox.revoke_pat(DEFAULT_PAT);
    world.secrets.store(&world.secret_id, "as-bad").await;
    assert_eq!(world.ask(&[]).await.verdict(), (401, "calendly_error".to_owned()));
    assert_eq!(world.calendly_paths(), [ME; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_pat_is_reflected_while_secrets_manager_is_down() {
    let world = Setup::of(Binary::User).start().await;
    world.sandbox.revoke_pat(DEFAULT_PAT);
    world.secrets.trouble(Trouble::Down);
    assert_eq!(world.ask(&[]).await.verdict(), (401, "calendly_error".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_are_refused_share_one_fresh_read() {
    let setup = Setup::of(Binary::UserEventTypes).with("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let world = setup.start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    world.sandbox.add_account(Account::new("rotated").of_user("Robin Sample"));
    world.sandbox.revoke_pat(DEFAULT_PAT);
    world.secrets.store(&world.secret_id, "rotated").await;
    let reads = world.secrets.reads().len();
    let answers = join_all((0..8).map(|_| world.ask(&[]))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", answers[0]);
    assert_eq!(world.secrets.reads().len(), reads + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_halfway_through_makes_the_answer_from_the_start() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    world.sandbox.add_account(Account::new("pat-of-another").of_user("Another"));
    world.secrets.store(&world.secret_id, "pat-of-another").await;
    world.sandbox.fault("/event_types", 1, Fault::status(401));
    let answer = world.ask(&[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = world.sandbox.event_type_uri("pat-of-another", "demo").unwrap();
    assert!(answer.body.contains(&expected), "the list is not the new PAT's user's");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_has_a_pat_of_their_own_and_they_never_mix() {
    let setup = callers_own(Binary::User).with("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let world = setup.start().await;
    assert_eq!(world.secrets.reads(), Vec::<String>::new(), "init cannot know whose to read");
    let callers = ["ann", "ben", "cy", "d@example.com", "a+b=c_d.e-f"];
    for caller in callers {
        let pat = format!("pat-of-{caller}");
        world.sandbox.add_account(Account::new(&pat).of_user(caller));
        world.secrets.store(&format!("{}/{caller}", world.secret_id), &pat).await;
    }
    let mut uris = std::collections::BTreeMap::new();
    for caller in callers {
        let me: Value = serde_json::from_str(
            &end_to_end::http_get(
                &format!("{}/users/me", world.sandbox.base_url()),
                &format!("pat-of-{caller}"),
                &[],
            )
            .await,
        )
        .unwrap();
        uris.insert(caller, me["resource"]["uri"].clone());
    }
    for _ in 0..3 {
        let world = &world;
        let round = callers.map(|caller| async move { (caller, ask_as(world, caller).await) });
        for (caller, answer) in join_all(round).await {
            assert_eq!(answer.json()["uri"], uris[caller], "{caller}: {}", answer.body);
        }
    }
    assert_eq!(world.secrets.reads().len(), callers.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_claims_may_name_the_secret() {
    let setup = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{tenant}/{sub}-pat");
    let world = setup.start().await;
    world.secrets.store(&format!("{}/t1/ann-pat", world.secret_id), DEFAULT_PAT).await;
    let ask = async |claims: Value| world.send(&world.request_with_claims(claims)).await;
    assert_eq!(ask(json!({"tenant": "t1", "sub": "ann"})).await.status, 200);
    assert_eq!(ask(json!({"tenant": "t2", "sub": "ann"})).await.verdict(), pat_missing());
    assert_eq!(ask(json!({"sub": "ann"})).await.verdict(), pat_missing());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_claim_is_pat_missing_and_costs_no_call() {
    let setup = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{name}");
    let world = setup.start().await;
    for name in [
        json!("a/b"),
        json!("../x"),
        json!("a b"),
        json!("*"),
        json!("é"),
        json!("a\u{0}"),
        json!("a\n"),
        json!("{sub}"),
        json!("a:b"),
        json!("auth0|1"),
        json!(""),
        json!(7),
        json!(true),
        json!(["a"]),
        json!({"a": "b"}),
        json!(null),
    ] {
        let answer = world.send(&world.request_with_claims(json!({"name": name}))).await;
        assert_eq!(answer.verdict(), pat_missing(), "{name}: {}", answer.body);
    }
    assert_eq!(world.secrets.reads(), Vec::<String>::new());
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_may_be_named_by_its_arn() {
    let secrets = SecretsManager::start().await;
    let arn = secrets.store("test-arn/calendly/pat", DEFAULT_PAT).await;
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:"), "{arn}");
    let world = Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", &arn).start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    assert_eq!(world.secrets.reads(), [arn]);
}
