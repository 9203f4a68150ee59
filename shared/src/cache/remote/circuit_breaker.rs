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
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// In a row.
    failures: u32,
    /// When it failed, before this nobody passes.
    not_before: Option<Instant>,
}

impl Breaker {
    /// Whether the table may be asked. Where it has failed, whoever may is the only one until that turns out well, or
    /// as long again has gone by.
    pub(super) fn lets_through(&self) -> bool {
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
        let breaker = Breaker::default();
        assert!(breaker.lets_through() && breaker.lets_through());
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            breaker.failed();
            assert!(!breaker.lets_through());
            advance(Duration::from_secs(seconds) - TICK).await;
            assert!(!breaker.lets_through(), "{seconds}");
            advance(TICK).await;
            assert!(breaker.lets_through(), "{seconds}");
            assert!(!breaker.lets_through(), "one is enough to find out");
        }
        breaker.succeeded();
        assert!(breaker.lets_through() && breaker.lets_through());
        breaker.failed();
        advance(FIRST).await;
        assert!(breaker.lets_through(), "it starts anew");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_passed_and_was_given_up_does_not_keep_it_open_for_good() {
        let breaker = Breaker::default();
        breaker.failed();
        advance(FIRST).await;
        assert!(breaker.lets_through());
        advance(FIRST).await;
        assert!(breaker.lets_through());
    }
}
