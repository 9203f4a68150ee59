//! The deadline of an invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::Error;

/// The time limit of an invocation without a deadline, or with a past one, as local emulators send it.
const DEFAULT_LIMIT: Duration = Duration::from_secs(25);

/// The time between the answer and the moment at which Lambda ends the function: the documented 250 ms, and 50 ms to
/// serialize the answer and send it to the Runtime API.
const RESERVE: Duration = Duration::from_millis(250 + 50);

/// Reading the clock takes as long as parsing a small object.
const STEPS_PER_CHECK: usize = 16;

/// The instant by which an answer must be ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The deadline of the `Lambda-Runtime-Deadline-Ms` header, in milliseconds since the Unix epoch.
    pub(crate) fn from_epoch_millis(deadline_ms: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::within(time_budget(Duration::from_millis(deadline_ms), now))
    }

    /// A deadline `time` from now.
    pub(crate) fn within(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The time left; zero once the deadline has passed.
    pub(crate) fn time_left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// A check for each step of a loop that does not yield, which no time-out can interrupt: an error once the deadline
    /// has passed.
    pub(crate) fn checks(self, during: &'static str) -> impl FnMut() -> Result<(), Error> {
        let mut steps = 0_usize;
        move || {
            steps += 1;
            if steps.is_multiple_of(STEPS_PER_CHECK) && self.time_left().is_zero() {
                return Err(Error::DeadlineExceeded { during });
            }
            Ok(())
        }
    }

    /// The instant, for `tokio::time::timeout_at`.
    pub(crate) fn instant(self) -> Instant {
        self.0
    }
}

/// The time budget of an invocation that Lambda ends at `deadline`. Both arguments count from the Unix epoch.
fn time_budget(deadline: Duration, now: Duration) -> Duration {
    match deadline.checked_sub(now) {
        Some(left) if !left.is_zero() => left.saturating_sub(RESERVE),
        _ => DEFAULT_LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn loops_end_at_the_deadline() {
        let mut check = Deadline::within(Duration::from_secs(1)).checks("a test");
        let mut steps = |count: usize| (0..count).try_for_each(|_| check());
        assert!(steps(2 * STEPS_PER_CHECK).is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(steps(STEPS_PER_CHECK).unwrap_err().code(), "deadline_exceeded");
    }

    #[test]
    fn time_budgets() {
        let now = Duration::from_secs(1_800_000_000);
        for (deadline, expected) in [
            (now + Duration::from_secs(10), Duration::from_millis(9_700)),
            (now + Duration::from_millis(100), Duration::ZERO),
            (now, DEFAULT_LIMIT),
            (now - Duration::from_secs(1), DEFAULT_LIMIT),
            (Duration::ZERO, DEFAULT_LIMIT),
        ] {
            assert_eq!(time_budget(deadline, now), expected, "deadline {deadline:?}");
        }
    }
}
