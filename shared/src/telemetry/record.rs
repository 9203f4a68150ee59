//! What happens in the course of one invocation, counted where it happens.

use std::{
    sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The counts of one invocation. Shared by the calls that are in flight at once.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(super) calendly_calls: AtomicU32,
    pub(super) calendly_retries: AtomicU32,
    pub(super) calendly_errors: AtomicU32,
    pub(super) calendly_micros: AtomicU64,
    /// One more than what Calendly said is left; 0 where it said nothing.
    pub(super) rate_limit_remaining: AtomicI64,
    pub(super) keys_hit: Flag,
    pub(super) pat_hit: Flag,
    pub(super) pat_stale: Flag,
    pub(super) user_hit: Flag,
    pub(super) event_type_hit: Flag,
}

/// Yes, no, or did not come up.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicU32);

impl Flag {
    fn set(&self, value: bool) {
        self.0.store(if value { 2 } else { 1 }, Relaxed);
    }

    pub(super) fn get(&self) -> Option<bool> {
        match self.0.load(Relaxed) {
            0 => None,
            value => Some(value == 2),
        }
    }
}

impl Record {
    /// One call to Calendly ended: how long it took, and whether it was one more try of an earlier one.
    pub(crate) fn calendly_call(&self, took: Duration, is_retry: bool, failed: bool) {
        self.calendly_calls.fetch_add(1, Relaxed);
        self.calendly_retries.fetch_add(u32::from(is_retry), Relaxed);
        self.calendly_errors.fetch_add(u32::from(failed), Relaxed);
        self.calendly_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Whether there was a call to Calendly, which leaves an open connection behind.
    pub(crate) fn has_called_calendly(&self) -> bool {
        self.calendly_calls.load(Relaxed) > 0
    }

    /// `X-RateLimit-Remaining` of Calendly's latest answer.
    pub(crate) fn rate_limit_remaining(&self, remaining: u32) {
        self.rate_limit_remaining.store(i64::from(remaining) + 1, Relaxed);
    }

    /// Whether the issuer's keys were at hand.
    pub(crate) fn keys_cache(&self, hit: bool) {
        self.keys_hit.set(hit);
    }

    /// Whether the PAT was at hand.
    pub(crate) fn pat_cache(&self, hit: bool) {
        self.pat_hit.set(hit);
    }

    /// The PAT is older than it should be, because Secrets Manager could not be read.
    pub(crate) fn pat_stale(&self) {
        self.pat_stale.set(true);
    }

    /// Whether the URI of the PAT's user was at hand.
    pub(crate) fn user_cache(&self, hit: bool) {
        self.user_hit.set(hit);
    }

    /// Whether the choice of event type was at hand.
    pub(crate) fn event_type_cache(&self, hit: bool) {
        self.event_type_hit.set(hit);
    }
}
