//! Retries of calls to Calendly (docs/contract.md, section 5). The decision table is a unit test.

use std::time::Duration;

use end_to_end::{AVAILABLE_TIMES, Answer, Binary, Setup, World, status_fault};
use sandbox::Fault;
use serde_json::json;

/// Answers a request whose calls fail `times` times; the log has to agree with the number of `calls`.
async fn assert_retries(
    world: &World,
    times: u32,
    fault: &Fault,
    calls: u32,
    expected: (u16, &str),
) -> Answer {
    world.sandbox.clear_faults();
    world.sandbox.forget_calls();
    world.sandbox.fault(AVAILABLE_TIMES, times, fault.clone());
    let request = world.request().days(2, 9).event_type(&world.event_type_uri("demo"));
    let answer = world.send(&request).await;
    assert_eq!((answer.status, &*answer.code()), expected, "{fault:?} {times} times");
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(
        (&line["calendly_calls"], &line["calendly_retries"]),
        (&json!(calls), &json!(calls - 1)),
        "{line}"
    );
    assert_eq!(world.calls_of(AVAILABLE_TIMES).len(), calls as usize, "{fault:?} {times} times");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_errors_and_gateway_errors_are_retried_twice() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    for (fault, final_answer) in
        [(Fault::Reset, (502, "calendly_unreachable")), (Fault::status(520), (520, "calendly_error"))]
    {
        assert_retries(&world, 1, &fault, 2, (200, "")).await;
        assert_retries(&world, 3, &fault, 3, final_answer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_retry_after_is_waited_for() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let fault = status_fault(429, &[("retry-after", "0"), ("x-ratelimit-reset", "1")], "");
    assert_retries(&world, 1, &fault, 2, (200, "")).await;
    let calls = world.calls_of(AVAILABLE_TIMES);
    let waited = calls[1].started_at - calls[0].started_at;
    assert!(waited >= Duration::from_millis(990), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_retry_after_is_passed_on_at_once() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let fault = status_fault(429, &[("retry-after", "1"), ("x-ratelimit-reset", "60")], "");
    let answer = assert_retries(&world, 1, &fault, 1, (429, "calendly_error")).await;
    assert_eq!(answer.header("retry-after"), Some("60"));
}
