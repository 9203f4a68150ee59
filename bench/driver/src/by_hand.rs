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

/// A question as one request, and as plain requests.
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

/// An answer and its latency.
#[derive(Debug)]
struct Answered {
    json: Value,
    took: Duration,
}

/// Warm environments of both functions.
struct Caller {
    stand_ins: StandIns,
    check_availability: Function,
    user_event_types: Function,
}

pub(crate) async fn run() -> Vec<Comparison> {
    let caller = Caller::start().await;
    let uris: Vec<String> = (1..=3).map(|number| caller.event_type(number)).collect();
    let [one, other, third] = [0, 1, 2].map(|index| ("event_type", uris[index].as_str()));
    let start = question::monday();
    let (week, year) = (start + TimeDelta::days(7), start + TimeDelta::days(366));
    let [start, week, year] = [start, week, year].map(utc);
    let in_week = [("start_time", &*start), ("end_time", &*week)];
    let in_year = [("start_time", &*start), ("end_time", &*year)];

    let Answered { json: plain, .. } = caller.check(&[&[one], &in_week[..]].concat()).await;
    let slots = collection(&plain);
    let moment = utc(time(&slots[4]["start_time"]));
    let week_from_there = utc(time(&slots[4]["start_time"]) + TimeDelta::days(7));
    let from_there = [("start_time", &*moment), ("end_time", &*week_from_there)];
    let length = caller.event_types().await.json[0]["duration"].to_string();

    vec![
        caller
            .compare(
                "`at`: is this moment free, and which are the next three?",
                &[one, ("at", &moment)],
                &[&[one, from_there[0], from_there[1]]],
                |form, by_hand| {
                    let slots = collection(&by_hand[0]);
                    collection(form) == &slots[..1]
                        && form["next"].as_array().is_some_and(|next| *next == slots[1..4])
                },
            )
            .await,
        caller
            .compare(
                "three event types, a week",
                &[&[one, other, third], &in_week[..]].concat(),
                &[one, other, third]
                    .map(|event_type| [&[event_type], &in_week[..]].concat())
                    .each_ref()
                    .map(|query| &query[..]),
                |form, by_hand| {
                    let mut all: Vec<_> =
                        by_hand.iter().flat_map(|answer| starts(collection(answer))).collect();
                    all.sort();
                    starts(collection(form)) == all
                },
            )
            .await,
        caller
            .compare(
                "three event types, `match=all`, a week",
                &[&[one, other, third, ("match", "all")], &in_week[..]].concat(),
                &[one, other, third]
                    .map(|event_type| [&[event_type], &in_week[..]].concat())
                    .each_ref()
                    .map(|query| &query[..]),
                |form, by_hand| {
                    let sets = by_hand.iter().map(|answer| free(collection(answer)));
                    let all = sets.reduce(|one, other| &one & &other).unwrap_or_default();
                    starts(collection(form)) == Vec::from_iter(all)
                },
            )
            .await,
        caller
            .compare(
                "`limit=3`, a year",
                &[&[one, ("limit", "3")], &in_year[..]].concat(),
                &[&[&[one], &in_year[..]].concat()],
                |form, by_hand| collection(form) == &collection(&by_hand[0])[..3],
            )
            .await,
        caller
            .compare_after_the_list(
                "`duration`: only if it is that long, a week",
                &[&[one, ("duration", &length)], &in_week[..]].concat(),
                &[&[one], &in_week[..]].concat(),
            )
            .await,
    ]
}

impl Caller {
    async fn start() -> Self {
        let stand_ins = StandIns::start(Conditions::Latency, stand_ins::EVENT_TYPES);
        let [check_availability, user_event_types] = [Binary::CheckAvailability, Binary::UserEventTypes]
            .map(|binary| Subject::Function(binary).program());
        let check_availability = Function::spawn(&check_availability, &stand_ins.variables).await;
        let user_event_types = Function::spawn(&user_event_types, &stand_ins.variables).await;
        let caller = Self { stand_ins, check_availability, user_event_types };
        // Caches the user.
        caller.event_types().await;
        caller
    }

    fn event_type(&self, number: usize) -> String {
        let slug = format!("session-{number:05}");
        self.stand_ins.sandbox.event_type_uri(DEFAULT_PAT, &slug).expect("there is one")
    }

    async fn check(&self, query: &[(&str, &str)]) -> Answered {
        let event = question::event(&self.stand_ins, Binary::CheckAvailability, query);
        ask(&self.check_availability, &event).await
    }

    async fn event_types(&self) -> Answered {
        let event = question::event(&self.stand_ins, Binary::UserEventTypes, &[]);
        ask(&self.user_event_types, &event).await
    }

    /// Asks in both ways and checks that the answers agree.
    async fn compare(
        &self,
        question: &'static str,
        form: &[(&str, &str)],
        by_hand: &[&[(&str, &str)]],
        agree: impl Fn(&Value, &[Value]) -> bool,
    ) -> Comparison {
        println!("by hand: {question}");
        let ask_form = async || vec![self.check(form).await];
        let ask_by_hand = async || {
            let mut answers = Vec::new();
            for query in by_hand {
                answers.push(self.check(query).await);
            }
            answers
        };
        let (form, form_answers) = self.cost(ask_form).await;
        let (by_hand, answers) = self.cost(ask_by_hand).await;
        assert!(agree(&form_answers[0], &answers), "{question}: {:?}\n{answers:?}", form_answers[0]);
        Comparison { question, form, by_hand }
    }

    /// The plain way reads the list of event types first.
    async fn compare_after_the_list(
        &self,
        question: &'static str,
        form: &[(&str, &str)],
        plain: &[(&str, &str)],
    ) -> Comparison {
        println!("by hand: {question}");
        let (form, form_answers) = self.cost(async || vec![self.check(form).await]).await;
        let by_hand = async || vec![self.event_types().await, self.check(plain).await];
        let (by_hand, answers) = self.cost(by_hand).await;
        assert_eq!(form_answers[0], answers[1], "{question}");
        Comparison { question, form, by_hand }
    }

    async fn cost(&self, ask: impl AsyncFn() -> Vec<Answered>) -> (Cost, Vec<Value>) {
        // Fills the caches.
        ask().await;
        self.stand_ins.forget_calls();
        let mut took = Vec::new();
        let mut last = Vec::new();
        for _ in 0..TIMES {
            last = ask().await;
            took.push(last.iter().map(|answered| answered.took).sum::<Duration>());
        }
        let answers: Vec<Value> = last.into_iter().map(|answered| answered.json).collect();
        let cost = Cost {
            requests: answers.len(),
            calendly_calls: self.stand_ins.calls().each(TIMES).calendly,
            ms: milliseconds(took),
            answer_bytes: answers.iter().map(|answer| answer.to_string().len()).sum(),
        };
        (cost, answers)
    }
}

async fn ask(function: &Function, event: &Value) -> Answered {
    let outcome = function.invoke(Invocation::new(event)).await;
    let took = outcome.answered - outcome.handed;
    let answer = Answer::from_outcome(outcome);
    assert_eq!(answer.status, 200, "{}", answer.body);
    Answered { json: answer.json(), took }
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
