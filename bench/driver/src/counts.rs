//! Counts that do not depend on the load of the machine: instructions (valgrind), system calls and opened files
//! (strace), and upstream calls.

use std::{collections::BTreeSet, path::PathBuf};

use chrono::TimeDelta;
use end_to_end::{AVAILABLE_TIMES, Answer, Binary, Function, Invocation, Program};
use nix::sys::signal::{Signal, kill};
use sandbox::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    exchange::{Exchange, monday},
    measure::{self, SETTLING},
    stand_ins::{ALWAYS, Calls, Conditions, EVENT_TYPES, StandIns},
    subject::Subject,
    workspace,
};

/// Requests whose instructions are counted, as the difference between two runs.
const COUNTED: usize = 50;

/// The path of the request for the next event.
const NEXT: &str = "/runtime/invocation/next";

/// The counts of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Instructions from the start to the first `next`.
    pub(crate) instructions_until_next: u64,
    /// Instructions of one warm request.
    pub(crate) instructions_per_warm_request: u64,
    /// System calls from the start to the first `next`.
    pub(crate) syscalls_until_next: u64,
    /// Distinct files opened from the start to the first `next`.
    pub(crate) files_opened_until_next: u64,
    /// Upstream calls from the start to the first answer.
    pub(crate) calls_until_first_answer: Calls,
    /// Upstream calls of one warm request.
    pub(crate) calls_per_warm_request: Calls,
}

/// Counts a function.
pub(crate) async fn count(route: Binary) -> Counts {
    let stand_ins = StandIns::start(Conditions::NoLatency, EVENT_TYPES);
    // The sandbox's slots differ by day.
    stand_ins.sandbox.fault(AVAILABLE_TIMES, ALWAYS, slots());
    let exchange = Exchange::for_route(route, &stand_ins).await;
    let instructions_until_next = instructions(route, &stand_ins, &exchange, 0).await;
    let settled = instructions(route, &stand_ins, &exchange, SETTLING).await;
    let counted = instructions(route, &stand_ins, &exchange, SETTLING + COUNTED).await;
    let (syscalls_until_next, files_opened_until_next) = syscalls_and_files(route, &stand_ins).await;
    let run = measure::run(Subject::Function(route), &stand_ins, &[], &exchange, COUNTED as u32).await;
    Counts {
        instructions_until_next,
        instructions_per_warm_request: counted.saturating_sub(settled) / COUNTED as u64,
        syscalls_until_next,
        files_opened_until_next,
        calls_until_first_answer: run.calls_until_first_answer,
        calls_per_warm_request: run.calls_per_warm_request,
    }
}

/// A full month of slots in Calendly's format, equally many on each day of the week, within the requested range.
fn slots() -> Fault {
    let first = monday() + TimeDelta::hours(9);
    let slots: Vec<Value> = (0..350)
        .map(|number| {
            let start = first + TimeDelta::minutes(30 * i64::from(number));
            let link = start.format("%FT%TZ?month=%Y-%m&date=%F");
            json!({
                "status": "available",
                "invitees_remaining": 1,
                "start_time": start.format("%FT%T%.6fZ").to_string(),
                "scheduling_url": format!("https://calendly.com/robin-sample/intro-call/{link}"),
            })
        })
        .collect();
    let body = json!({ "collection": slots }).to_string();
    Fault::Body { content_type: "application/json".to_owned(), body }
}

/// The instructions until the function polls for the next event after `requests` requests.
async fn instructions(route: Binary, stand_ins: &StandIns, exchange: &Exchange, requests: usize) -> u64 {
    let output = output_file(route, &format!("callgrind-{requests}"));
    let options = ["--tool=callgrind", &format!("--callgrind-out-file={}", output.display())];
    let function = start(route, "valgrind", &options, stand_ins).await;
    for _ in 0..requests {
        let outcome = function.invoke(Invocation::new(&exchange.event)).await;
        exchange.check(&Answer::from_outcome(outcome).json());
    }
    function.wait_for_polls(requests + 1).await;
    // valgrind writes its output when the program exits.
    kill(measure::pid(&function).await, Signal::SIGTERM).expect("valgrind runs");
    function.wait_for_exit().await;
    // A time-out of the function would change the counts.
    let troubled = function.log().into_iter().find(|line| line["level"] != "INFO");
    assert!(troubled.is_none(), "the function logged a problem, so the counts are invalid: {troubled:?}");
    let text = std::fs::read_to_string(&output).expect("valgrind has written");
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total");
    total.trim().parse().expect("a number")
}

/// The system calls and distinct opened files until the function polls for the first event.
async fn syscalls_and_files(route: Binary, stand_ins: &StandIns) -> (u64, u64) {
    let output = output_file(route, "strace");
    let to_output = format!("--output={}", output.display());
    // As a grandchild: the kill below ends the function, and strace finishes its output.
    let options = ["--daemonize", "--follow-forks", "--string-limit=64", &to_output];
    let function = start(route, "strace", &options, stand_ins).await;
    function.wait_for_polls(1).await;
    function.kill().await;
    let text = std::fs::read_to_string(&output).expect("strace has written");
    assert!(text.contains(NEXT) && text.contains("+++ killed"), "{} is incomplete", output.display());
    let syscalls = text
        .lines()
        .take_while(|line| !line.contains(NEXT))
        // strace repeats a call that another thread interrupted.
        .filter(|line| !line.contains(" resumed>"));
    let opened = syscalls.clone().filter(|line| line.contains(" openat(") && !line.contains("ENOENT"));
    let files: BTreeSet<&str> = opened.map(|line| line.split('"').nth(1).expect("a path")).collect();
    (syscalls.count() as u64, files.len() as u64)
}

/// Starts a function inside a tool.
async fn start(route: Binary, tool: &str, options: &[&str], stand_ins: &StandIns) -> Function {
    let Program { name, command, .. } = Subject::Function(route).program();
    let arguments = options.iter().map(Into::into).chain([command.into_os_string()]).collect();
    let program = Program { name, command: tool.into(), arguments };
    Function::spawn(&program, &stand_ins.variables).await
}

/// A file for a tool's output, without that of an earlier run.
fn output_file(route: Binary, name: &str) -> PathBuf {
    let directory = workspace::file("target/budgets");
    std::fs::create_dir_all(&directory).expect("a directory to work in");
    let file = directory.join(format!("{}-{name}", route.name()));
    std::fs::write(&file, "").expect("an empty file");
    file
}
