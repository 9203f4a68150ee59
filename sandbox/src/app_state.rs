//! State that the request handlers share.

use std::sync::Arc;

use crate::Config;
use crate::calendly::{Accounts, RateLimiter, Schedule};
use crate::intercept::Interceptor;
use crate::issuer::Issuer;

#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) accounts: Accounts,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) schedule: Schedule,
    pub(crate) issuer: Issuer,
    pub(crate) interceptor: Arc<Interceptor>,
}

impl AppState {
    pub(crate) fn new(config: &Config, base_url: &str) -> Self {
        let accounts = Accounts::default();
        for account in &config.pats {
            accounts.add(account);
        }
        let public_url = config.public_url.as_deref().unwrap_or(base_url);
        Self {
            accounts,
            rate_limiter: RateLimiter::new(config.rate_limit),
            schedule: Schedule { bookings_change: config.bookings_change },
            issuer: Issuer::new(public_url, &config.audience),
            interceptor: Arc::default(),
        }
    }
}
