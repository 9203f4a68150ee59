//! Warm-ups (docs/contract.md, section 6). [`super::sample_events`] covers every format.

use std::time::{Duration, Instant};

use end_to_end::{Binary, FakeClock, Invocation, ME, Setup};
use sandbox::Fault;
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn request_after_a_warm_up_needs_no_call() {
    let world = Setup::new(Binary::User).start().await;
    for is_cold in [true, false] {
        let outcome = world.invoke(&json!({"warmer": true})).await;
        assert_eq!(outcome.result.unwrap(), json!({"warm": true, "cold_start": is_cold}));
        let cache = &world.log_line(&outcome.request_id).await["cache"];
        assert_eq!((&cache["pat"], &cache["user"]), (&json!(true), &json!(!is_cold)), "{cache}");
    }
    let (calls, connections) = (world.sandbox.calls().len(), world.sandbox.connections());
    let answer = world.get(&[]).await;
    answer.assert_ok("");
    assert_eq!((world.sandbox.calls().len(), world.sandbox.connections()), (calls, connections));
    assert_eq!(world.secrets.reads(), 1);
    let line = world.log_line(&answer.request_id).await;
    assert_eq!((&line["cold_start"], line["ColdStart"].as_f64()), (&json!(false), Some(0.0)), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_past_half_of_their_life_are_renewed() {
    let clock = FakeClock::new();
    let setup = Setup::new(Binary::User).with("PAT_CACHE_SECONDS", "300");
    let world = setup.with_all(clock.variables(true)).start().await;
    world.get(&[]).await.assert_ok("");
    for (seconds, loads) in [(140, 1), (160, 2)] {
        clock.set_offset(Duration::from_secs(seconds));
        world.warm_up().await;
        assert_eq!((world.secrets.reads(), world.calls_of(ME).len()), (loads, loads), "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_up_keeps_the_deadline() {
    let world = Setup::new(Binary::User).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
    world.sandbox.fault(ME, 1, Fault::Hang);
    let invocation = Invocation::new(&json!({"warmer": true})).within(Duration::from_secs(1));
    let outcome = world.function.invoke(invocation).await;
    assert_eq!(outcome.result.unwrap()["warm"], true);
    assert!(!outcome.time_left.is_zero());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_warm_ups_keep_their_environments_busy() {
    let world = Setup::new(Binary::User).start().await;
    let began = Instant::now();
    world.invoke(&json!({"warmer": true, "concurrency": 3})).await.result.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_callers_are_not_read() {
    let world = Setup::new(Binary::User).with_pat_per_caller().start().await;
    assert_eq!(world.warm_up().await, json!({"warm": true, "cold_start": true}));
    assert_eq!((world.secrets.reads(), world.calendly_paths().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_time_out_is_reported() {
    // Accepts connections and never completes a TLS handshake.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let world = Setup::new(Binary::User).with_pat_per_caller().with("CALENDLY_BASE_URL", &url).start().await;
    let answer = world.warm_up().await;
    assert!(answer["unprepared"].to_string().contains("timed out"), "{answer}");
}
