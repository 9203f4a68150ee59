//! How long an invocation may take.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The limit for an event that brings no deadline, or one that is already past, as local emulators
/// send it.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(25);

/// The answer must have left this long before Lambda ends the function: the 250 ms that are promised,
/// and 50 ms to serialize the answer and hand it to the Runtime API.
const RESERVE: Duration = Duration::from_millis(250 + 50);

/// The moment by which an answer must be ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// From the `Lambda-Runtime-Deadline-Ms` header: milliseconds since the Unix epoch.
    pub(crate) fn of_invocation(deadline_ms: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::within(budget(Duration::from_millis(deadline_ms), now))
    }

    /// This long from now.
    pub(crate) fn within(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left; zero when it has passed.
    pub(crate) fn time_left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The moment itself, for `tokio::time::timeout_at`.
    pub(crate) fn instant(self) -> Instant {
        self.0
    }
}

/// How long the work may take when Lambda ends the function at `deadline`; both since the Unix epoch.
fn budget(deadline: Duration, now: Duration) -> Duration {
    match deadline.checked_sub(now) {
        Some(left) if !left.is_zero() => left.saturating_sub(RESERVE),
        _ => WITHOUT_DEADLINE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_leaves_time_for_the_answer() {
        let now = Duration::from_secs(1_800_000_000);
        for (deadline, expected) in [
            (now + Duration::from_secs(10), Duration::from_millis(9_700)),
            (now + Duration::from_millis(100), Duration::ZERO),
            (now, WITHOUT_DEADLINE),
            (now - Duration::from_secs(1), WITHOUT_DEADLINE),
            (Duration::ZERO, WITHOUT_DEADLINE),
        ] {
            assert_eq!(budget(deadline, now), expected, "deadline {deadline:?}");
        }
    }
}
