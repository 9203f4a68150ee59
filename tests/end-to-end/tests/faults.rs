//! A subset of the fault matrix (docs/reliability.md): a few faults of each upstream, each in one phase. The long tests
//! run the whole matrix.

use std::sync::Arc;

use end_to_end::fault_matrix::{Phase, SharedSetup, cells, run};

const FAULTS: [(&str, Phase); 6] = [
    ("connection refused", Phase::Cold),
    ("TLS: an untrusted certificate", Phase::WarmUp),
    ("hang before the headers", Phase::Warm),
    ("reset in the body", Phase::Warm),
    ("truncated JSON", Phase::Cold),
    ("429 with both", Phase::Warm),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_upstream_may_fail() {
    let mut cells = cells(|case| FAULTS.iter().any(|(row, _)| *row == case.row));
    cells.retain(|cell| FAULTS.contains(&(cell.case.row, cell.phase)));
    assert_eq!(cells.len(), 8 * 2 * FAULTS.len(), "each fault is one row of each upstream");
    run(cells, Arc::new(SharedSetup::new(false))).await;
}
