//! Upstream calls without a function: the lower bound of a function's latency.

use std::time::{Duration, Instant};

use end_to_end::http_client;
use sandbox::DEFAULT_PAT;

use crate::{measure::SETTLING, question::Question, stand_ins::StandIns};

/// Makes the upstream call of a warm request `count` times over one connection.
///
/// # Panics
///
/// There is no such call, or it fails.
pub(crate) async fn calls(stand_ins: &StandIns, question: &Question, count: usize) -> Vec<Duration> {
    let (path, query) = question.upstream.as_ref().expect("an upstream call");
    let url = format!("{}{path}", stand_ins.sandbox.base_url());
    let client = http_client();
    let mut durations = Vec::new();
    // The first call opens the connection.
    for _ in 0..1 + SETTLING + count {
        let started = Instant::now();
        let request = client.get(&url).query(query).bearer_auth(DEFAULT_PAT);
        let response = request.send().await.expect("the sandbox answers");
        assert_eq!(response.status(), 200);
        response.bytes().await.expect("a whole body");
        durations.push(started.elapsed());
    }
    durations.split_off(1 + SETTLING)
}
