//! One program from its start to its end.

use std::{collections::BTreeMap, time::Duration};

use end_to_end::{Answer, Function, Invocation, Outcome};

use crate::{
    process::Process,
    question::Question,
    stand_ins::{Calls, StandIns},
    statistics::summary,
    subject::Subject,
};

/// What was seen of it.
#[derive(Debug)]
pub(crate) struct Life {
    /// From before it was started until it asked for an event.
    pub(crate) init: Duration,
    /// From being handed the first event until its answer was whole.
    pub(crate) first_request: Duration,
    /// From before it was started until its first answer was whole.
    pub(crate) first_answer: Duration,
    /// CPU time from its start until it asked for the second event.
    pub(crate) cpu_until_first_answer: Duration,
    /// Upstream calls until then.
    pub(crate) calls_until_first_answer: Calls,
    /// The requests after the first ones.
    pub(crate) warm: Vec<Duration>,
    /// CPU time of one of them, on average.
    pub(crate) cpu_per_warm_request: Duration,
    /// Upstream calls of one of them.
    pub(crate) calls_per_warm_request: Calls,
    /// In bytes.
    pub(crate) peak_resident: u64,
}

/// Requests after the first that are not yet like the rest.
pub(crate) const SETTLING: usize = 5;

/// Starts a program with these variables and its own, asks it until it has settled and then `warm` times more, and ends it. Every answer is
/// checked.
///
/// # Panics
///
/// Something goes wrong, wrong answers included.
pub(crate) async fn live(
    subject: Subject,
    stand_ins: &StandIns,
    variables: &BTreeMap<String, String>,
    question: &Question,
    warm: u32,
) -> Life {
    stand_ins.forget_calls();
    let mut variables = variables.clone();
    variables.extend(subject.variables(question));
    let function = Function::spawn(&subject.program(), &variables).await;
    let process = Process(function.id().await);

    // It waits there already when the program asks for it.
    let first = ask(&function, question).await;
    let first_body = check(subject, question, &first);
    // The end of a request is the poll for the next one.
    function.wait_for_polls(2).await;
    let cpu_until_first_answer = process.cpu_time();
    let calls_until_first_answer = stand_ins.calls();

    let again = async || {
        let outcome = ask(&function, question).await;
        assert!(body(&outcome) == first_body, "the same request, another answer");
        outcome.answered - outcome.handed
    };
    for _ in 0..SETTLING {
        again().await;
    }
    function.wait_for_polls(2 + SETTLING).await;
    let cpu_settled = process.cpu_time();
    stand_ins.forget_calls();
    let mut durations = Vec::new();
    for _ in 0..warm {
        durations.push(again().await);
    }
    function.wait_for_polls(2 + SETTLING + warm as usize).await;
    let cpu_per_warm_request = (process.cpu_time() - cpu_settled) / warm;
    let life = Life {
        init: first.handed - function.spawned(),
        first_request: first.answered - first.handed,
        first_answer: first.answered - function.spawned(),
        cpu_until_first_answer,
        calls_until_first_answer,
        warm: durations,
        cpu_per_warm_request,
        calls_per_warm_request: stand_ins.calls().each(warm as usize),
        peak_resident: process.peak_resident(),
    };
    function.kill().await;
    life
}

/// The median of the most memory that each had, in bytes.
pub(crate) fn peak_resident(lives: &[Life]) -> u64 {
    summary(lives.iter().map(|life| life.peak_resident as f64)).median as u64
}

async fn ask(function: &Function, question: &Question) -> Outcome {
    function.invoke(Invocation::new(&question.event)).await
}

/// The body as it came, after a look at what it says.
fn check(subject: Subject, question: &Question, outcome: &Outcome) -> String {
    let answer = Answer::from_outcome(outcome.clone());
    assert_eq!(answer.status, 200, "{subject:?}: {}", answer.body);
    match subject {
        Subject::Floor(None) => assert_eq!(answer.body, ""),
        Subject::Floor(Some(_)) => assert_eq!(answer.body.len(), question.length()),
        Subject::Peer(_) | Subject::Function(_) => question.check(&answer.json()),
    }
    body(outcome).to_owned()
}

fn body(outcome: &Outcome) -> &str {
    let response = outcome.result.as_ref().expect("an answer");
    response["body"].as_str().unwrap_or_default()
}
