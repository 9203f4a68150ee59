//! The figures of a run.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::fleet::TimedAnswer;

/// The logged metrics that name the source of a window's answer.
const SOURCES: [&str; 5] = [
    "AvailabilityFromMemory",
    "AvailabilityFromTable",
    "AvailabilityFromOthers",
    "AvailabilityFromCalendly",
    "AvailabilityStale",
];

pub(super) struct Summary {
    answers: Vec<TimedAnswer>,
    log: BTreeMap<String, Value>,
    /// The number of calls to Calendly.
    pub(super) calls: usize,
}

impl Summary {
    pub(super) fn new(answers: Vec<TimedAnswer>, log: BTreeMap<String, Value>, calls: usize) -> Self {
        Self { answers, log, calls }
    }

    pub(super) fn statuses(&self) -> BTreeMap<u64, usize> {
        let mut statuses = BTreeMap::new();
        for answer in &self.answers {
            *statuses.entry(answer.status).or_default() += 1;
        }
        statuses
    }

    /// The errors of the first wrong answers.
    pub(super) fn errors(&self) -> Vec<String> {
        self.answers.iter().filter_map(|answer| answer.error.clone()).take(3).collect()
    }

    /// The sum of a metric of the log.
    pub(super) fn count(&self, metric: &str) -> usize {
        self.log.values().filter_map(|line| line[metric].as_f64()).sum::<f64>() as usize
    }

    /// The latencies of hits in memory.
    pub(super) fn hits_in_memory(&self) -> Vec<Duration> {
        self.took_from(SOURCES[0])
    }

    /// The latencies of answers whose windows all came from this source.
    fn took_from(&self, source: &str) -> Vec<Duration> {
        let has_no_other_source = |answer: &&TimedAnswer| {
            let line = &self.log[&answer.request_id];
            SOURCES.iter().all(|other| line.get(*other).is_some() == (*other == source))
        };
        self.answers.iter().filter(has_no_other_source).map(|answer| answer.took).collect()
    }

    pub(super) fn median_length(&self) -> usize {
        let mut lengths: Vec<usize> = self.answers.iter().map(|answer| answer.length).collect();
        lengths.sort_unstable();
        lengths[lengths.len() / 2]
    }

    pub(super) fn figures(&self, seconds: f64) -> Value {
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
            "kinds": SOURCES.map(|kind| (kind, self.count(kind))).into_iter().collect::<BTreeMap<_, _>>(),
            "waits": self.log.values().filter(|line| line.get("SharedCacheWait").is_some()).count(),
            "table_failures": self.count("SharedCacheFailures"),
            "mean_age_s": if count > 0 { (sum / f64::from(count) * 100.0).round() / 100.0 } else { 0.0 },
            "p50_ms": ms(percentile(&took, 0.5)),
            "p99_ms": ms(percentile(&took, 0.99)),
            "hit_in_memory_p50_ms": median(self.hits_in_memory()),
            "from_table_p50_ms": median(self.took_from("AvailabilityFromTable")),
            "from_calendly_p50_ms": median(self.took_from("AvailabilityFromCalendly")),
        })
    }
}

/// A quantile of latencies.
pub(super) fn percentile(took: &[Duration], part: f64) -> Duration {
    let mut took = took.to_vec();
    took.sort_unstable();
    let place = ((took.len() as f64 - 1.0) * part).round() as usize;
    took.get(place).copied().unwrap_or_default()
}
