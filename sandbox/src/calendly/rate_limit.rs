//! How often a user may call (calendly-api, section 3).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::lock::lock;

const WINDOW: Duration = Duration::from_secs(60);

/// Counts the calls of each user in windows of a minute, over all of the user's PATs. A window is
/// assumed to begin with the first call after the last window.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: u32,
    windows: Mutex<HashMap<String, Window>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    used: u32,
}

/// What is left of a user's window.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    limit: u32,
    remaining: u32,
    /// Whole seconds, rounded up. That Reset is what is left of the window is assumed.
    reset_seconds: u64,
    /// Whether this call was one too many.
    pub(crate) exceeded: bool,
}

impl RateLimiter {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, windows: Mutex::default() }
    }

    /// Counts a call of a user.
    pub(crate) fn take(&self, user_id: &str, now: Instant) -> Allowance {
        let mut windows = lock(&self.windows);
        let window = windows.entry(user_id.to_owned()).or_insert(Window { began: now, used: 0 });
        if now.duration_since(window.began) >= WINDOW {
            *window = Window { began: now, used: 0 };
        }
        let exceeded = window.used >= self.limit;
        if !exceeded {
            window.used += 1;
        }
        let left = WINDOW.saturating_sub(now.duration_since(window.began));
        Allowance {
            limit: self.limit,
            remaining: self.limit - window.used,
            reset_seconds: left.as_millis().div_ceil(1000).try_into().unwrap_or(60),
            exceeded,
        }
    }

    /// What a caller who is nobody is told: an untouched window (assumed).
    pub(crate) fn untouched(&self) -> Allowance {
        Allowance {
            limit: self.limit,
            remaining: self.limit,
            reset_seconds: WINDOW.as_secs(),
            exceeded: false,
        }
    }
}

impl Allowance {
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
    fn a_window_runs_out_and_begins_anew() {
        let limiter = RateLimiter::new(2);
        let began = Instant::now();
        let after = |seconds| limiter.take("user", began + Duration::from_secs(seconds));
        assert_eq!(after(0).remaining, 1);
        assert!(!after(10).exceeded);
        let third = after(20);
        assert!(third.exceeded);
        assert_eq!((third.remaining, third.reset_seconds), (0, 40));
        assert!(!limiter.take("another", began).exceeded);
        assert!(!after(60).exceeded);
        assert_eq!(after(60).remaining, 0);
    }
}
