//! The remote cache as one request sees it, with one PAT.

use std::{future::Future, time::Duration};

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep, timeout};

use super::{
    ItemMac, ItemName, Table, TableTimeBudget,
    dynamodb::{CallError, Item, SeenLease},
    time_budget::SLOW_CALL,
};
use crate::{
    cache::{LeaseOutcome, RemoteEntry, RemoteTier, tiered::CLOCK_SKEW},
    telemetry::{self, RequestMetrics},
};

/// Lifetime of a lease. After it, another environment may take the lease over.
const LEASE_DURATION: Duration = Duration::from_secs(3);

/// Polling interval of waiters.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time-out of a call while waiting for a lease. Such calls do not count against the time budget.
const WAITING_CALL_TIMEOUT: Duration = Duration::from_millis(95);

/// The shared items of one PAT, within the time budget of one request.
#[derive(Debug, Clone, Copy)]
pub struct RemoteCache<'a> {
    table: &'a Table,
    mac: &'a ItemMac,
    budget: &'a TableTimeBudget,
    metrics: &'a RequestMetrics,
}

/// A lease that this environment holds.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// When it ends, in milliseconds since 1970.
    until: i64,
}

/// The table was not called, or the call failed.
struct RemoteCacheUnavailable;

/// What a call's time counts against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CallTime {
    /// The request's time budget.
    Budget,
    /// The time for which the request waits for another environment.
    Wait,
}

impl<'a> RemoteCache<'a> {
    pub(crate) fn new(
        table: &'a Table,
        mac: &'a ItemMac,
        budget: &'a TableTimeBudget,
        metrics: &'a RequestMetrics,
    ) -> Self {
        Self { table, mac, budget, metrics }
    }

    async fn get(&self, name: &ItemName, time: CallTime) -> Result<Item, RemoteCacheUnavailable> {
        self.call(self.table.get(name), time).await?.ok_or(RemoteCacheUnavailable)
    }

    /// The item's value, if it was written with this PAT for this name.
    fn verified(&self, name: &ItemName, item: &Item) -> Option<RemoteEntry> {
        let (as_of, text) = self.mac.decode(name, item.value.as_ref()?)?;
        Some(RemoteEntry { as_of, text })
    }

    /// Takes the lease; `None` if another environment was faster.
    async fn take_lease(
        &self,
        name: &ItemName,
        seen: Option<&SeenLease>,
    ) -> Result<Option<Lease>, RemoteCacheUnavailable> {
        let now = Utc::now();
        let until = (now + LEASE_DURATION).timestamp_millis();
        let update = self.table.lease(name, seen, until, expiry(now, LEASE_DURATION));
        let taken = self.call(update, CallTime::Budget).await?;
        Ok(taken.map(|()| Lease { until }))
    }

    /// Calls the table if the time budget and the circuit breaker allow it; `None` if an update's condition fails.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
        time: CallTime,
    ) -> Result<Option<T>, RemoteCacheUnavailable> {
        let budgeted = match time {
            CallTime::Budget => Some(self.budget.start_call().ok_or(RemoteCacheUnavailable)?),
            CallTime::Wait => None,
        };
        let limit = budgeted.as_ref().map_or(WAITING_CALL_TIMEOUT, |(_, left)| *left);
        if !self.table.circuit_breaker.try_acquire() {
            return Err(RemoteCacheUnavailable);
        }
        let started = Instant::now();
        let result = match timeout(limit, call).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(CallError::ConditionFailed)) => None,
            Ok(Err(CallError::Failed(reason))) => return Err(self.failed(&reason)),
            // The table may be fast: many calls have used up the budget.
            Err(_) if limit < SLOW_CALL && !self.budget.had_slow_call() => {
                return Err(RemoteCacheUnavailable);
            }
            Err(_) => return Err(self.failed("DynamoDB did not answer in time")),
        };
        self.table.circuit_breaker.succeeded(started.elapsed() >= SLOW_CALL);
        Ok(result)
    }

    fn failed(&self, reason: &str) -> RemoteCacheUnavailable {
        self.table.circuit_breaker.failed();
        self.metrics.add("SharedCacheFailures", "Count", 1.0);
        telemetry::warn("the call to the table of CACHE_TABLE failed", reason);
        RemoteCacheUnavailable
    }
}

