//! `bench budgets`: compares the [`Counts`] of each function with its budget.
//!
//! Runs differ, so a count may be slightly above its budget. A count far below its budget means that the budget is
//! out of date, which would hide the next regression.

use std::{collections::BTreeMap, env::consts::ARCH, process::Command};

use end_to_end::Binary;
use serde::{Deserialize, Serialize};

use crate::{
    counts::{Counts, count},
    workspace,
};

/// The file of the budgets, in the workspace.
const FILE: &str = "bench/budgets.json";

/// Budgets by architecture.
type Budgets = BTreeMap<String, Recorded>;

/// The budgets of the functions for one compiler.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    rustc: String,
    functions: BTreeMap<String, Counts>,
}

/// A count this many percent below its budget makes the budget out of date.
const OUT_OF_DATE: u64 = 15;

/// Counts, and returns one sentence for each problem.
pub(crate) async fn check() -> Vec<String> {
    let budgets = read();
    let Some(Recorded { rustc: compiler, functions }) = budgets.get(ARCH) else {
        println!("No budgets are recorded for {ARCH}: nothing is checked.");
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (name, counts) in count_all().await {
        match functions.get(&name) {
            Some(budget) => problems.extend(compare(&name, &counts, budget)),
            None => problems.push(format!("{name}: no budget is recorded")),
        }
    }
    if !problems.is_empty() {
        problems.push(format!(
            "the budgets are those of rustc {compiler} (here: {}); another compiler, C library or family of \
             processors counts differently",
            rustc()
        ));
    }
    problems
}

/// Counts, and records the counts as the budgets of this architecture.
pub(crate) async fn record() {
    let mut budgets = read();
    budgets.insert(ARCH.to_owned(), Recorded { rustc: rustc(), functions: count_all().await });
    let text = serde_json::to_string_pretty(&budgets).expect("budgets make JSON");
    std::fs::write(workspace::file(FILE), text + "\n").expect("the budgets can be written");
}

async fn count_all() -> BTreeMap<String, Counts> {
    let mut functions = BTreeMap::new();
    for route in Binary::ALL {
        functions.insert(route.name().to_owned(), count(route).await);
    }
    functions
}

fn compare(function: &str, counts: &Counts, budget: &Counts) -> Vec<String> {
    type Count = fn(&Counts) -> u64;
    let tolerances: [(&str, Count, u64); 4] = [
        // The C library differs between machines, and the number of waits depends on timing.
        ("instructions until the first next", |counts| counts.instructions_until_next, 10),
        ("instructions per warm request", |counts| counts.instructions_per_warm_request, 5),
        ("syscalls until the first next", |counts| counts.syscalls_until_next, 10),
        ("files opened until the first next", |counts| counts.files_opened_until_next, 0),
    ];
    let mut problems = Vec::new();
    for (name, count_of, percent) in tolerances {
        let (count, budget) = (count_of(counts), count_of(budget));
        println!("{function}: {name}: {count}, budget {budget}");
        if count > budget + budget * percent / 100 {
            problems.push(format!("{function}: {name}: {count} exceed the recorded {budget}"));
        } else if count < budget - budget * OUT_OF_DATE / 100 {
            problems.push(format!(
                "{function}: {name}: {count} are far below the recorded {budget}: record a new budget with \
                 `make record-budgets`"
            ));
        }
    }
    for (when, count, budget) in [
        ("until the first answer", counts.calls_until_first_answer, budget.calls_until_first_answer),
        ("per warm request", counts.calls_per_warm_request, budget.calls_per_warm_request),
    ] {
        println!("{function}: upstream calls {when}: {count:?}");
        if count != budget {
            problems.push(format!("{function}: upstream calls {when}: {count:?} instead of {budget:?}"));
        }
    }
    problems
}

/// The compiler's version.
fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("rustc can be run");
    let text = String::from_utf8(output.stdout).expect("rustc tells its version");
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn read() -> Budgets {
    let text = std::fs::read_to_string(workspace::file(FILE)).expect("bench/budgets.json can be read");
    serde_json::from_str(&text).expect("bench/budgets.json holds budgets")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_ins::Calls;

    const BUDGET: Counts = Counts {
        instructions_until_next: 1_000,
        instructions_per_warm_request: 1_000,
        syscalls_until_next: 100,
        files_opened_until_next: 10,
        calls_until_first_answer: Calls { calendly: 1, issuer: 2, secrets_manager: 1 },
        calls_per_warm_request: Calls { calendly: 1, issuer: 0, secrets_manager: 0 },
    };

    #[test]
    fn counts_are_compared_with_their_budgets() {
        type Change = fn(&mut Counts);
        let changes: [(Change, usize); 13] = [
            (|_| (), 0),
            (|counts| counts.instructions_until_next = 1_100, 0),
            (|counts| counts.instructions_until_next = 1_101, 1),
            (|counts| counts.instructions_per_warm_request = 1_050, 0),
            (|counts| counts.instructions_per_warm_request = 1_051, 1),
            (|counts| counts.syscalls_until_next = 110, 0),
            (|counts| counts.syscalls_until_next = 111, 1),
            (|counts| counts.files_opened_until_next = 11, 1),
            // A budget far above the count is out of date.
            (|counts| counts.instructions_until_next = 850, 0),
            (|counts| counts.instructions_until_next = 849, 1),
            // Upstream calls are exact.
            (|counts| counts.calls_per_warm_request.calendly = 2, 1),
            (|counts| counts.calls_until_first_answer.issuer = 1, 1),
            (|counts| counts.calls_until_first_answer.issuer = 3, 1),
        ];
        for (number, (change, problems)) in changes.into_iter().enumerate() {
            let mut counts = BUDGET;
            change(&mut counts);
            assert_eq!(compare("user", &counts, &BUDGET).len(), problems, "{number}");
        }
    }
}
