//! Calendly's rate limit: how many calls a PAT's user has left in the current minute.
//!
//! Calendly counts the calls of all environments and states the remainder in every response.
//!
//! <https://developer.calendly.com/api-docs/rate-limits>

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The quota is low while less than this fraction of it is left.
const LOW_QUOTA_RATIO: f64 = 0.2;

/// The quota as Calendly stated it last.
#[derive(Debug, Default)]
pub(crate) struct RateLimit(Mutex<Option<Quota>>);

#[derive(Debug, Clone, Copy)]
struct Quota {
    /// The fraction of the limit that is left, from 0 to 1.
    left: f64,
    /// When the minute ends.
    resets_at: Instant,
}

impl RateLimit {
    /// Records that `remaining` calls of `limit` are left until the quota resets.
    pub(crate) fn update(&self, remaining: u64, limit: u64, resets_in: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "limits are a few hundred calls")]
        let left = remaining as f64 / limit.max(1) as f64;
        *self.quota() = Some(Quota { left, resets_at: Instant::now() + resets_in });
    }

    /// How short the quota is, from 0 (more than [`LOW_QUOTA_RATIO`] is left, or nothing is known) to 1 (used up).
    pub(crate) fn shortage(&self) -> f64 {
        match *self.quota() {
            Some(Quota { left, resets_at }) if Instant::now() < resets_at => {
                (1.0 - left / LOW_QUOTA_RATIO).clamp(0.0, 1.0)
            }
            _ => 0.0,
        }
    }

    fn quota(&self) -> MutexGuard<'_, Option<Quota>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn quota_is_short_below_the_ratio_and_until_it_resets() {
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
            limit.update(remaining, of, MINUTE);
            assert_eq!(percent(&limit), expected, "{remaining} of {of}");
        }
        advance(MINUTE).await;
        assert_eq!(percent(&limit), 0.0);
    }
}
