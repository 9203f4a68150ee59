//! One process of a program, from start to end.

use std::time::Duration;

use end_to_end::{Answer, Function, Invocation, Outcome};
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use serde::Serialize;

use crate::{
    exchange::Exchange,
    stand_ins::{Calls, StandIns},
    statistics::{Summary, milliseconds, summary},
    subject::Subject,
};

/// The measurements of a process, from its start to its end.
#[derive(Debug)]
pub(crate) struct Run {
    /// From its start to its first poll for an event.
    pub(crate) init: Duration,
    /// From the first event until its answer was complete.
    pub(crate) first_request: Duration,
    /// From its start until its first answer was complete.
    pub(crate) first_answer: Duration,
    /// CPU time from its start to its second poll for an event.
    pub(crate) cpu_until_first_answer: Duration,
    /// Upstream calls up to that poll.
    pub(crate) calls_until_first_answer: Calls,
    /// The latencies of warm requests.
    pub(crate) warm: Vec<Duration>,
    /// Mean CPU time of a warm request.
    pub(crate) cpu_per_warm_request: Duration,
    /// Upstream calls of a warm request.
    pub(crate) calls_per_warm_request: Calls,
    /// Peak resident memory in bytes.
    pub(crate) peak_resident: u64,
    /// The length of the first answer's body as it is sent to the client.
    pub(crate) body_bytes: usize,
}

/// Requests after the first that do not count as warm.
pub(crate) const SETTLING: usize = 5;

/// Starts a program, sends the first, the settling and `warm` further requests, checks every answer, and ends it.
///
/// # Panics
///
/// A request fails or its answer is wrong.
pub(crate) async fn run(
    subject: Subject,
    stand_ins: &StandIns,
    more_variables: &[(&str, &str)],
    exchange: &Exchange,
    warm: u32,
) -> Run {
    stand_ins.forget_calls();
    let mut variables = stand_ins.variables.clone();
    variables.extend(subject.variable(exchange));
    variables.extend(more_variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let function = Function::spawn(&subject.program(), &variables).await;
    let process = pid(&function).await;

    // Queued before the program polls for it.
    let first = send(&function, exchange).await;
    let first_answer = check(subject, exchange, &first);
    let first_body = body(&first);
    // A request ends with the poll for the next one.
    function.wait_for_polls(2).await;
    let cpu_until_first_answer = cpu_time(process);
    let calls_until_first_answer = stand_ins.calls();

    let again = async || {
        let outcome = send(&function, exchange).await;
        let took = outcome.answered_at - outcome.delivered_at;
        // Python's gzip writes the time into its header.
        if body(&outcome) != first_body {
            assert_eq!(Answer::from_outcome(outcome).body, first_answer, "the same request, another answer");
        }
        took
    };
    for _ in 0..SETTLING {
        again().await;
    }
    function.wait_for_polls(2 + SETTLING).await;
    let cpu_settled = cpu_time(process);
    stand_ins.forget_calls();
    let mut durations = Vec::new();
    for _ in 0..warm {
        durations.push(again().await);
    }
    function.wait_for_polls(2 + SETTLING + warm as usize).await;
    let cpu_per_warm_request = (cpu_time(process) - cpu_settled) / warm;
    let run = Run {
        init: first.delivered_at - function.spawned(),
        first_request: first.answered_at - first.delivered_at,
        first_answer: first.answered_at - function.spawned(),
        cpu_until_first_answer,
        calls_until_first_answer,
        warm: durations,
        cpu_per_warm_request,
        calls_per_warm_request: stand_ins.calls().each(warm as usize),
        peak_resident: function.peak_memory().await,
        body_bytes: body_bytes(&first),
    };
    function.kill().await;
    run
}

/// Runs `count` processes one after the other.
pub(crate) async fn run_several(
    count: u32,
    subject: Subject,
    stand_ins: &StandIns,
    exchange: &Exchange,
    warm: u32,
) -> Vec<Run> {
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(run(subject, stand_ins, &[], exchange, warm).await);
    }
    runs
}

/// Warm requests of several runs.
#[derive(Debug, Serialize)]
pub(crate) struct WarmRequests {
    /// The length of a body as it is sent to the client.
    body_bytes: usize,
    warm_ms: Summary,
    cpu_per_warm_request_ms: Summary,
}

impl WarmRequests {
    pub(crate) fn new(runs: &[Run]) -> Self {
        Self {
            body_bytes: runs[0].body_bytes,
            warm_ms: warm_ms(runs),
            cpu_per_warm_request_ms: summarize(runs, |run| run.cpu_per_warm_request),
        }
    }
}

/// Summarizes a duration, in milliseconds.
pub(crate) fn summarize(runs: &[Run], duration: fn(&Run) -> Duration) -> Summary {
    milliseconds(runs.iter().map(duration))
}

/// Summarizes all warm requests, in milliseconds.
pub(crate) fn warm_ms(runs: &[Run]) -> Summary {
    milliseconds(runs.iter().flat_map(|run| run.warm.iter().copied()))
}

/// The median of the peak memory, in bytes.
pub(crate) fn peak_resident(runs: &[Run]) -> u64 {
    summary(runs.iter().map(|run| run.peak_resident as f64)).median as u64
}

/// The id of a function's process.
pub(crate) async fn pid(function: &Function) -> Pid {
    Pid::from_raw(i32::try_from(function.id().await).expect("a process id"))
}

/// The CPU time of all threads of a process since its start.
fn cpu_time(process: Pid) -> Duration {
    let clock = clock_getcpuclockid(process).expect("the process runs");
    clock_gettime(clock).expect("the clock can be read").into()
}

async fn send(function: &Function, exchange: &Exchange) -> Outcome {
    function.invoke(Invocation::new(&exchange.event)).await
}

/// Checks an answer and returns its body, decoded.
fn check(subject: Subject, exchange: &Exchange, outcome: &Outcome) -> String {
    let answer = Answer::from_outcome(outcome.clone());
    assert_eq!(answer.status, 200, "{subject:?}: {}", answer.body);
    match subject {
        Subject::Floor(None) => assert_eq!(answer.body, ""),
        Subject::Floor(Some(_)) => assert_eq!(answer.body.len(), exchange.length()),
        Subject::Peer(_) | Subject::Function(_) => exchange.check(&answer.json()),
    }
    answer.body
}

/// The length of the body, which the gateway decodes from base64.
fn body_bytes(outcome: &Outcome) -> usize {
    let text = body(outcome);
    let response = outcome.result.as_ref().expect("an answer");
    if response["isBase64Encoded"] != true {
        return text.len();
    }
    text.len() / 4 * 3 - text.bytes().rev().take_while(|byte| *byte == b'=').count()
}

fn body(outcome: &Outcome) -> &str {
    let response = outcome.result.as_ref().expect("an answer");
    response["body"].as_str().unwrap_or_default()
}
