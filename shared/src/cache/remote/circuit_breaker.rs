//! Whether the table is asked: not while it fails.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// After the first failure it is not asked for so long, then for twice as long, and so on.
const FIRST: Duration = Duration::from_secs(1);

/// And no longer than this.
const LONGEST: Duration = Duration::from_secs(32);

/// Opens when a call fails, and then lets one through now and then.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// In a row.
    failures: u32,
    /// When it failed, before this nobody passes.
    not_before: Option<Instant>,
}

impl CircuitBreaker {
    /// Whether the table may be asked. Where it has failed, whoever may is the only one until that turns out well, or
    /// as long again has gone by.
    pub(super) fn try_acquire(&self) -> bool {
        let mut state = self.state();
        match state.not_before {
            None => true,
            Some(not_before) if Instant::now() < not_before => false,
            Some(_) => {
                state.not_before = Some(Instant::now() + state.wait());
                true
            }
        }
    }

    /// It answered as it should.
    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    /// It did not.
    pub(super) fn failed(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.not_before = Some(Instant::now() + state.wait());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&self) -> Duration {
        FIRST.saturating_mul(2u32.saturating_pow(self.failures.saturating_sub(1))).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TICK: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn after_each_failure_it_stays_open_for_longer() {
        let circuit_breaker = CircuitBreaker::default();
        assert!(circuit_breaker.try_acquire() && circuit_breaker.try_acquire());
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            circuit_breaker.failed();
            assert!(!circuit_breaker.try_acquire());
            advance(Duration::from_secs(seconds) - TICK).await;
            assert!(!circuit_breaker.try_acquire(), "{seconds}");
            advance(TICK).await;
            assert!(circuit_breaker.try_acquire(), "{seconds}");
            assert!(!circuit_breaker.try_acquire(), "one is enough to find out");
        }
        circuit_breaker.succeeded();
        assert!(circuit_breaker.try_acquire() && circuit_breaker.try_acquire());
        circuit_breaker.failed();
        advance(FIRST).await;
        assert!(circuit_breaker.try_acquire(), "it starts anew");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_passed_and_was_given_up_does_not_keep_it_open_for_good() {
        let circuit_breaker = CircuitBreaker::default();
        circuit_breaker.failed();
        advance(FIRST).await;
        assert!(circuit_breaker.try_acquire());
        advance(FIRST).await;
        assert!(circuit_breaker.try_acquire());
    }
}
