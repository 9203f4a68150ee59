//! Every fault × every upstream × a cold start, a warm function and a warm-up: each cell has a process of its
//! own. Its answer is the contract's, within the deadline, the process stays alive, the next request is
//! good, and nothing secret is in the log.
//!
//! `RELIABILITY=write` puts what was found into docs/reliability.md; otherwise the page must say so already.
//! `FAULTS=…` runs only the rows whose name has this in it, and leaves the page alone.
#![cfg(test)]

mod cell;
mod fault;
mod table;
mod upstream;

use std::{sync::Arc, time::Instant};

use end_to_end::{Confinement, check_page, write_page};
use futures_util::{StreamExt, stream};

use tokio::sync::Mutex;

use crate::{
    cell::{Cell, Shared, Verdict, When},
    fault::Wrong,
    table::Table,
    upstream::Upstream,
};

/// How many at once. Most of the time they wait for what will not come.
const AT_ONCE: usize = 24;

/// So many that are broken for good are enough to know.
const MOST_BROKEN: usize = 20;

fn cells(only: impl Fn(&Wrong) -> bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for upstream in Upstream::ALL {
        for wrong in fault::all(upstream).into_iter().filter(&only) {
            cells.extend(When::ALL.map(|when| Cell { upstream, wrong: wrong.clone(), when }));
        }
    }
    cells
}

/// Runs a cell in a task of its own, so that a broken one is no more than that: its message.
async fn run(cell: Cell, shared: Arc<Shared>) -> Result<Verdict, String> {
    let run = tokio::spawn(async move { cell.run(&shared).await });
    run.await.map_err(|error| error.into_panic().downcast_ref::<String>().cloned().unwrap_or_default())
}

/// What all of these came to.
///
/// # Panics
///
/// The contract is broken somewhere.
async fn run_all(cells: Vec<Cell>, shared: Arc<Shared>) -> Table {
    // The machine is busy enough with one run.
    static RUNNING: Mutex<()> = Mutex::const_new(());
    let _running = RUNNING.lock().await;
    let began = Instant::now();
    let mut numbered: Vec<_> = cells.into_iter().enumerate().collect();
    // Those first, so that nothing is left to wait for in the end.
    numbered.sort_by_key(|(_, cell)| !cell.wrong.hangs());
    let runs = numbered.into_iter().map(|(index, cell)| {
        let shared = shared.clone();
        async move { (index, cell.clone(), run(cell, shared).await) }
    });
    let mut runs: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    runs.sort_by_key(|(index, ..)| *index);
    let mut table = Table::default();
    let mut broken = Vec::new();
    for (_, cell, found) in runs {
        // A machine that was too busy for so many at once is not too busy for one.
        let found = match found {
            Err(_) if broken.len() < MOST_BROKEN => run(cell.clone(), shared.clone()).await,
            found => found,
        };
        match found {
            Ok(verdict) => table.add(&cell, verdict),
            Err(said) => {
                broken.push(format!("{:?}, {:?}, {}: {said:.600}", cell.upstream, cell.when, cell.wrong.row));
            }
        }
    }
    assert!(broken.is_empty(), "{} cells:\n{}", broken.len(), broken.join("\n"));
    println!("{table}in {:.1} s", began.elapsed().as_secs_f64());
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_gets_the_contracts_answer() {
    let only = std::env::var("FAULTS").unwrap_or_default();
    let shared = Arc::new(Shared::new(false).await);
    let table = run_all(cells(|wrong| wrong.row.contains(&only)), shared).await;
    if only.is_empty() {
        check_page("faults", &table.to_string());
    }
}

/// With the memory and the processor of Lambda's smallest functions. Those that take much of either; all of
/// them where the page is written. On a machine without control groups memory is looked at all the same.
#[tokio::test(flavor = "multi_thread")]
async fn also_in_the_smallest_environment() {
    let is_confined = match Confinement::new() {
        Ok(_) => true,
        Err(error) => {
            println!("not confined, but looked at: {error}");
            false
        }
    };
    let is_all = std::env::var("RELIABILITY").is_ok_and(|order| order == "write");
    let hungry = ["TLS", "in the body", "a byte", "MB", "MiB", "no end", "arrays"];
    let is_hungry = |wrong: &Wrong| hungry.iter().any(|word| wrong.row.contains(word));
    let cells = cells(|wrong| is_all || is_hungry(wrong));
    let (count, shared) = (cells.len(), Arc::new(Shared::new(is_confined).await));
    run_all(cells, shared.clone()).await;
    println!("{}", shared.seen);
    // `make confined`.
    if is_all && is_confined && !cfg!(debug_assertions) {
        let head = "| cells | the most memory | the least time left of 5 s |\n| --: | --: | --: |";
        write_page("confined faults", &format!("{head}\n| {count} | {} |", shared.seen));
    }
}
