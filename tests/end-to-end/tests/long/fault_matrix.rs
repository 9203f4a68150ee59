//! The whole fault matrix.
//!
//! `RELIABILITY=write` writes docs/reliability.md; otherwise the page must be up to date. `FAULTS=text` runs only the
//! rows whose name contains the text, and ignores the page.

use std::sync::Arc;

use end_to_end::{
    ControlGroup, check_page,
    fault_matrix::{FaultCase, SharedSetup, cells, run},
    write_page,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_gets_the_contracts_answer() {
    let rows = std::env::var("FAULTS").unwrap_or_default();
    let shared = Arc::new(SharedSetup::new(false));
    let report = run(cells(|case| case.row.contains(&rows)), shared).await;
    if rows.is_empty() {
        check_page("faults", &report.to_string());
    }
}

/// With the resources of Lambda's smallest functions: the faults that take memory or CPU, or all faults to write the
/// page. Without control groups, only memory is measured.
#[tokio::test(flavor = "multi_thread")]
async fn faults_in_the_smallest_environment() {
    let is_confined = match ControlGroup::new(true) {
        Ok(_) => true,
        Err(error) => {
            println!("not confined: {error}");
            false
        }
    };
    let writes = std::env::var("RELIABILITY").is_ok_and(|mode| mode == "write");
    let demanding = ["TLS", "in the body", "a byte", "MB", "MiB", "endless", "arrays"];
    let is_demanding = |case: &FaultCase| demanding.iter().any(|word| case.row.contains(word));
    let cells = cells(|case| writes || is_demanding(case));
    let (count, shared) = (cells.len(), Arc::new(SharedSetup::new(is_confined)));
    run(cells, shared.clone()).await;
    println!("{}", shared.extremes);
    if writes && is_confined && !cfg!(debug_assertions) {
        let head = "| cells | peak memory | shortest time left of 5 s |\n| --: | --: | --: |";
        write_page("confined faults", &format!("{head}\n| {count} | {} |", shared.extremes));
    }
}
