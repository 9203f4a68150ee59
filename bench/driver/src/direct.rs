//! Upstream calls without a function: the lower bound of a function's latency.

use std::{
    thread,
    time::{Duration, Instant},
};

use end_to_end::http_client;
use sandbox::DEFAULT_PAT;
use tokio::runtime::Builder;

use crate::{measure::SETTLING, question::Question, stand_ins::StandIns};

/// Makes the upstream call of a warm request `count` times over one connection, with the functions' HTTP client.
///
/// # Panics
///
/// There is no such call, or it fails.
pub(crate) fn calls(stand_ins: &StandIns, question: &Question, count: usize) -> Vec<Duration> {
    let (path, query) = question.upstream.as_ref().expect("an upstream call");
    let url = format!("{}{path}", stand_ins.sandbox.base_url());
    // On another thread, since a function is another process.
    let calling = || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
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
        })
    };
    thread::scope(|scope| scope.spawn(calling).join()).expect("no panic")
}
