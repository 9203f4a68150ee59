//! Concurrent invocations of one environment (docs/contract.md, section 1).

use end_to_end::{AVAILABLE_TIMES, Answer, Binary, Setup, World, concurrent_calls, midnight, utc};
use futures_util::future::join_all;
use sandbox::Fault;

/// Sends four concurrent requests for different days, whose calls take `milliseconds`. Checks that each gets its own answer.
async fn send_four(world: &World, milliseconds: u64) -> Vec<Answer> {
    let uri = world.event_type_uri("demo");
    world.sandbox.fault(AVAILABLE_TIMES, 4, Fault::Delay { milliseconds });
    let answers = join_all((0..4_u64).map(async |number| {
        let request = world.request().days(2 + number, 9).event_type(&uri);
        let answer = world.send(&request.header("X-Request-Id", "of-the-client")).await;
        answer.assert_ok(number);
        assert_eq!(answer.json()["start_time"], utc(midnight(2 + number)));
        assert_eq!(answer.header("x-request-id"), Some(&*answer.request_id));
        answer
    }))
    .await;
    assert_eq!(world.calendly_calls().len(), 4);
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn max_concurrency_runs_invocations_concurrently() {
    let setup = Setup::new(Binary::CheckAvailability).with("AWS_LAMBDA_MAX_CONCURRENCY", "4");
    let world = setup.start().await;
    world.function.wait_for_polls(4).await;
    let answers = send_four(&world, 2_000).await;
    assert_eq!(concurrent_calls(&world.calendly_calls()), 4);
    let mut cold_starts = 0;
    for answer in answers {
        let line = world.log_line(&answer.request_id).await;
        assert_eq!(line["calendly_calls"], 1, "{line}");
        cold_starts += usize::from(line["cold_start"] == true);
    }
    assert_eq!(cold_starts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_max_concurrency_invocations_run_one_at_a_time() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    assert_eq!(world.function.polls(), 1);
    send_four(&world, 200).await;
    assert_eq!(concurrent_calls(&world.calendly_calls()), 1);
}
