//! Measures the built functions.
//!
//! - `bench compare <rounds>` runs the floor (a function that does nothing), the three functions and the peer
//!   (the same routes in Python) side by side, checks every answer, and writes the measurements as JSON.
//! - `bench budgets` counts instructions, system calls and upstream calls, and fails if they exceed
//!   `bench/budgets.json`; `bench record-budgets` writes that file.
//!
//! Programs are driven through the Lambda Runtime API, by the harness of the end-to-end tests.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here fails the run, and the message says why"
)]

mod budgets;
mod compare;
mod compression;
mod counts;
mod exchange;
mod first_requests;
mod mcp;
mod measure;
mod query_parameters;
mod scaling;
mod stand_ins;
mod statistics;
mod subject;
mod workspace;

use std::process::ExitCode;

/// The output of `bench compare`, in the workspace.
const RESULTS: &str = "target/bench.json";

const USAGE: &str = "usage: bench compare <rounds> | bench budgets | bench record-budgets";

// One thread for the Runtime API, so that nothing competes with it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["compare", rounds] => {
            let results = compare::run(rounds.parse().expect(USAGE)).await;
            let text = serde_json::to_string(&results).expect("results make JSON");
            std::fs::write(workspace::file(RESULTS), text).expect("the results can be written");
        }
        ["budgets"] => {
            let problems = budgets::check().await;
            for problem in &problems {
                println!("budgets: {problem}");
            }
            if !problems.is_empty() {
                return ExitCode::FAILURE;
            }
        }
        ["record-budgets"] => budgets::record().await,
        _ => panic!("{USAGE}"),
    }
    ExitCode::SUCCESS
}
