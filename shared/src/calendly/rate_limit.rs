//! What is left of the calls that Calendly allows a PAT's user in a minute.
//!
//! Each answer says it, and however many environments call for that user, all of their calls are in it.
//!
//! <https://developer.calendly.com/api-docs/rate-limits>

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Calls are plenty while more than this part of them is left.
const PLENTY: f64 = 0.2;

/// What Calendly said last.
#[derive(Debug, Default)]
pub(crate) struct RateLimit(Mutex<Option<Said>>);

#[derive(Debug, Clone, Copy)]
struct Said {
    /// How many calls are left, of those of a minute: from 0 to 1.
    left: f64,
    /// When the minute ends.
    until: Instant,
}

impl RateLimit {
    /// Calendly said that so many calls of so many are left until the end of this time.
    pub(crate) fn learn(&self, remaining: u64, of: u64, time: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "these are hundreds")]
        let left = remaining as f64 / of.max(1) as f64;
        *self.said() = Some(Said { left, until: Instant::now() + time });
    }

    /// How short calls are, as far as is known: from 0, plenty, to 1, none left.
    pub(crate) fn shortage(&self) -> f64 {
        match *self.said() {
            Some(Said { left, until }) if Instant::now() < until => (1.0 - left / PLENTY).clamp(0.0, 1.0),
            _ => 0.0,
        }
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Option<Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn calls_are_short_when_few_are_left_and_until_the_minute_ends() {
        let limit = RateLimit::default();
        let percent = |limit: &RateLimit| (limit.shortage() * 100.0).round();
        assert_eq!(percent(&limit), 0.0);
        for (remaining, of, expected) in [
            (500, 500, 0.0),
            (100, 500, 0.0),
            (75, 500, 25.0),
            (25, 500, 75.0),
            (0, 500, 100.0),
            (5, 50, 50.0),
            (600, 500, 0.0),
            (0, 0, 100.0),
        ] {
            limit.learn(remaining, of, MINUTE);
            assert_eq!(percent(&limit), expected, "{remaining} of {of}");
        }
        advance(MINUTE).await;
        assert_eq!(percent(&limit), 0.0);
    }
}
