//! When a cached value is loaded, and which callers wait for it: decision functions without side effects.

use std::time::Duration;

use tokio::time::Instant;

use super::Backoff;

/// How a [`CachedValue`](super::CachedValue) treats age, failures and forced refreshes.
#[derive(Debug, Clone, Copy)]
pub struct CachePolicy {
    /// Time to live: how long a value is fresh. With zero, only callers that waited for the load get its value, and later
    /// callers get it only as stale-if-error.
    pub ttl: Duration,
    /// Time-out of one load.
    pub load_timeout: Duration,
    /// What happens when a load fails.
    pub on_error: OnError,
    /// How often a fresh value may be loaded again because it turned out to be wrong.
    pub refresh: RefreshPolicy,
}

/// What a failed load means for later callers.
#[derive(Debug, Clone, Copy)]
pub enum OnError {
    /// Every caller loads again. An expired value is never served.
    Fail,
    /// Stale-if-error: an expired value is served, and the next load waits for the backoff.
    ServeStale {
        /// The delay between loads.
        backoff: Backoff,
        /// Time-out of a load while a stale value can be served instead.
        load_timeout: Duration,
        /// Whether the backoff also applies while there is no value at all. It then starts with the second failure in a
        /// row, since the first may have been transient.
        backoff_without_value: bool,
    },
}

/// How to replace a fresh value that turned out to be wrong, such as a key set that lacks a key or a refused PAT.
#[derive(Debug, Clone, Copy)]
pub struct RefreshPolicy {
    /// Time-out of the load.
    pub load_timeout: Duration,
    /// The minimum interval between two refreshes.
    pub cooldown: Cooldown,
}

/// The minimum interval between two refreshes.
#[derive(Debug, Clone, Copy)]
pub enum Cooldown {
    /// The same after every refresh.
    Fixed(Duration),
    /// Grows while refreshes return the same value: none after the first, then the backoff's delays. A different value
    /// resets it.
    WhileUnchanged(Backoff),
}

/// What a cached value may be used for at its present age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it while another caller loads a newer one, and when that load fails.
    StaleWhileRevalidate,
    /// Serve it only if a load fails.
    StaleIfError,
    /// Serve it only to callers that waited for its load.
    Expired,
}

/// The next step for a caller that finds no fresh value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Load { timeout: Duration },
    ServeStale,
    Fail,
}

/// The failed loads since the last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failures {
    /// The number of failed loads that a request needed. Failed preloads do not count.
    pub(super) count: u32,
    /// When the last failed load ended.
    pub(super) last: Instant,
    /// Whether the last failed load was dropped with its request, so that its outcome is unknown.
    pub(super) was_canceled: bool,
    /// The end of the backoff.
    pub(super) retry_at: Instant,
}

impl RefreshPolicy {
    /// No time-out and no cool-down.
    pub const UNLIMITED: Self =
        Self { load_timeout: Duration::MAX, cooldown: Cooldown::Fixed(Duration::ZERO) };
}

impl CachePolicy {
    /// What a value of this age may be used for.
    pub(super) fn freshness(&self, age: Duration) -> Freshness {
        match self.on_error {
            _ if age < self.ttl => Freshness::Fresh,
            OnError::Fail => Freshness::Expired,
            // With a zero `ttl` no value serves a second request unless the load fails.
            OnError::ServeStale { .. } if self.ttl.is_zero() => Freshness::StaleIfError,
            OnError::ServeStale { .. } => Freshness::StaleWhileRevalidate,
        }
    }

    /// The step for a caller that arrived at `arrived`.
    pub(super) fn step(
        &self,
        has_value: bool,
        failures: Option<Failures>,
        arrived: Instant,
        now: Instant,
    ) -> Step {
        let is_backing_off = failures.is_some_and(|failures| now < failures.retry_at);
        match (self.on_error, failures) {
            (OnError::ServeStale { .. }, _) if has_value && is_backing_off => Step::ServeStale,
            (OnError::ServeStale { load_timeout, .. }, _) if has_value => {
                Step::Load { timeout: load_timeout }
            }
            // The caller waited for the load that failed. After a canceled load, it loads instead.
            (_, Some(failures))
                if failures.last >= arrived && (!failures.was_canceled || self.counts_canceled_loads()) =>
            {
                Step::Fail
            }
            (OnError::ServeStale { backoff_without_value: true, .. }, Some(failures))
                if failures.count > 1 && is_backing_off =>
            {
                Step::Fail
            }
            _ => Step::Load { timeout: self.load_timeout },
        }
    }

    /// Whether a canceled load counts as a failure. Its outcome is unknown: the deadline of its request may have ended, or
    /// another part of its request may have failed.
    pub(super) fn counts_canceled_loads(&self) -> bool {
        matches!(self.on_error, OnError::ServeStale { backoff_without_value: true, .. })
    }

    /// The time-out of a load while a stale value can be served instead.
    pub(super) fn timeout_with_stale(&self) -> Duration {
        match self.on_error {
            OnError::ServeStale { load_timeout, .. } => load_timeout,
            OnError::Fail => self.load_timeout,
        }
    }

