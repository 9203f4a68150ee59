//! The table as one request sees it, with one PAT.

use std::{future::Future, time::Duration};

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep, timeout};

use super::{
    ItemMac, Name, Table, TableTimeBudget,
    dynamodb::{CallError, Item, SeenLease},
};
use crate::telemetry::{self, RequestMetrics};

/// How long one environment may keep the others waiting for what it asks Calendly.
const LEASE: Duration = Duration::from_secs(3);

/// Clocks of environments differ by less.
const CLOCK_SKEW: Duration = Duration::from_millis(500);

/// How often who waits looks whether it has come.
const POLL: Duration = Duration::from_millis(50);

/// How long a call may take that is a part of a wait.
const UNHURRIED: Duration = Duration::from_millis(95);

/// A call that had so much time and did not end has failed; one that had less came too late.
const ENOUGH: Duration = Duration::from_millis(30);

/// What environments share, as far as it was learnt with one PAT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RemoteCache<'a> {
    table: &'a Table,
    seal: &'a ItemMac,
    patience: &'a TableTimeBudget,
    metrics: &'a RequestMetrics,
}

/// What was found, and when it was true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) text: String,
}

impl Value {
    /// How long ago it was true; `None` if that is yet to come by more than clocks differ.
    pub(crate) fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        match (now - self.as_of).to_std() {
            Ok(age) => Some(age),
            Err(_) => {
                (self.as_of - now).to_std().is_ok_and(|ahead| ahead <= CLOCK_SKEW).then_some(Duration::ZERO)
            }
        }
    }
}

/// The right to be the one who asks Calendly, for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    until: i64,
}

/// How a value is come by that many may need at once.
#[derive(Debug)]
pub(crate) enum LeaseOutcome<T> {
    /// Somebody else brought it.
    Filled(T),
    /// It is to be asked for here, and [landed](RemoteCache::land) or [given up](RemoteCache::give_up).
    Acquired(Lease),
    /// It is to be asked for here: the table is of no help, or others take too long.
    Bypass,
}

/// The table was not asked, or failed.
struct RemoteCacheUnavailable;

impl<'a> RemoteCache<'a> {
    pub(crate) fn new(
        table: &'a Table,
        seal: &'a ItemMac,
        patience: &'a TableTimeBudget,
        metrics: &'a RequestMetrics,
    ) -> Self {
        Self { table, seal, patience, metrics }
    }

    /// The name of what is of this `kind` and about this `key`.
    pub(crate) fn name(&self, kind: &str, key: &str) -> Name {
        self.seal.name(kind, key)
    }

    /// What is kept under this name, if it was written with this PAT.
    pub(crate) async fn read(&self, name: &Name) -> Option<Value> {
        let item = self.get(name, true).await.ok()?;
        self.opened(name, &item)
    }

    /// Keeps a value that was true then, for so long.
    pub(crate) async fn write(&self, name: &Name, value: &Value, lives: Duration) {
        if let Some(sealed) = self.seal.seal(name, value.as_of, &value.text) {
            let put = self.table.dynamodb.put(name, &sealed, expiry(value.as_of, lives));
            // It is as if there were no table.
            let _ = self.call(put, true).await;
        }
    }

    /// A value that `accept` takes. If there is none, the one who is to ask for it is whoever takes the lease; the
    /// others wait for it, no longer than `most`.
    pub(crate) async fn flight<T>(
        &self,
        name: &Name,
        most: Duration,
        mut accept: impl FnMut(Value) -> Option<T>,
    ) -> LeaseOutcome<T> {
        let began = Instant::now();
        let mut has_waited = false;
        let flight = loop {
            // What is read while others are waited for is a part of the wait.
            let Ok(item) = self.get(name, !has_waited).await else { break LeaseOutcome::Bypass };
            if let Some(value) = self.opened(name, &item).and_then(&mut accept) {
                break LeaseOutcome::Filled(value);
            }
            if !is_held(item.lease.as_ref(), Utc::now()) {
                match self.take_lease(name, item.lease.as_ref()).await {
                    Ok(Some(lease)) => break LeaseOutcome::Acquired(lease),
                    Ok(None) => {}
                    Err(RemoteCacheUnavailable) => break LeaseOutcome::Bypass,
                }
            }
            // The read after it takes its time too.
            if began.elapsed() + 2 * POLL > most {
                break LeaseOutcome::Bypass;
            }
            has_waited = true;
            sleep(POLL).await;
        };
        if has_waited {
            self.metrics.add("SharedCacheWait", "Milliseconds", began.elapsed().as_secs_f64() * 1_000.0);
        }
        flight
    }

