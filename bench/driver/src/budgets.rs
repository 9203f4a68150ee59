//! `bench budgets`: compares the [`Counts`] of each function with its budget.
//!
//! Runs differ, so a count may be slightly above its budget. A count far below its budget means that the budget is
//! out of date, which would hide the next regression.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use end_to_end::Binary;
use serde::{Deserialize, Serialize};

use crate::{
    counts::{Counts, count},
    stand_ins::Calls,
    workspace,
};

/// Budgets by architecture.
type Budgets = BTreeMap<String, Recorded>;

/// The budgets of the functions for one compiler.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    rustc: String,
    functions: BTreeMap<String, Counts>,
}

/// The allowed difference between a count and its budget.
struct Tolerance {
    name: &'static str,
    of: fn(&Counts) -> u64,
    /// Percent of the budget.
    percent: u64,
}

const TOLERANCES: [Tolerance; 4] = [
    Tolerance {
        name: "instructions until the first next",
        of: |counts| counts.instructions_until_next,
        // Depends on the C library too, which differs between machines.
        percent: 10,
    },
    Tolerance {
        name: "instructions per warm request",
        of: |counts| counts.instructions_per_warm_request,
        percent: 5,
    },
    // The number of waits depends on timing.
    Tolerance { name: "syscalls until the first next", of: |counts| counts.syscalls_until_next, percent: 10 },
    Tolerance {
        name: "files opened until the first next",
        of: |counts| counts.files_opened_until_next,
        percent: 0,
    },
];

/// A count this many percent below its budget makes the budget out of date.
const OUT_OF_DATE: u64 = 15;

/// Counts, and returns one sentence for each problem.
pub(crate) async fn check() -> Vec<String> {
    let budgets = read();
    let Some(Recorded { rustc: compiler, functions }) = budgets.get(processor()) else {
        println!("No budgets are recorded for {}: nothing is checked.", processor());
        return Vec::new();
    };
    let mut problems = Vec::new();
    for route in Binary::ALL {
        let name = route.name();
        match functions.get(name) {
            Some(budget) => problems.extend(compare(name, &count(route).await, budget)),
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
    let mut functions = BTreeMap::new();
    for route in Binary::ALL {
        functions.insert(route.name().to_owned(), count(route).await);
    }
    budgets.insert(processor().to_owned(), Recorded { rustc: rustc(), functions });
    let text = serde_json::to_string_pretty(&budgets).expect("budgets make JSON");
    std::fs::write(file(), text + "\n").expect("the budgets can be written");
}

fn compare(function: &str, counts: &Counts, budget: &Counts) -> Vec<String> {
    let mut problems = Vec::new();
    for Tolerance { name, of, percent } in TOLERANCES {
        let (count, budget) = (of(counts), of(budget));
        println!("{function}: {name}: {count}, budget {budget}");
        if count > budget + budget * percent / 100 {
            problems.push(format!("{function}: {name}: {count} exceed the recorded {budget}"));
        } else if count < budget - budget * percent.max(OUT_OF_DATE) / 100 {
            problems.push(format!(
                "{function}: {name}: {count} are far below the recorded {budget}: record a new budget with \
                 `make record-budgets`"
            ));
        }
    }
    let calls: [(&str, Calls, Calls); 2] = [
        ("until the first answer", counts.calls_until_first_answer, budget.calls_until_first_answer),
        ("per warm request", counts.calls_per_warm_request, budget.calls_per_warm_request),
    ];
    for (when, count, budget) in calls {
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

fn processor() -> &'static str {
    std::env::consts::ARCH
}

fn file() -> PathBuf {
    workspace::file("bench/budgets.json")
}

fn read() -> Budgets {
    match std::fs::read_to_string(file()) {
        Ok(text) => serde_json::from_str(&text).expect("bench/budgets.json holds budgets"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Budgets::new(),
        Err(error) => panic!("bench/budgets.json cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Counts = Counts {
        instructions_until_next: 1_000,
        instructions_per_warm_request: 1_000,
        syscalls_until_next: 100,
        files_opened_until_next: 10,
        calls_until_first_answer: Calls { calendly: 1, issuer: 2, secrets_manager: 1 },
        calls_per_warm_request: Calls { calendly: 1, issuer: 0, secrets_manager: 0 },
    };

    fn problems(change: impl FnOnce(&mut Counts)) -> usize {
        let mut counts = BUDGET;
        change(&mut counts);
        compare("user", &counts, &BUDGET).len()
    }

    #[test]
    fn counts_within_tolerance_pass() {
        assert_eq!(problems(|_| ()), 0);
        assert_eq!(problems(|counts| counts.instructions_until_next = 1_100), 0);
        assert_eq!(problems(|counts| counts.instructions_until_next = 1_101), 1);
        assert_eq!(problems(|counts| counts.instructions_per_warm_request = 1_050), 0);
        assert_eq!(problems(|counts| counts.instructions_per_warm_request = 1_051), 1);
        assert_eq!(problems(|counts| counts.syscalls_until_next = 110), 0);
        assert_eq!(problems(|counts| counts.syscalls_until_next = 111), 1);
        assert_eq!(problems(|counts| counts.files_opened_until_next = 11), 1);
    }

    #[test]
    fn budget_far_above_the_count_is_out_of_date() {
        assert_eq!(problems(|counts| counts.instructions_until_next = 850), 0);
        assert_eq!(problems(|counts| counts.instructions_until_next = 849), 1);
    }

    #[test]
    fn upstream_calls_are_exact() {
        assert_eq!(problems(|counts| counts.calls_per_warm_request.calendly = 2), 1);
        assert_eq!(problems(|counts| counts.calls_until_first_answer.issuer = 1), 1);
    }
}
