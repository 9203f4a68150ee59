//! Several invocations at once where Lambda says so, else one at a time.
#![cfg(test)]

use std::time::Duration;

use end_to_end::{Answer, Binary, Setup, World, day};
use futures_util::future::join_all;
use sandbox::{DEFAULT_PAT, Fault};

const TIMES: &str = "/event_type_available_times";
const DELAY: Duration = Duration::from_millis(500);

async fn world(max_concurrency: Option<&str>) -> World {
    let setup = Setup::of(Binary::CheckAvailability);
    match max_concurrency {
        Some(most) => setup.with("AWS_LAMBDA_MAX_CONCURRENCY", most),
        None => setup,
    }
    .start()
    .await
}

/// Four requests at once for days that differ; each answer must be to its own.
async fn ask_four_at_once(world: &World) -> Vec<Answer> {
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    world.sandbox.fault(TIMES, 4, Fault::Delay { milliseconds: DELAY.as_millis() as u64 });
    let asked = (0..4_u64).map(|number| {
        let uri = uri.clone();
        async move {
            let (start, end) = (format!("{}T00:00:00Z", day(2 + number)), day(9).to_string());
            let query = [("start_time", &*start), ("end_time", &end), ("event_type", &uri)];
            let answer = world.ask(&query).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.json()["start_time"], start);
            assert_eq!(answer.header("x-request-id"), Some(&*answer.request_id));
            answer
        }
    });
    join_all(asked).await
}

/// How many calls of Calendly ran at the same time, at most.
fn most_at_once(world: &World) -> usize {
    let calls: Vec<_> = world.calendly_calls().into_iter().filter(|call| call.path == TIMES).collect();
    assert_eq!(calls.len(), 4);
    let at_once = calls.iter().map(|one| {
        calls
            .iter()
            .filter(|other| {
                other.started_at <= one.started_at
                    && other.finished_at.is_none_or(|finished| one.started_at < finished)
            })
            .count()
    });
    at_once.max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_slow_invocations_overlap_in_one_process() {
    let world = world(Some("4")).await;
    world.function.wait_for_polls(4).await;
    let answers = ask_four_at_once(&world).await;
    assert_eq!(most_at_once(&world), 4);
    let mut cold_starts = 0;
    for answer in answers {
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["calendly_calls"], 1, "{line}");
        cold_starts += usize::from(line["cold_start"] == true);
    }
    assert_eq!(cold_starts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_variable_there_is_one_at_a_time() {
    for most in [None, Some("1")] {
        let world = world(most).await;
        let polls = world.function.polls();
        assert_eq!(polls, 1, "{most:?}");
        ask_four_at_once(&world).await;
        assert_eq!(most_at_once(&world), 1, "{most:?}");
    }
}
