//! Counters of one invocation: calls to Calendly, cache hits, and the stage it is in.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::cache::Lookup;

/// The counters of one invocation, shared by its concurrent calls.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    pub(super) calendly_calls: AtomicU32,
    pub(super) calendly_retries: AtomicU32,
    pub(super) calendly_errors: AtomicU32,
    pub(super) calendly_micros: AtomicU64,
    /// Calendly's `X-RateLimit-Remaining` plus 1; 0 if it sent none.
    pub(super) rate_limit_remaining: AtomicI64,
    /// By cache, whether every lookup was a hit.
    pub(super) caches: Mutex<BTreeMap<&'static str, bool>>,
    /// By metric, its unit and the sum of its values.
    pub(super) measured: Mutex<BTreeMap<&'static str, (&'static str, f64)>>,
    /// Further members of the log line.
    pub(super) logged: Mutex<BTreeMap<&'static str, &'static str>>,
    pub(super) pat_was_stale: AtomicBool,
    /// The keyed hash of the caller.
    pub(super) caller: OnceLock<String>,
    stage: Mutex<Stage>,
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
        self.calendly_calls.fetch_add(1, Relaxed);
        self.calendly_retries.fetch_add(u32::from(is_retry), Relaxed);
        self.calendly_errors.fetch_add(u32::from(failed), Relaxed);
        self.calendly_micros.fetch_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Stores `X-RateLimit-Remaining` of Calendly's latest answer.
    pub(crate) fn rate_limit_remaining(&self, remaining: u32) {
        self.rate_limit_remaining.store(i64::from(remaining) + 1, Relaxed);
    }

    /// Records a lookup in a cache. Several lookups count as a hit only if all of them are hits.
    pub fn cache_hit(&self, cache: &'static str, is_hit: bool) {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        *caches.entry(cache).or_insert(true) &= is_hit;
    }

    /// Counts a lookup: a hit in memory or in the remote cache, or a miss.
    pub fn cache_lookup<T, E>(&self, cache: &'static str, lookup: &Result<Lookup<T>, E>) {
        self.cache_hit(cache, lookup.as_ref().is_ok_and(|lookup| lookup.status.is_hit()));
    }

    /// Adds a member to the log line.
    pub(crate) fn log(&self, name: &'static str, value: &'static str) {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    }

    /// Adds `value` to a metric. `unit` is a unit of CloudWatch.
    pub fn add(&self, name: &'static str, unit: &'static str, value: f64) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured.entry(name).or_insert((unit, 0.0)).1 += value;
    }

    /// Records that a stale PAT was used because Secrets Manager could not be read.
    pub(crate) fn pat_was_stale(&self) {
        self.pat_was_stale.store(true, Relaxed);
    }

    /// Stores the keyed hash of the caller.
    pub(crate) fn caller(&self, hash: String) {
        // An invocation has one caller.
        let _ = self.caller.set(hash);
    }

    /// Enters a stage.
    pub(crate) fn enter(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// What the invocation is doing, as it follows "time ran out while".
    pub(crate) fn activity(&self) -> &'static str {
        match *self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            Stage::Answer => "building the answer",
            Stage::Keys => "fetching the issuer's keys",
            Stage::Pat => "reading the PAT",
            Stage::Calendly => "calling Calendly",
        }
    }
}