impl RemoteTier for RemoteCache<'_> {
    type Name = ItemName;
    type Lease = Lease;

    fn name(&self, kind: &str, key: &str) -> ItemName {
        self.mac.name(kind, key)
    }

    async fn read(&self, name: &ItemName) -> Option<RemoteEntry> {
        let item = self.get(name, CallTime::Budget).await.ok()?;
        self.verified(name, &item)
    }

    async fn read_or_lease<T: Send>(
        &self,
        name: &ItemName,
        max_wait: Duration,
        mut accept: impl FnMut(RemoteEntry) -> Option<T> + Send,
    ) -> LeaseOutcome<T, Lease> {
        let started = Instant::now();
        let mut time = CallTime::Budget;
        let outcome = loop {
            let Ok(item) = self.get(name, time).await else { break LeaseOutcome::Bypass };
            if let Some(value) = self.verified(name, &item).and_then(&mut accept) {
                break LeaseOutcome::Filled(value);
            }
            if !is_held(item.lease.as_ref(), Utc::now()) {
                match self.take_lease(name, item.lease.as_ref()).await {
                    Ok(Some(lease)) => break LeaseOutcome::Acquired(lease),
                    Ok(None) => {}
                    Err(RemoteCacheUnavailable) => break LeaseOutcome::Bypass,
                }
            }
            // Allows one interval for the sleep and one for the read after it.
            if started.elapsed() + 2 * POLL_INTERVAL > max_wait {
                break LeaseOutcome::Bypass;
            }
            time = CallTime::Wait;
            sleep(POLL_INTERVAL).await;
        };
        if time == CallTime::Wait {
            self.metrics.add("SharedCacheWait", "Milliseconds", started.elapsed().as_secs_f64() * 1_000.0);
        }
        outcome
    }

    async fn write(&self, name: &ItemName, lease: Option<Lease>, value: &RemoteEntry, ttl: Duration) {
        match (self.mac.encode(name, value.as_of, &value.text), lease) {
            (Some(encoded), lease) => {
                let put = self.table.put(name, &encoded, expiry(value.as_of, ttl));
                // A failed write is not an error: other environments get a miss. They should not wait for it.
                let written = self.call(put, CallTime::Budget).await;
                if let (Err(RemoteCacheUnavailable), Some(lease)) = (written, lease) {
                    self.release(name, lease).await;
                }
            }
            // The value is too large for an item.
            (None, Some(lease)) => self.release(name, lease).await,
            (None, None) => {}
        }
    }

    async fn release(&self, name: &ItemName, lease: Lease) {
        // Even while the circuit breaker is open: it opened after the table had granted the lease.
        if let Some((_call, left)) = self.budget.start_call() {
            let _ = timeout(left, self.table.release(name, lease.until)).await;
        }
    }
}

/// Whether another environment holds the lease. A lease that ends later than the maximum duration allows is ignored.
pub(crate) fn is_held(lease: Option<&SeenLease>, now: DateTime<Utc>) -> bool {
    let left = lease.and_then(SeenLease::until).map(|until| until.saturating_sub(now.timestamp_millis()));
    let most = i64::try_from((LEASE_DURATION + CLOCK_SKEW).as_millis()).unwrap_or(i64::MAX);
    left.is_some_and(|left| left > 0 && left <= most)
}

/// When DynamoDB may delete an item, in seconds since 1970.
fn expiry(as_of: DateTime<Utc>, ttl: Duration) -> i64 {
    let ttl = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    as_of.timestamp().saturating_add(ttl).saturating_add(60)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lease_is_held_until_it_ends() {
        let now = DateTime::from_timestamp_millis(1_796_119_200_000).unwrap();
        let held = |lease: serde_json::Value| is_held(Some(&SeenLease::new(lease)), now);
        let until = |millis: i64| json!({"N": (1_796_119_200_000 + millis).to_string()});
        assert!(!is_held(None, now));
        for (lease, expected) in [
            (until(1), true),
            (until(3_500), true),
            (until(0), false),
            (until(-1), false),
            (until(3_501), false),
            (until(i64::MAX / 2), false),
            (json!({"N": "99999999999999999999"}), false),
            (json!({"N": "-9223372036854775808"}), false),
            (json!({"S": "1796119201000"}), false),
            (json!({"NULL": true}), false),
            (json!("1796119201000"), false),
        ] {
            assert_eq!(held(lease.clone()), expected, "{lease}");
        }
    }

    #[test]
    fn an_item_may_be_deleted_a_minute_after_it_expires() {
        let as_of = DateTime::from_timestamp_secs(1_796_119_200).unwrap();
        assert_eq!(expiry(as_of, Duration::from_secs(75)), 1_796_119_335);
        assert_eq!(expiry(as_of, Duration::MAX), i64::MAX);
    }
}
