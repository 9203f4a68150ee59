//! Everything that the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::calendly::accounts::Accounts;
use crate::calendly::rate_limit::RateLimiter;
use crate::calendly::schedule::Policy;
use crate::calls::CallLog;
use crate::fault::Faults;
use crate::issuer::{Issuer, KeyError};
use crate::{Clock, Config};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) accounts: Accounts,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) policy: Policy,
    pub(crate) issuer: Issuer,
    pub(crate) calls: Arc<CallLog>,
    pub(crate) faults: Faults,
    requests: AtomicU64,
}

impl World {
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
            policy: Policy {
                seed: config.seed,
                minimum_notice: config.minimum_notice,
                booking_horizon: config.booking_horizon,
                bookings_change: config.bookings_change,
            },
            issuer: Issuer::new(public_url, &config.audience, &config.scope)?,
            calls: Arc::new(CallLog::new()),
            faults: Faults::default(),
            requests: AtomicU64::new(0),
        })
    }

    /// Tells one request from the next.
    pub(crate) fn next_request(&self) -> String {
        self.requests.fetch_add(1, Ordering::Relaxed).to_string()
    }
}
