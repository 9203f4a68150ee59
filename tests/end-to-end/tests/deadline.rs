//! Deadlines of invocations (docs/contract.md, sections 2 and 5). How much time is left for the answer is a unit test.

use std::time::{Duration, SystemTime};

use end_to_end::{Answer, Binary, Gateway, Invocation, ME, SecretsManager, Setup};
use sandbox::{Config, Fault, Sandbox};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn hanging_calls_are_504_before_the_deadline() {
    let world = Setup::new(Binary::User).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
    world.sandbox.fault(ME, 100, Fault::Hang);
    let (answer, left) = world.send_within(&world.request(), Duration::from_secs(1)).await;
    assert!(!left.is_zero(), "{answer:?}");
    answer.assert_error(504, "deadline_exceeded", "");
    let line = world.log_line(&answer.request_id).await;
    assert!(line["reason"].as_str().is_some_and(|reason| reason.ends_with('.')), "{line}");
    assert_eq!((&line["status"], &line["code"]), (&json!(504), &json!("deadline_exceeded")));
    world.sandbox.clear_faults();
    world.get(&[]).await.assert_ok("the next request");
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_limits_retries_and_reads_of_secrets_and_keys() {
    let retries = Setup::new(Binary::User).with("CALENDLY_MAX_RETRIES", "10").start().await;
    retries.sandbox.fault(ME, 100, Fault::status(503));
    let secrets = Setup::new(Binary::User).with_pat_per_caller().start().await;
    secrets.secrets.set_fault(Fault::Hang);
    let sandbox = Sandbox::start(Config::default()).await.unwrap();
    sandbox.fault("/issuer/jwks", 100, Fault::Hang);
    let keys = Setup::new(Binary::User).spawn_with(sandbox, SecretsManager::start().await).await;
    keys.function.wait_for_init().await;
    for world in [retries, secrets, keys] {
        let (answer, left) = world.send_within(&world.request(), Duration::from_millis(1_200)).await;
        assert!(!left.is_zero(), "{answer:?}");
        assert!([503, 504].contains(&answer.status), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn past_deadline_counts_as_none() {
    let world = Setup::new(Binary::User).start().await;
    world.sandbox.fault(ME, 1, Fault::Delay { milliseconds: 500 });
    let event = world.request().through(Gateway::HttpApi);
    for deadline in [SystemTime::UNIX_EPOCH, SystemTime::now() - Duration::from_secs(1)] {
        let invocation = Invocation::new(&event).with_deadline(deadline);
        Answer::from_outcome(world.function.invoke(invocation).await).assert_ok(deadline);
    }
}
