//! The outcomes of the loads and refreshes of one value.

use std::sync::Arc;

use tokio::time::Instant;

use super::{CacheError, LoadError};
use crate::cache::policy::{CachePolicy, Cooldown, Failures};

/// The state of the loads of one value.
#[derive(Debug)]
pub(super) struct LoadState<T, E> {
    /// Failed loads since the last success.
    pub(super) failures: Option<Failures>,
    /// The error of the last failed load; `None` if it was canceled.
    pub(super) error: Option<E>,
    pub(super) refreshes: Refreshes<T>,
}

/// The forced refreshes of one value.
#[derive(Debug)]
pub(super) struct Refreshes<T> {
    /// The value that the last refreshes did not replace.
    unchanged_value: Option<Arc<T>>,
    /// Consecutive refreshes that found no newer value, failed ones included.
    unchanged: u32,
    /// The end of the cool-down.
    next_at: Option<Instant>,
}

/// Why a value is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadReason {
    /// A request needs it.
    Request,
    /// A request may need it. A failed preload starts no backoff.
    Preload,
}

/// A load under way. It counts as canceled if it is dropped before its outcome is recorded.
pub(super) struct LoadGuard<'a, T, E> {
    state: &'a mut LoadState<T, E>,
    policy: &'a CachePolicy,
    reason: LoadReason,
    is_recorded: bool,
}

impl<T, E> LoadState<T, E> {
    /// The state before the first load.
    pub(super) fn new() -> Self {
        let refreshes = Refreshes { unchanged_value: None, unchanged: 0, next_at: None };
        Self { failures: None, error: None, refreshes }
    }
}

impl<T, E: Clone> LoadState<T, E> {
    pub(super) fn last_error(&self) -> CacheError<E> {
        self.error.clone().map_or(CacheError::Canceled, CacheError::LoadFailed)
    }
}

impl<T> Refreshes<T> {
    pub(super) fn is_due(&self, seen: &Arc<T>, now: Instant, cooldown: Cooldown) -> bool {
        let applies = match cooldown {
            Cooldown::Fixed(_) => true,
            Cooldown::WhileUnchanged(_) => self.is_unchanged_value(seen),
        };
        !(applies && self.next_at.is_some_and(|next_at| now < next_at))
    }

    pub(super) fn start(&mut self, now: Instant, cooldown: Cooldown) {
        self.next_at = Some(now + cooldown.after(0));
    }

    pub(super) fn record_no_change(&mut self, seen: &Arc<T>, now: Instant, cooldown: Cooldown) {
        if matches!(cooldown, Cooldown::WhileUnchanged(_)) {
            self.unchanged = if self.is_unchanged_value(seen) { self.unchanged.saturating_add(1) } else { 1 };
            self.unchanged_value = Some(seen.clone());
            self.next_at = Some(now + cooldown.after(self.unchanged));
        }
    }

    fn is_unchanged_value(&self, seen: &Arc<T>) -> bool {
        self.unchanged_value.as_ref().is_some_and(|value| Arc::ptr_eq(value, seen))
    }
}

impl<'a, T, E: Clone> LoadGuard<'a, T, E> {
    /// Guards a load that begins now.
    pub(super) fn new(state: &'a mut LoadState<T, E>, policy: &'a CachePolicy, reason: LoadReason) -> Self {
        Self { state, policy, reason, is_recorded: false }
    }

    /// Records the outcome.
    pub(super) fn record<V>(mut self, result: &Result<V, LoadError<E>>) {
        self.is_recorded = true;
        match result {
            Ok(_) | Err(LoadError::NotFound(_)) => {
                self.state.failures = None;
                self.state.error = None;
            }
            // Waiters share the answer. It starts no backoff.
            Err(LoadError::Rejected(error)) => {
                let now = Instant::now();
                self.state.failures =
                    Some(Failures { count: 0, last: now, was_canceled: false, retry_at: now });
                self.state.error = Some(error.clone());
            }
            Err(LoadError::Unavailable(error)) => self.record_failure(Some(error.clone())),
        }
    }
}

impl<T, E> LoadGuard<'_, T, E> {
    fn record_failure(&mut self, error: Option<E>) {
        let now = Instant::now();
        let was_canceled = error.is_none();
        let counts =
            self.reason == LoadReason::Request && (!was_canceled || self.policy.counts_canceled_loads());
        let (count, retry_at) = match self.state.failures {
            before if counts => {
                let count = before.map_or(0, |before| before.count).saturating_add(1);
                (count, now + self.policy.delay_after(count))
            }
            Some(before) => (before.count, before.retry_at),
            None => (0, now),
        };
        self.state.failures = Some(Failures { count, last: now, was_canceled, retry_at });
        self.state.error = error;
    }
}

impl<T, E> Drop for LoadGuard<'_, T, E> {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.record_failure(None);
        }
    }
}
