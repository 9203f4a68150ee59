//! State that the request handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::calendly::{Accounts, RateLimiter, Schedule};
use crate::identifier::uuid;
use crate::intercept::Interceptor;
use crate::issuer::{Issuer, KeyError};
use crate::{Clock, Config};

#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) accounts: Accounts,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) schedule: Schedule,
    pub(crate) issuer: Issuer,
    pub(crate) interceptor: Arc<Interceptor>,
    requests: AtomicU64,
}

impl AppState {
    pub(crate) fn new(config: &Config, base_url: &str) -> Result<Self, KeyError> {
        let accounts = Accounts::new(config.seed, config.clock.now());
        for account in &config.pats {
            accounts.add(account);
        }
        let public_url = config.public_url.as_deref().unwrap_or(base_url);
        Ok(Self {
            seed: config.seed,
            clock: config.clock,
            accounts,
            rate_limiter: RateLimiter::new(config.rate_limit),
            schedule: Schedule {
                seed: config.seed,
                minimum_notice: config.minimum_notice,
                booking_horizon: config.booking_horizon,
                bookings_change: config.bookings_change,
            },
            issuer: Issuer::new(public_url, &config.audience, &config.scope)?,
            interceptor: Arc::default(),
            requests: AtomicU64::new(0),
        })
    }

    /// Returns a new `x-request-id`.
    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        uuid(self.seed, &["request", &number.to_string()])
    }
}