    /// Keeps what came of a flight, for so long, and ends the wait for it.
    pub(crate) async fn land(&self, name: &Name, lease: Option<Lease>, value: &Value, lives: Duration) {
        match (self.seal.seal(name, value.as_of, &value.text), lease) {
            (Some(sealed), _) => {
                let put = self.table.dynamodb.put(name, &sealed, expiry(value.as_of, lives));
                let _ = self.call(put, true).await;
            }
            (None, Some(lease)) => self.give_up(name, lease).await,
            (None, None) => {}
        }
    }

    /// Lets somebody else ask.
    pub(crate) async fn give_up(&self, name: &Name, lease: Lease) {
        let _ = self.call(self.table.dynamodb.release(name, lease.until), true).await;
    }

    async fn get(&self, name: &Name, is_hurried: bool) -> Result<Item, RemoteCacheUnavailable> {
        self.call(self.table.dynamodb.get(name), is_hurried).await?.ok_or(RemoteCacheUnavailable)
    }

    fn opened(&self, name: &Name, item: &Item) -> Option<Value> {
        let (as_of, text) = self.seal.open(name, item.value.as_ref()?)?;
        Some(Value { as_of, text })
    }

    /// The lease, unless somebody else was faster.
    async fn take_lease(
        &self,
        name: &Name,
        seen: Option<&SeenLease>,
    ) -> Result<Option<Lease>, RemoteCacheUnavailable> {
        let now = Utc::now();
        let until = (now + LEASE).timestamp_millis();
        let taken = self.call(self.table.dynamodb.lease(name, seen, until, expiry(now, LEASE)), true).await?;
        Ok(taken.map(|()| Lease { until }))
    }

    /// Calls the table, if it is worth the while; `None` if an item is not as it was to be.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
        is_hurried: bool,
    ) -> Result<Option<T>, RemoteCacheUnavailable> {
        let counted =
            if is_hurried { Some(self.patience.begin().ok_or(RemoteCacheUnavailable)?) } else { None };
        let limit = counted.as_ref().map_or(UNHURRIED, |(_, left)| *left);
        if !self.table.circuit_breaker.try_acquire() {
            return Err(RemoteCacheUnavailable);
        }
        let answer = match timeout(limit, call).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(CallError::Condition)) => None,
            Ok(Err(CallError::Failed(reason))) => return Err(self.failed(&reason)),
            Err(_) if limit < ENOUGH => return Err(RemoteCacheUnavailable),
            Err(_) => return Err(self.failed("DynamoDB did not answer in time")),
        };
        self.table.circuit_breaker.succeeded();
        Ok(answer)
    }

    fn failed(&self, reason: &str) -> RemoteCacheUnavailable {
        self.table.circuit_breaker.failed();
        self.metrics.add("SharedCacheFailures", "Count", 1.0);
        telemetry::warn("the table of CACHE_TABLE was of no help", reason);
        RemoteCacheUnavailable
    }
}

/// Whether somebody has the lease. One that would last for longer than any does was not taken by us.
pub(crate) fn is_held(lease: Option<&SeenLease>, now: DateTime<Utc>) -> bool {
    let left = lease.and_then(SeenLease::until).map(|until| until.saturating_sub(now.timestamp_millis()));
    let most = i64::try_from((LEASE + CLOCK_SKEW).as_millis()).unwrap_or(i64::MAX);
    left.is_some_and(|left| left > 0 && left <= most)
}

/// When an item may be cleaned up, in seconds since 1970.
fn expiry(as_of: DateTime<Utc>, lives: Duration) -> i64 {
    let lives = i64::try_from(lives.as_secs()).unwrap_or(i64::MAX);
    as_of.timestamp().saturating_add(lives).saturating_add(60)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lease_is_held_until_its_time_and_never_for_long() {
        let now = DateTime::from_timestamp_millis(1_796_119_200_000).unwrap();
        let held = |lease: serde_json::Value| is_held(Some(&SeenLease::of(lease)), now);
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
    fn an_age_allows_for_clocks_that_differ() {
        let now = DateTime::from_timestamp_millis(1_796_119_200_000).unwrap();
        let age = |ago: i64| {
            let as_of = DateTime::from_timestamp_millis(1_796_119_200_000 - ago).unwrap();
            Value { as_of, text: String::new() }.age(now).map(|age| age.as_millis())
        };
        for (ago, expected) in
            [(7, Some(7)), (0, Some(0)), (-1, Some(0)), (-500, Some(0)), (-501, None), (-60_000, None)]
        {
            assert_eq!(age(ago), expected, "{ago}");
        }
    }

    #[test]
    fn an_item_is_cleaned_up_a_minute_after_its_life() {
        let as_of = DateTime::from_timestamp_secs(1_796_119_200).unwrap();
        assert_eq!(expiry(as_of, Duration::from_secs(75)), 1_796_119_335);
        assert_eq!(expiry(as_of, Duration::MAX), i64::MAX);
    }
}
