//! The fault matrix: every fault × every upstream × its functions × a cold start, a warm function and a warm-up. Each cell
//! runs in a process of its own. The function must give the contract's answer within the deadline, stay alive, answer the next
//! request and log no secret.

mod cell;
mod fault;
mod report;
mod upstream;

use std::{sync::Arc, time::Instant};

use futures_util::{StreamExt, stream};
use sandbox::Fault;

use self::fault::Injection;
pub use self::{
    cell::{Cell, Phase, SharedSetup},
    fault::FaultCase,
    report::Report,
    upstream::Upstream,
};
use crate::WHOLE_MACHINE;

/// How many cells run at the same time. Most of them wait for a time-out.
const CONCURRENCY: usize = 8;

/// All cells whose fault satisfies a condition.
pub fn cells(condition: impl Fn(&FaultCase) -> bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for upstream in Upstream::ALL {
        for case in fault::cases(upstream).into_iter().filter(&condition) {
            for binary in upstream.binaries() {
                cells.extend(Phase::ALL.map(|phase| Cell { upstream, binary, case: case.clone(), phase }));
            }
        }
    }
    cells
}

/// The faults of an upstream's calls that end at once and have one allowed answer, with its status and code.
pub fn quick_faults(upstream: Upstream) -> Vec<(Fault, (u16, &'static str))> {
    let cases = fault::cases(upstream).into_iter().filter(|case| !case.hangs());
    let quick = |case: FaultCase| match (&case.injection, case.allowed(upstream).as_slice()) {
        (Injection::Call(fault), [answer]) => Some((fault.clone(), *answer)),
        _ => None,
    };
    cases.filter_map(quick).collect()
}

/// Runs cells and reports their answers; panics with the messages of the cells that failed.
pub async fn run(cells: Vec<Cell>, shared: Arc<SharedSetup>) -> Report {
    let _alone = WHOLE_MACHINE.lock().await;
    let began = Instant::now();
    let mut numbered: Vec<_> = cells.into_iter().enumerate().collect();
    // Start the slow cells first.
    numbered.sort_by_key(|(_, cell)| !cell.case.hangs());
    let runs = numbered.into_iter().map(|(index, cell)| {
        let shared = shared.clone();
        async move {
            let running = cell.clone();
            // In a separate task, a panic becomes a `JoinError`.
            let answer = tokio::spawn(async move { running.run(&shared).await }).await;
            (index, cell, answer)
        }
    });
    let mut runs: Vec<_> = stream::iter(runs).buffer_unordered(CONCURRENCY).collect().await;
    runs.sort_by_key(|(index, ..)| *index);
    let mut report = Report::default();
    let mut failures = Vec::new();
    for (_, cell, answer) in runs {
        match answer {
            Ok(answer) => report.add(&cell, answer),
            Err(error) => {
                let panic = error.into_panic();
                let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                failures.push(format!(
                    "{:?}, {:?}, {:?}, {}: {message:.600}",
                    cell.upstream, cell.binary, cell.phase, cell.case.row
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{} cells failed:\n{}", failures.len(), failures.join("\n"));
    println!("{report}in {:.1} s", began.elapsed().as_secs_f64());
    report
}
