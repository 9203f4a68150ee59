//! Rate limit per user: <https://developer.calendly.com/api-docs/overview/rate-limits>

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::lock;

const WINDOW: Duration = Duration::from_secs(60);

/// Counts each user's requests, over all of the user's PATs, in windows of one minute. Assumed: a window begins
/// with the first request after the previous window.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: u32,
    windows: Mutex<HashMap<String, Window>>,
}

#[derive(Debug)]
struct Window {
    started_at: Instant,
    used: u32,
}

/// A user's quota after a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    limit: u32,
    remaining: u32,
    /// Remaining seconds of the window (assumed), rounded up.
    reset_seconds: u64,
    pub(super) is_exceeded: bool,
}

impl RateLimiter {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, windows: Mutex::default() }
    }

    /// Counts a request.
    pub(crate) fn take(&self, user_id: &str, now: Instant) -> Quota {
        let mut windows = lock(&self.windows);
        let window = windows.entry(user_id.to_owned()).or_insert(Window { started_at: now, used: 0 });
        if now.duration_since(window.started_at) >= WINDOW {
            *window = Window { started_at: now, used: 0 };
        }
        let is_exceeded = window.used >= self.limit;
        if !is_exceeded {
            window.used += 1;
        }
        let left = WINDOW.saturating_sub(now.duration_since(window.started_at));
        Quota {
            limit: self.limit,
            remaining: self.limit - window.used,
            reset_seconds: left.as_millis().div_ceil(1000).try_into().unwrap_or(60),
            is_exceeded,
        }
    }

    /// Returns the quota of an unauthenticated caller: a full window (assumed).
    pub(crate) fn full_quota(&self) -> Quota {
        Quota {
            limit: self.limit,
            remaining: self.limit,
            reset_seconds: WINDOW.as_secs(),
            is_exceeded: false,
        }
    }
}

impl Quota {
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset_seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_runs_out_and_restarts() {
        let limiter = RateLimiter::new(2);
        let started_at = Instant::now();
        let after = |seconds| limiter.take("user", started_at + Duration::from_secs(seconds));
        assert_eq!(after(0).remaining, 1);
        assert!(!after(10).is_exceeded);
        let third = after(20);
        assert!(third.is_exceeded);
        assert_eq!((third.remaining, third.reset_seconds), (0, 40));
        assert!(!limiter.take("another", started_at).is_exceeded);
        assert!(!after(60).is_exceeded);
        assert_eq!(after(60).remaining, 0);
    }
}
