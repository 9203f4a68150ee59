//! What came of a run.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::fleet::Answered;

/// How a window's answer was come by, as the log has it.
const KINDS: [&str; 5] = [
    "AvailabilityFromMemory",
    "AvailabilityFromTable",
    "AvailabilityFromOthers",
    "AvailabilityFromCalendly",
    "AvailabilityStale",
];

pub(crate) struct Tally {
    answers: Vec<Answered>,
    log: BTreeMap<String, Value>,
    /// Of Calendly.
    pub(crate) calls: usize,
}

impl Tally {
    pub(crate) fn of(answers: Vec<Answered>, log: BTreeMap<String, Value>, calls: usize) -> Self {
        Self { answers, log, calls }
    }

    pub(crate) fn statuses(&self) -> BTreeMap<u64, usize> {
        let mut statuses = BTreeMap::new();
        for answer in &self.answers {
            *statuses.entry(answer.status).or_default() += 1;
        }
        statuses
    }

    /// What was wrong with the first answers with which something was.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.answers.iter().filter_map(|answer| answer.wrong.clone()).take(3).collect()
    }

    /// How many windows were come by so.
    pub(crate) fn kinds(&self, kind: &str) -> usize {
        self.sum(kind) as usize
    }

    /// How long the answers took all of whose windows were at hand.
    pub(crate) fn hits_in_memory(&self) -> Vec<Duration> {
        self.took_from(KINDS[0])
    }

    /// How long the answers took all of whose windows were come by so.
    fn took_from(&self, kind: &str) -> Vec<Duration> {
        let is_so = |answer: &&Answered| {
            let line = &self.log[&answer.request_id];
            KINDS.iter().all(|it| line.get(*it).is_some() == (*it == kind))
        };
        self.answers.iter().filter(is_so).map(|answer| answer.took).collect()
    }

    pub(crate) fn median_length(&self) -> usize {
        let mut lengths: Vec<usize> = self.answers.iter().map(|answer| answer.length).collect();
        lengths.sort_unstable();
        lengths[lengths.len() / 2]
    }

    pub(crate) fn figures(&self, seconds: f64) -> Value {
        let took: Vec<Duration> = self.answers.iter().map(|answer| answer.took).collect();
        let ms = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        let statuses: BTreeMap<String, usize> =
            self.statuses().into_iter().map(|(status, count)| (status.to_string(), count)).collect();
        let ages = self.log.values().filter_map(|line| line["AnswerAge"].as_f64());
        let (count, sum) = ages.fold((0, 0.0), |(count, sum), age| (count + 1, sum + age));
        let median = |took: Vec<Duration>| {
            if took.is_empty() { Value::Null } else { ms(percentile(&took, 0.5)).into() }
        };
        json!({
            "requests": self.answers.len(),
            "statuses": statuses,
            "calendly_calls_per_minute": (self.calls as f64 * 60.0 / seconds).round(),
            "kinds": KINDS.map(|kind| (kind, self.kinds(kind))).into_iter().collect::<BTreeMap<_, _>>(),
            "waits": self.log.values().filter(|line| line.get("SharedCacheWait").is_some()).count(),
            "table_failures": self.kinds("SharedCacheFailures"),
            "mean_age_s": if count > 0 { (sum / f64::from(count) * 100.0).round() / 100.0 } else { 0.0 },
            "p50_ms": ms(percentile(&took, 0.5)),
            "p99_ms": ms(percentile(&took, 0.99)),
            "hit_in_memory_p50_ms": median(self.hits_in_memory()),
            "from_table_p50_ms": median(self.took_from("AvailabilityFromTable")),
            "from_calendly_p50_ms": median(self.took_from("AvailabilityFromCalendly")),
        })
    }

    fn sum(&self, name: &str) -> f64 {
        self.log.values().filter_map(|line| line[name].as_f64()).sum()
    }
}

/// The time that this part of all did not take longer than.
pub(crate) fn percentile(took: &[Duration], part: f64) -> Duration {
    let mut took = took.to_vec();
    took.sort_unstable();
    let place = ((took.len() as f64 - 1.0) * part).round() as usize;
    took.get(place).copied().unwrap_or_default()
}