    /// The delay before the next load after `failures` consecutive failures.
    pub(super) fn delay_after(&self, failures: u32) -> Duration {
        match self.on_error {
            OnError::Fail => Duration::ZERO,
            OnError::ServeStale { backoff, .. } => backoff.delay(failures),
        }
    }
}

impl Cooldown {
    /// The time until the next refresh, after `unchanged` refreshes in a row that returned the same value.
    pub(super) fn after(self, unchanged: u32) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::WhileUnchanged(_) if unchanged < 2 => Duration::ZERO,
            Self::WhileUnchanged(backoff) => backoff.delay(unchanged - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy(on_error: OnError) -> CachePolicy {
        let refresh = RefreshPolicy { load_timeout: SECOND, cooldown: Cooldown::Fixed(SECOND) };
        CachePolicy { ttl: 60 * SECOND, load_timeout: 5 * SECOND, on_error, refresh }
    }

    fn stale(backoff_without_value: bool) -> OnError {
        let backoff = Backoff::new(SECOND, 8 * SECOND);
        OnError::ServeStale { backoff, load_timeout: 2 * SECOND, backoff_without_value }
    }

    #[test]
    fn freshness_by_age() {
        let uncached = |on_error| CachePolicy { ttl: Duration::ZERO, ..policy(on_error) };
        for (policy, age, expected) in [
            (policy(OnError::Fail), 59, Freshness::Fresh),
            (policy(OnError::Fail), 60, Freshness::Expired),
            (policy(stale(true)), 59, Freshness::Fresh),
            (policy(stale(true)), 60, Freshness::StaleWhileRevalidate),
            (uncached(OnError::Fail), 0, Freshness::Expired),
            (uncached(stale(false)), 0, Freshness::StaleIfError),
        ] {
            assert_eq!(policy.freshness(age * SECOND), expected, "{policy:?} {age}");
        }
    }

    /// Times are seconds of a clock on which the last load failed at 10.
    #[test]
    fn step_decisions() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        let failed =
            |count, until| Some(Failures { count, last: at(10), was_canceled: false, retry_at: at(until) });
        let canceled = |count, until| failed(count, until).map(|it| Failures { was_canceled: true, ..it });
        let long = Step::Load { timeout: 5 * SECOND };
        let short = Step::Load { timeout: 2 * SECOND };
        for (on_error, has_value, failures, arrived, now, expected) in [
            // No load has failed.
            (OnError::Fail, false, None, 9, 9, long),
            (OnError::Fail, true, None, 9, 9, long),
            (stale(true), false, None, 9, 9, long),
            (stale(true), true, None, 9, 9, short),
            // A stale value is served until the backoff ends.
            (stale(true), true, failed(1, 11), 9, 10, Step::ServeStale),
            (stale(true), true, failed(3, 14), 12, 13, Step::ServeStale),
            (stale(false), true, failed(3, 14), 12, 13, Step::ServeStale),
            (stale(true), true, failed(3, 14), 12, 14, short),
            (OnError::Fail, true, failed(3, 14), 12, 13, long),
            // Without a value, waiters share the failure.
            (OnError::Fail, false, failed(1, 10), 10, 10, Step::Fail),
            (OnError::Fail, true, failed(1, 10), 9, 10, Step::Fail),
            (stale(false), false, failed(1, 11), 9, 10, Step::Fail),
            (stale(true), false, failed(1, 11), 9, 10, Step::Fail),
            // Later callers load again, unless loads failed more than once in a row.
            (OnError::Fail, false, failed(5, 10), 11, 11, long),
            (stale(false), false, failed(5, 18), 11, 11, long),
            (stale(true), false, failed(1, 12), 11, 11, long),
            (stale(true), false, failed(2, 12), 11, 11, Step::Fail),
            (stale(true), false, failed(2, 12), 12, 12, long),
            // A waiter takes over a canceled load, unless it counts as a failure.
            (OnError::Fail, false, canceled(1, 10), 9, 10, long),
            (stale(false), false, canceled(1, 10), 9, 10, long),
            (stale(true), false, canceled(1, 11), 9, 10, Step::Fail),
        ] {
            assert_eq!(
                policy(on_error).step(has_value, failures, at(arrived), at(now)),
                expected,
                "{on_error:?}, has_value {has_value}, {failures:?}, arrived {arrived}, now {now}"
            );
        }
    }

    #[test]
    fn cooldown_grows_while_the_value_is_unchanged() {
        let seconds = |cooldown: Cooldown| [0, 1, 2, 3, 4, 5, u32::MAX].map(|n| cooldown.after(n).as_secs());
        let while_unchanged = Cooldown::WhileUnchanged(Backoff::new(SECOND, 5 * SECOND));
        assert_eq!(seconds(while_unchanged), [0, 0, 1, 2, 4, 5, 5]);
        assert_eq!(seconds(Cooldown::Fixed(SECOND)), [1; 7]);
    }
}
