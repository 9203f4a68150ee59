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

use end_to_end::check_page;
use futures_util::{StreamExt, stream};

use crate::{
    cell::{Cell, Shared, Verdict, When},
    table::Table,
    upstream::Upstream,
};

/// How many at once. Most of the time they wait for what will not come.
const AT_ONCE: usize = 24;

/// So many that are broken for good are enough to know.
const MOST_BROKEN: usize = 20;

fn cells() -> Vec<Cell> {
    let only = std::env::var("FAULTS").unwrap_or_default();
    let mut cells = Vec::new();
    for upstream in Upstream::ALL {
        for wrong in fault::all(upstream).into_iter().filter(|wrong| wrong.row.contains(&only)) {
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

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_gets_the_contracts_answer() {
    let began = Instant::now();
    let shared = Arc::new(Shared::new().await);
    let mut numbered: Vec<_> = cells().into_iter().enumerate().collect();
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
    if std::env::var_os("FAULTS").is_none() {
        check_page("faults", &table.to_string());
    }
}
