//! Counters of one invocation: calls to Calendly, cache hits, and the stage it is in.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::cache::Lookup;

/// The counters of one invocation, shared by its concurrent calls.
#[derive(Debug, Default)]
pub struct RequestMetrics(Mutex<Counters>);

/// The state of [`RequestMetrics`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) calendly_calls: u32,
    pub(super) calendly_retries: u32,
    pub(super) calendly_errors: u32,
    pub(super) calendly_time: Duration,
    /// Calendly's latest `X-RateLimit-Remaining`.
    pub(super) rate_limit_remaining: Option<u32>,
    /// By cache, whether every lookup was a hit.
    pub(super) caches: BTreeMap<&'static str, bool>,
    /// By metric, its unit and the sum of its values.
    pub(super) measured: BTreeMap<&'static str, (&'static str, f64)>,
    /// Further members of the log line.
    pub(super) logged: BTreeMap<&'static str, &'static str>,
    pub(super) pat_was_stale: bool,
    /// The keyed hash of the caller.
    pub(super) caller: Option<String>,
    stage: Stage,
}

/// A stage of an invocation. The reason of a missed deadline names it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Stage {
    /// Building the answer: also the stage before the first call.
    #[default]
    Answer,
    /// Fetching the issuer's keys.
    Keys,
    /// Reading the PAT.
    Pat,
    /// Calling Calendly.
    Calendly,
}

impl RequestMetrics {
    /// Counts a finished call to Calendly.
    pub(crate) fn calendly_call(&self, duration: Duration, is_retry: bool, failed: bool) {
        let mut counters = self.counters();
        counters.calendly_calls += 1;
        counters.calendly_retries += u32::from(is_retry);
        counters.calendly_errors += u32::from(failed);
        counters.calendly_time += duration;
    }

    /// Stores `X-RateLimit-Remaining` of Calendly's latest answer.
    pub(crate) fn rate_limit_remaining(&self, remaining: u32) {
        self.counters().rate_limit_remaining = Some(remaining);
    }

    /// Records a lookup in a cache. Several lookups count as a hit only if all of them are hits.
    pub fn cache_hit(&self, cache: &'static str, is_hit: bool) {
        *self.counters().caches.entry(cache).or_insert(true) &= is_hit;
    }

    /// Counts a lookup: a hit in memory or in the remote cache, or a miss.
    pub fn cache_lookup<T, E>(&self, cache: &'static str, lookup: &Result<Lookup<T>, E>) {
        self.cache_hit(cache, lookup.as_ref().is_ok_and(|lookup| lookup.status.is_hit()));
    }

    /// Adds a member to the log line.
    pub(crate) fn log(&self, name: &'static str, value: &'static str) {
        self.counters().logged.insert(name, value);
    }

    /// Adds `value` to a metric. `unit` is a unit of CloudWatch.
    pub fn add(&self, name: &'static str, unit: &'static str, value: f64) {
        self.counters().measured.entry(name).or_insert((unit, 0.0)).1 += value;
    }

    /// Records that a stale PAT was used because Secrets Manager could not be read.
    pub(crate) fn pat_was_stale(&self) {
        self.counters().pat_was_stale = true;
    }

    /// Stores the keyed hash of the caller.
    pub(crate) fn caller(&self, hash: String) {
        self.counters().caller = Some(hash);
    }

    /// Enters a stage.
    pub(crate) fn enter(&self, stage: Stage) {
        self.counters().stage = stage;
    }

    /// What the invocation is doing, as it follows "time ran out while".
    pub(crate) fn activity(&self) -> &'static str {
        match self.counters().stage {
            Stage::Answer => "building the answer",
            Stage::Keys => "fetching the issuer's keys",
            Stage::Pat => "reading the PAT",
            Stage::Calendly => "calling Calendly",
        }
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
