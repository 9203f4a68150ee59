//! What happens in the course of one invocation, counted where it happens.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::cache::{CacheStatus, Lookup, Source};

/// The counts of one invocation. Shared by the calls that are in flight at once.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    pub(super) calendly_calls: AtomicU32,
    pub(super) calendly_retries: AtomicU32,
    pub(super) calendly_errors: AtomicU32,
    pub(super) calendly_micros: AtomicU64,
    /// One more than what Calendly said is left; 0 where it said nothing.
    pub(super) rate_limit_remaining: AtomicI64,
    /// By name, whether what was looked up was at hand.
    pub(super) caches: Mutex<BTreeMap<&'static str, bool>>,
    /// By name, what functions measured: its unit, and the sum.
    pub(super) measured: Mutex<BTreeMap<&'static str, (&'static str, f64)>>,
    pub(super) pat_was_stale: AtomicBool,
    /// A keyed hash of who called.
    pub(super) caller: OnceLock<String>,
    stage: AtomicU8,
}

/// What is being waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// The issuer's keys.
    Keys = 1,
    /// The PAT.
    Pat,
    /// Calendly.
    Calendly,
    /// Nobody: the answer is being made.
    Answer,
}

impl RequestMetrics {
    /// One call to Calendly ended: how long it took, and whether it was one more try of an earlier one.
    pub(crate) fn calendly_call(&self, took: Duration, is_retry: bool, failed: bool) {
        self.calendly_calls.fetch_add(1, Relaxed);
        self.calendly_retries.fetch_add(u32::from(is_retry), Relaxed);
        self.calendly_errors.fetch_add(u32::from(failed), Relaxed);
        self.calendly_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// `X-RateLimit-Remaining` of Calendly's latest answer.
    pub(crate) fn rate_limit_remaining(&self, remaining: u32) {
        self.rate_limit_remaining.store(i64::from(remaining) + 1, Relaxed);
    }

    /// Whether a value that is kept under this name was at hand; of several, whether each was.
    pub fn cache_hit(&self, name: &'static str, was_at_hand: bool) {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        *caches.entry(name).or_insert(true) &= was_at_hand;
    }

    /// Records a lookup: a hit in memory or in the remote cache, or a miss.
    pub fn cache_lookup<T, E>(&self, name: &'static str, lookup: &Result<Lookup<T>, E>) {
        let is_hit = lookup.as_ref().is_ok_and(|lookup| {
            matches!(lookup.status, CacheStatus::Hit | CacheStatus::Miss(Source::RemoteCache))
        });
        self.cache_hit(name, is_hit);
    }

    /// Adds to a metric of this name and unit, as CloudWatch names units.
    pub fn add(&self, name: &'static str, unit: &'static str, value: f64) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured.entry(name).or_insert((unit, 0.0)).1 += value;
    }

    /// The PAT is older than it should be, because Secrets Manager could not be read.
    pub(crate) fn pat_was_stale(&self) {
        self.pat_was_stale.store(true, Relaxed);
    }

    /// Who called, as a keyed hash.
    pub(crate) fn caller(&self, hash: String) {
        // There is one caller.
        let _ = self.caller.set(hash);
    }

    /// What is being waited for from now on.
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Relaxed);
    }

    /// What is being waited for, as a part of a sentence.
    pub(crate) fn during(&self) -> &'static str {
        match self.stage.load(Relaxed) {
            1 => "the issuer's keys were fetched",
            2 => "the PAT was read",
            3 => "Calendly was called",
            _ => "the answer was made",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_has_words() {
        let metrics = RequestMetrics::default();
        assert_eq!(metrics.during(), "the answer was made");
        for (stage, words) in [
            (Stage::Keys, "the issuer's keys were fetched"),
            (Stage::Pat, "the PAT was read"),
            (Stage::Calendly, "Calendly was called"),
            (Stage::Answer, "the answer was made"),
        ] {
            metrics.enter(stage);
            assert_eq!(metrics.during(), words);
        }
    }
}
