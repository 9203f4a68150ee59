//! Query parameters, beside the plain requests that they replace.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{Answer, Binary, Function, Invocation, time, utc};
use sandbox::DEFAULT_PAT;
use serde::Serialize;
use serde_json::Value;

use crate::{
    exchange,
    stand_ins::{self, Conditions, StandIns},
    statistics::{Summary, milliseconds},
    subject::Subject,
};

/// Repetitions of each question.
const REPETITIONS: usize = 10;

type Query<'a> = [(&'a str, &'a str)];
/// The starts of the slots in an answer, in its order.
type Starts = Vec<DateTime<Utc>>;

/// A question as one request and as plain requests.
struct Case<'a> {
    question: &'static str,
    one: &'a Query<'a>,
    plain: &'a [(Binary, &'a Query<'a>)],
    /// The starts of the one answer, from those of the plain answers.
    expected: fn(&[Starts]) -> Starts,
}

/// The measurements of a question.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    question: &'static str,
    #[serde(rename = "form")]
    one: Cost,
    #[serde(rename = "by_hand")]
    plain: Cost,
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
    let start = exchange::monday();
    let [week, year] = [7, 366].map(|days| utc(start + TimeDelta::days(days)));
    let start = utc(start);
    let in_week = [("start_time", &*start), ("end_time", &*week)];
    let of_year = [events[0], ("start_time", &start), ("end_time", &year)];
    let week_of_each = events.map(|event_type| [event_type, in_week[0], in_week[1]]);
    let each_plain = week_of_each.each_ref().map(|query| (Binary::CheckAvailability, &query[..]));

    let (_, first) = caller.send(Binary::CheckAvailability, &week_of_each[0]).await;
    let moment = starts(&first)[4];
    let week_from_there = utc(moment + TimeDelta::days(7));
    let moment = utc(moment);
    let from_there = [events[0], ("start_time", &moment), ("end_time", &week_from_there)];
    let (_, event_types) = caller.send(Binary::UserEventTypes, &[]).await;
    let duration = event_types[0]["duration"].to_string();

    let cases: [Case<'_>; 5] = [
        Case {
            question: "`at`: is this moment free, and which are the next three?",
            one: &[events[0], ("at", &moment)],
            plain: &[(Binary::CheckAvailability, &from_there)],
            expected: |plain| plain[0][..4].to_vec(),
        },
        Case {
            question: "three event types, a week",
            one: &[&events[..], &in_week].concat(),
            plain: &each_plain,
            expected: |plain| {
                let mut any = plain.concat();
                any.sort();
                any
            },
        },
        Case {
            question: "three event types, `match=all`, a week",
            one: &[&events[..], &[("match", "all")], &in_week].concat(),
            plain: &each_plain,
            expected: |plain| {
                let mut all = plain[0].clone();
                all.retain(|start| plain.iter().all(|starts| starts.contains(start)));
                all
            },
        },
        Case {
            question: "`limit=3`, a year",
            one: &[&of_year[..], &[("limit", "3")]].concat(),
            plain: &[(Binary::CheckAvailability, &of_year)],
            expected: |plain| plain[0][..3].to_vec(),
        },
        Case {
            question: "`duration`: only if it is that long, a week",
            one: &[&week_of_each[0][..], &[("duration", &duration)]].concat(),
            plain: &[(Binary::UserEventTypes, &[]), each_plain[0]],
            expected: |plain| plain[1].clone(),
        },
    ];
    let mut comparisons = Vec::new();
    for Case { question, one, plain, expected } in cases {
        println!("query parameters: {question}");
        let (one, one_starts) = caller.cost(&[(Binary::CheckAvailability, one)]).await;
        let (plain, plain_starts) = caller.cost(plain).await;
        assert_eq!(one_starts, [expected(&plain_starts)], "{question}");
        comparisons.push(Comparison { question, one, plain });
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
        self.stand_ins.sandbox.event_type_uri(DEFAULT_PAT, slug).expect("the sandbox has the event type")
    }

    /// Sends a request, and returns its latency and its answer.
    async fn send(&self, binary: Binary, query: &Query<'_>) -> (Duration, Value) {
        let function = match binary {
            Binary::UserEventTypes => &self.user_event_types,
            _ => &self.check_availability,
        };
        let event = exchange::event(&self.stand_ins, binary, query);
        let outcome = function.invoke(Invocation::new(&event)).await;
        let took = outcome.answered_at - outcome.delivered_at;
        let answer = Answer::from_outcome(outcome);
        assert_eq!(answer.status, 200, "{}", answer.body);
        (took, answer.json())
    }

    /// Sends the requests one after the other, and repeats that. Returns the starts of each answer, too.
    async fn cost(&self, requests: &[(Binary, &Query<'_>)]) -> (Cost, Vec<Starts>) {
        let mut durations = Vec::new();
        let mut answers = Vec::new();
        for repetition in 0..=REPETITIONS {
            let mut sum = Duration::ZERO;
            answers.clear();
            for (binary, query) in requests {
                let (took, answer) = self.send(*binary, query).await;
                sum += took;
                answers.push(answer);
            }
            // The first time fills the caches.
            if repetition == 0 {
                self.stand_ins.forget_calls();
            } else {
                durations.push(sum);
            }
        }
        let cost = Cost {
            requests: requests.len(),
            calendly_calls: self.stand_ins.calls().each(REPETITIONS).calendly,
            ms: milliseconds(durations),
            answer_bytes: answers.iter().map(|answer| answer.to_string().len()).sum(),
        };
        (cost, answers.iter().map(starts).collect())
    }
}

fn starts(answer: &Value) -> Starts {
    let lists = [&answer["collection"], &answer["next"]].into_iter().filter_map(Value::as_array);
    lists.flatten().map(|slot| time(&slot["start_time"])).collect()
}
