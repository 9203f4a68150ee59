//! The Calendly token (docs/contract.md, section 4): where it is stored, how long it is cached, and whose it is.

use std::time::{Duration, SystemTime};

use end_to_end::{
    Answer, Binary, EVENT_TYPES, FakeClock, Gateway, Invocation, ME, Setup, World, aws_internal_error,
    json_fault, list_page,
};
use futures_util::future::join_all;
use sandbox::{Account, Config, DEFAULT_PAT, Fault, Sandbox};
use serde_json::{Value, json};

async fn get_as(world: &World, sub: &str) -> Answer {
    world.send(&world.request_with_claims(json!({"sub": sub}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_may_be_text_or_binary() {
    let world = Setup::new(Binary::User).with_pat_per_caller().start().await;
    let id = |caller: &str| format!("{}/{caller}", world.secret_id);
    world.secrets.store(&id("text"), DEFAULT_PAT);
    world.secrets.store_binary(&id("binary"), DEFAULT_PAT.as_bytes());
    for caller in ["text", "binary"] {
        get_as(&world, caller).await.assert_ok(caller);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_pat_serves_while_secrets_manager_is_down() {
    const AFTER_EXPIRY: Duration = Duration::from_secs(301);
    let clock = FakeClock::new();
    let world = Setup::new(Binary::User).with_all(clock.variables(true)).start().await;
    world.get(&[]).await.assert_ok("");
    world.secrets.set_fault(Fault::Hang);
    clock.set_offset(AFTER_EXPIRY);
    let reads = world.secrets.reads();
    // Within Lambda's default time-out.
    let deadline = SystemTime::now() + AFTER_EXPIRY + Duration::from_secs(3);
    let event = world.request().through(Gateway::HttpApi);
    let outcome = world.function.invoke(Invocation::new(&event).with_deadline(deadline)).await;
    Answer::from_outcome(outcome).assert_ok("");
    assert!(world.secrets.reads() > reads, "the secret was not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_an_unchanged_refused_pat_become_rare() {
    let world = Setup::new(Binary::User).start().await;
    world.sandbox.revoke_pat(DEFAULT_PAT);
    let reads = world.secrets.reads();
    for round in 0..20 {
        let answer = world.get(&[]).await;
        answer.assert_error(401, "calendly_error", round);
        assert_eq!(answer.header("www-authenticate"), None);
    }
    let rereads = world.secrets.reads() - reads;
    assert!((1..=10).contains(&rereads), "{rereads} reads for 20 requests");
    assert_eq!(world.calendly_paths(), [ME; 20], "an unchanged PAT is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_pat_that_is_refused_too_is_tried_once() {
    let world = Setup::new(Binary::User).start().await;
    world.sandbox.revoke_pat(DEFAULT_PAT);
    world.secrets.store(&world.secret_id, "also-refused");
    world.get(&[]).await.assert_error(401, "calendly_error", "");
    assert_eq!(world.calendly_paths(), [ME; 2]);
    world.secrets.set_fault(aws_internal_error());
    world.get(&[]).await.assert_error(401, "calendly_error", "while Secrets Manager is down");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_401_the_whole_answer_is_of_the_new_pat() {
    let world = Setup::new(Binary::UserEventTypes).start().await;
    world.sandbox.add_account(Account::new("pat-of-another").with_user("Another"));
    world.secrets.store(&world.secret_id, "pat-of-another");
    world.sandbox.fault(EVENT_TYPES, 1, Fault::status(401));
    let answer = world.get(&[]).await;
    answer.assert_ok("");
    let expected = world.sandbox.event_type_uri("pat-of-another", "demo").unwrap();
    assert!(answer.body.contains(&expected), "the list is of another user");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_with_their_own_pats_are_never_mixed() {
    let setup = Setup::new(Binary::User).with_pat_per_caller();
    let world = setup.with("AWS_LAMBDA_MAX_CONCURRENCY", "8").start().await;
    assert_eq!(world.secrets.reads(), 0, "init has no caller");
    let callers = ["ann", "ben", "cy", "d@example.com", "a+b=c_d.e-f"];
    let mut expected = Vec::new();
    for caller in callers {
        let pat = format!("pat-of-{caller}");
        world.sandbox.add_account(Account::new(&pat).with_user(caller));
        world.secrets.store(&format!("{}/{caller}", world.secret_id), &pat);
        expected.push(json!(world.sandbox.user_uri(&pat)));
    }
    for _ in 0..3 {
        let answers = join_all(callers.map(|caller| get_as(&world, caller))).await;
        let uris: Vec<_> = answers.iter().map(|answer| answer.json()["uri"].clone()).collect();
        assert_eq!(uris, expected);
    }
    assert_eq!(world.secrets.reads(), callers.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_unsafe_in_a_secret_name_are_refused() {
    let setup = Setup::new(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{tenant}/{sub}-pat");
    let world = setup.start().await;
    world.secrets.store(&format!("{}/t1/ann-pat", world.secret_id), DEFAULT_PAT);
    let get = async |tenant: Value| {
        world.send(&world.request_with_claims(json!({"tenant": tenant, "sub": "ann"}))).await
    };
    get(json!("t1")).await.assert_ok("");
    let (reads, paths) = (world.secrets.reads(), world.calendly_paths().len());
    for tenant in [json!("../t1"), json!("{sub}"), json!(7), json!(null)] {
        get(tenant.clone()).await.assert_error(400, "pat_missing", tenant);
    }
    assert_eq!((world.secrets.reads(), world.calendly_paths().len()), (reads, paths));
}

/// Redirects are not followed, and pages are requested by token, not by URL.
#[tokio::test(flavor = "multi_thread")]
async fn pat_is_sent_to_no_other_host() {
    let elsewhere = Sandbox::start(Config::default()).await.unwrap();
    let world = Setup::new(Binary::UserEventTypes).start().await;
    let location = format!("{}{EVENT_TYPES}", elsewhere.base_url());
    world.sandbox.fault(EVENT_TYPES, 1, Fault::Redirect { location: location.clone() });
    world.get(&[]).await.assert_error(502, "calendly_invalid_response", "a redirect");
    let mut empty = list_page(&[], Some("x&user=y"));
    empty["pagination"]["next_page"] = json!(location);
    for page in [empty, list_page(&[json!({"uri": "urn:x"})], None)] {
        world.sandbox.fault(EVENT_TYPES, 1, json_fault(&page));
    }
    assert_eq!(world.get(&[]).await.json(), json!([{"uri": "urn:x"}]));
    let query = world.calls_of(EVENT_TYPES).pop().unwrap().query.unwrap();
    assert!(query.contains("page_token=x%26user%3Dy"), "the token is not encoded: {query}");
    assert_eq!(elsewhere.connections(), 0);
}
