//! Exponential backoff: how long to wait after consecutive failures.

use std::time::Duration;

/// A delay that doubles with every consecutive failure, up to a maximum.
///
/// ```text
/// Backoff::new(1 s, 10 s):  1 s, 2 s, 4 s, 8 s, 10 s, 10 s, …
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
}

impl Backoff {
    /// A backoff that starts with `initial`.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The delay after `failures` consecutive failures.
    #[must_use]
    pub fn delay(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1);
        self.initial.saturating_mul(2_u32.saturating_pow(doublings)).min(self.max)
    }

    /// A random part of [`Self::delay`] (full jitter), so that clients that failed together do not retry together.
    /// `random` is drawn from `0.0..1.0`.
    ///
    /// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
    #[must_use]
    pub fn delay_with_jitter(self, failures: u32, random: f64) -> Duration {
        self.delay(failures).mul_f64(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_up_to_the_maximum() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (u32::MAX, 10)] {
            assert_eq!(backoff.delay(failures), Duration::from_secs(seconds), "{failures} failures");
        }
        assert_eq!(backoff.delay_with_jitter(3, 0.25), Duration::from_secs(1));
    }
}
