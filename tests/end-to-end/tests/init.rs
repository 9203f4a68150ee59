//! Init (docs/contract.md, section 6).

use std::time::{Duration, Instant};

use end_to_end::{Binary, SecretsManager, Setup, wait_until};
use sandbox::{Config, Fault, Sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn init_prepares_keys_pat_and_a_connection() {
    // A second sandbox, to distinguish connections to Calendly from those to the issuer.
    let calendly = Sandbox::start(Config::default()).await.unwrap();
    let world = Setup::new(Binary::User).with("CALENDLY_BASE_URL", &calendly.base_url()).start().await;
    let of_init = (1, 0, 1, 2);
    let used = || {
        let issuer_calls = world.sandbox.calls().len();
        (calendly.connections(), calendly.calls().len(), world.secrets.reads(), issuer_calls)
    };
    // A connection is open before its server has accepted it.
    wait_until("what init prepares", || (used() == of_init).then_some(())).await;
    world.get(&[]).await.assert_ok("");
    assert_eq!(used(), (1, 1, 1, 2), "the first request uses what init prepared");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_ends_after_three_seconds() {
    let (sandbox, secrets) =
        (Sandbox::start(Config::default()).await.unwrap(), SecretsManager::start().await);
    secrets.set_fault(Fault::Hang);
    let world = Setup::new(Binary::User).spawn_with(sandbox, secrets).await;
    let began = Instant::now();
    world.function.wait_for_init().await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    world.secrets.clear_faults();
    world.get(&[]).await.assert_ok("");
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioned_concurrency_has_no_cold_start() {
    let setup = Setup::new(Binary::User).with("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency");
    let world = setup.start().await;
    let answer = world.get(&[]).await;
    let line = world.log_line(&answer.request_id).await;
    assert_eq!((&line["cold_start"], line["ColdStart"].as_f64()), (&false.into(), Some(0.0)), "{line}");
}
