//! Query parameters, compared with the plain requests that they replace.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{Answer, Binary, Function, Invocation, time, utc};
use sandbox::DEFAULT_PAT;
use serde::Serialize;
use serde_json::Value;

use crate::{
    question,
    stand_ins::{self, Conditions, StandIns},
    statistics::{Summary, milliseconds},
    subject::Subject,
};

/// Repetitions of each question.
const TIMES: usize = 10;

type Query<'a> = [(&'a str, &'a str)];

/// A question as one request, as plain requests, and how their answers agree.
struct Case<'a> {
    question: &'static str,
    form: &'a Query<'a>,
    by_hand: &'a [(Binary, &'a Query<'a>)],
    agree: fn(&Value, &[Value]) -> bool,
}

/// The measurements of a question.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    question: &'static str,
    form: Cost,
    by_hand: Cost,
}

/// Requests, latency, size, and calls of Calendly.
#[derive(Debug, Serialize)]
struct Cost {
    requests: usize,
    calendly_calls: usize,
    /// The sum of consecutive requests.
    ms: Summary,
    /// The size of the answers' JSON.
    answer_bytes: usize,
}

/// Warm environments of both functions.
struct Caller {
    stand_ins: StandIns,
    check_availability: Function,
    user_event_types: Function,
}

pub(crate) async fn run() -> Vec<Comparison> {
    let caller = Caller::start().await;
    let uris = ["session-00001", "session-00002", "session-00003"].map(|slug| caller.event_type(slug));
    let events = uris.each_ref().map(|uri| ("event_type", &**uri));
    let start = question::monday();
    let [week, year] = [7, 366].map(|days| utc(start + TimeDelta::days(days)));
    let start = utc(start);
    let in_week = [("start_time", &*start), ("end_time", &*week)];
    let of_year = [events[0], ("start_time", &start), ("end_time", &year)];
    let week_of_each = events.map(|event_type| [event_type, in_week[0], in_week[1]]);
    let each_by_hand = week_of_each.each_ref().map(|query| (Binary::CheckAvailability, &query[..]));

    let (_, plain) = caller.ask(Binary::CheckAvailability, &week_of_each[0]).await;
    let moment = time(&collection(&plain)[4]["start_time"]);
    let week_from_there = utc(moment + TimeDelta::days(7));
    let moment = utc(moment);
    let from_there = [events[0], ("start_time", &moment), ("end_time", &week_from_there)];
    let (_, event_types) = caller.ask(Binary::UserEventTypes, &[]).await;
    let duration = event_types[0]["duration"].to_string();

    let cases: [Case<'_>; 5] = [
        Case {
            question: "`at`: is this moment free, and which are the next three?",
            form: &[events[0], ("at", &moment)],
            by_hand: &[(Binary::CheckAvailability, &from_there)],
            agree: |form, by_hand| {
                let slots = collection(&by_hand[0]);
                let next = form["next"].as_array().is_some_and(|next| *next == slots[1..4]);
                collection(form) == &slots[..1] && next
            },
        },
        Case {
            question: "three event types, a week",
            form: &[&events[..], &in_week].concat(),
            by_hand: &each_by_hand,
            agree: |form, by_hand| {
                let mut all: Vec<_> = by_hand.iter().flat_map(|answer| starts(collection(answer))).collect();
                all.sort();
                starts(collection(form)) == all
            },
        },
        Case {
            question: "three event types, `match=all`, a week",
            form: &[&events[..], &[("match", "all")], &in_week].concat(),
            by_hand: &each_by_hand,
            agree: |form, by_hand| {
                let sets = by_hand.iter().map(|answer| free(collection(answer)));
                let all = sets.reduce(|one, other| &one & &other).unwrap_or_default();
                starts(collection(form)) == Vec::from_iter(all)
            },
        },
        Case {
            question: "`limit=3`, a year",
            form: &[&of_year[..], &[("limit", "3")]].concat(),
            by_hand: &[(Binary::CheckAvailability, &of_year)],
            agree: |form, by_hand| collection(form) == &collection(&by_hand[0])[..3],
        },
        Case {
            question: "`duration`: only if it is that long, a week",
            form: &[&week_of_each[0][..], &[("duration", &duration)]].concat(),
            by_hand: &[(Binary::UserEventTypes, &[]), each_by_hand[0]],
            agree: |form, by_hand| *form == by_hand[1],
        },
    ];
    let mut comparisons = Vec::new();
    for Case { question, form, by_hand, agree } in cases {
        println!("by hand: {question}");
        let (form, form_answers) = caller.cost(&[(Binary::CheckAvailability, form)]).await;
        let (by_hand, answers) = caller.cost(by_hand).await;
        assert!(agree(&form_answers[0], &answers), "{question}: {:?}\n{answers:?}", form_answers[0]);
        comparisons.push(Comparison { question, form, by_hand });
    }
    comparisons
}

impl Caller {
    async fn start() -> Self {
        let stand_ins = StandIns::start(Conditions::Latency, stand_ins::EVENT_TYPES);
        let start =
            async |binary| Function::spawn(&Subject::Function(binary).program(), &stand_ins.variables).await;
        let check_availability = start(Binary::CheckAvailability).await;
        let user_event_types = start(Binary::UserEventTypes).await;
        Self { stand_ins, check_availability, user_event_types }
    }

    fn event_type(&self, slug: &str) -> String {
        self.stand_ins.sandbox.event_type_uri(DEFAULT_PAT, slug).expect("there is one")
    }

    /// Sends a request, and returns its latency and its answer.
    async fn ask(&self, binary: Binary, query: &Query<'_>) -> (Duration, Value) {
        let function = match binary {
            Binary::UserEventTypes => &self.user_event_types,
            _ => &self.check_availability,
        };
        let event = question::event(&self.stand_ins, binary, query);
        let outcome = function.invoke(Invocation::new(&event)).await;
        let took = outcome.answered - outcome.handed;
        let answer = Answer::from_outcome(outcome);
        assert_eq!(answer.status, 200, "{}", answer.body);
        (took, answer.json())
    }

    /// Sends the requests one after the other, and repeats that.
    async fn cost(&self, requests: &[(Binary, &Query<'_>)]) -> (Cost, Vec<Value>) {
        let mut durations = Vec::new();
        let mut answers = Vec::new();
        for time in 0..=TIMES {
            let mut sum = Duration::ZERO;
            answers.clear();
            for (binary, query) in requests {
                let (took, answer) = self.ask(*binary, query).await;
                sum += took;
                answers.push(answer);
            }
            // The first time fills the caches.
            if time == 0 {
                self.stand_ins.forget_calls();
            } else {
                durations.push(sum);
            }
        }
        let cost = Cost {
            requests: requests.len(),
            calendly_calls: self.stand_ins.calls().each(TIMES).calendly,
            ms: milliseconds(durations),
            answer_bytes: answers.iter().map(|answer| answer.to_string().len()).sum(),
        };
        (cost, answers)
    }
}

fn collection(answer: &Value) -> &[Value] {
    answer["collection"].as_array().expect("a collection")
}

fn starts(entries: &[Value]) -> Vec<DateTime<Utc>> {
    entries.iter().map(|entry| time(&entry["start_time"])).collect()
}

/// The starts of the available entries.
fn free(entries: &[Value]) -> BTreeSet<DateTime<Utc>> {
    let free = entries.iter().filter(|entry| entry["status"] == "available");
    free.map(|entry| time(&entry["start_time"])).collect()
}
