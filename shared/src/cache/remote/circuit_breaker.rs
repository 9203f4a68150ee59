//! A circuit breaker: stops calls to the table while it fails.
//!
//! *Closed*, it admits every call. The first failure *opens* it: it rejects calls until the backoff ends. It is then
//! *half-open* and admits one probe per backoff period. A success closes it; another failure opens it for twice as long,
//! also after a slow success: the next call of a slow table often fails, since time runs out.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::cache::Backoff;

const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(32));

/// A circuit breaker, closed at first.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// Failures since the last fast success.
    failures: u32,
    /// When the next call is admitted; `None` while closed.
    probe_at: Option<Instant>,
}

impl CircuitBreaker {
    /// Whether a call is admitted. While half-open, admits one probe per backoff period, so that a canceled probe does
    /// not leave the breaker open permanently.
    pub(super) fn try_acquire(&self) -> bool {
        let mut state = self.state();
        match state.probe_at {
            None => true,
            Some(probe_at) if Instant::now() < probe_at => false,
            Some(_) => {
                state.probe_at = Some(Instant::now() + BACKOFF.delay(state.failures));
                true
            }
        }
    }

    /// Records a success, which closes the breaker. Unless it was slow, the backoff starts over.
    pub(super) fn succeeded(&self, was_slow: bool) {
        let mut state = self.state();
        state.probe_at = None;
        if !was_slow {
            state.failures = 0;
        }
    }

    /// Records a failure, which opens the breaker.
    pub(super) fn failed(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.probe_at = Some(Instant::now() + BACKOFF.delay(state.failures));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn opens_for_longer_after_each_failure_and_closes_after_a_success() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.try_acquire() && breaker.try_acquire());
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            breaker.failed();
            assert!(!breaker.try_acquire());
            advance(seconds * SECOND - TICK).await;
            assert!(!breaker.try_acquire(), "{seconds}");
            advance(TICK).await;
            assert!(breaker.try_acquire(), "{seconds}");
            assert!(!breaker.try_acquire(), "one probe per period");
        }
        breaker.succeeded(false);
        assert!(breaker.try_acquire() && breaker.try_acquire());
        breaker.failed();
        advance(SECOND).await;
        assert!(breaker.try_acquire(), "the backoff starts over");
        breaker.succeeded(true);
        assert!(breaker.try_acquire() && breaker.try_acquire());
        breaker.failed();
        advance(SECOND).await;
        assert!(!breaker.try_acquire(), "the backoff grows after a slow success");
    }

    #[tokio::test(start_paused = true)]
    async fn a_canceled_probe_is_followed_by_another() {
        let breaker = CircuitBreaker::default();
        breaker.failed();
        advance(SECOND).await;
        assert!(breaker.try_acquire());
        advance(SECOND).await;
        assert!(breaker.try_acquire());
    }
}
