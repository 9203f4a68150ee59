//! `bench budgets`: the [`Counts`] of each function beside those that are recorded for it.
//!
//! A count may be a little above its budget, since no two runs are quite the same, and no more. One that is
//! far below it means that the budget is out of date, which would hide the next step up.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use end_to_end::Binary;
use serde::{Deserialize, Serialize};

use crate::{
    counts::{Counts, count},
    stand_ins::Calls,
    workspace,
};

/// Budgets by processor.
type Budgets = BTreeMap<String, Recorded>;

/// The budgets of the functions, as one compiler builds them.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    rustc: String,
    functions: BTreeMap<String, Counts>,
}

/// How far a count may be from its budget.
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
        // The C library has a share in it, and is not the same on all machines.
        percent: 10,
    },
    Tolerance {
        name: "instructions per warm request",
        of: |counts| counts.instructions_per_warm_request,
        percent: 5,
    },
    // How often it waits depends on when answers come.
    Tolerance { name: "syscalls until the first next", of: |counts| counts.syscalls_until_next, percent: 10 },
    Tolerance {
        name: "files opened until the first next",
        of: |counts| counts.files_opened_until_next,
        percent: 0,
    },
];

/// How far below its budget a count may be without the budget being wrong, in percent of it.
const OUT_OF_DATE: u64 = 15;

/// Counts, and answers with what is wrong, a sentence each.
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

/// Counts, and makes that the budgets of this processor.
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
            problems
                .push(format!("{function}: {name}: {count} are more than the {budget} that are recorded"));
        } else if count < budget - budget * percent.max(OUT_OF_DATE) / 100 {
            problems.push(format!(
                "{function}: {name}: {count} are so much fewer than the {budget} that are recorded that a \
                 new budget is due: `make record-budgets`"
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
    fn counts_may_be_a_little_above_their_budget() {
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
    fn a_budget_that_is_far_too_large_is_out_of_date() {
        assert_eq!(problems(|counts| counts.instructions_until_next = 850), 0);
        assert_eq!(problems(|counts| counts.instructions_until_next = 849), 1);
    }

    #[test]
    fn upstream_calls_are_exact() {
        assert_eq!(problems(|counts| counts.calls_per_warm_request.calendly = 2), 1);
        assert_eq!(problems(|counts| counts.calls_until_first_answer.issuer = 1), 1);
    }
}
