//! The cache of available times: its freshness policy, its items and its metrics.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    Error, Variables,
    cache::{
        Backoff, CachePolicy, CacheStatus, Freshness, LoadError, Lookup, OnError, RefreshPolicy,
        RemoteCacheable, Source, TieredCache,
    },
    calendly::{Availability, AvailableTimes, Calendly, EventTypeUri, PatId, TimeWindow, WindowRequest, utc},
};
use tokio::time::timeout;

/// How long a request waits for the call of another request, in this or another environment.
const MAX_COALESCE_WAIT: Duration = Duration::from_millis(1_500);

/// Time-out of a call while a stale response can be served instead.
const TIMEOUT_WITH_STALE: Duration = Duration::from_secs(2);

/// The maximum memory of all cached responses. A month of half-hourly slots takes 66 KB.
const MAX_BYTES: usize = 12 * 1024 * 1024;

/// `ttl` is zero because [`AvailabilityCache`] judges freshness by the wall clock, which environments share.
const POLICY: CachePolicy = CachePolicy {
    ttl: Duration::ZERO,
    load_timeout: Duration::MAX,
    on_error: OnError::ServeStale {
        backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(10)),
        load_timeout: TIMEOUT_WITH_STALE,
        backoff_without_value: false,
    },
    refresh: RefreshPolicy::UNLIMITED,
};

/// Caches Calendly's responses about aligned windows.
#[derive(Debug)]
pub(crate) struct AvailabilityCache {
    /// How long a response is fresh.
    fresh: Duration,
    /// How much longer it is served while Calendly fails or the quota is low.
    stale: Duration,
    cache: TieredCache<PatId, AvailabilityKey, Availability, Error>,
}

/// A cached window of an event type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct AvailabilityKey {
    pub(crate) event_type: EventTypeUri,
    pub(crate) start_time: DateTime<Utc>,
    pub(crate) end_time: DateTime<Utc>,
}

impl AvailabilityCache {
    /// Reads `AVAILABILITY_CACHE_SECONDS` and `AVAILABILITY_STALE_SECONDS`; `None` if the cache is off.
    pub(crate) fn from_variables(variables: &mut Variables) -> Option<Self> {
        let fresh = variables.seconds("AVAILABILITY_CACHE_SECONDS", 0, 300);
        let stale = variables.seconds("AVAILABILITY_STALE_SECONDS", 0, 3_600);
        (!fresh.is_zero()).then(|| Self::new(fresh, stale))
    }

    fn new(fresh: Duration, stale: Duration) -> Self {
        let size = |availability: &Availability| availability.times.size();
        let cache = TieredCache::new("available_times", POLICY)
            .with_remote_ttl(fresh + stale)
            .with_max_bytes(MAX_BYTES, size);
        Self { fresh, stale, cache }
    }

    /// Returns Calendly's response about a window, with all slots from `wanted_from` on. Sends `request` to Calendly if
    /// no cached response is usable.
    pub(crate) async fn get(
        &self,
        window: &AvailabilityKey,
        wanted_from: DateTime<Utc>,
        request: &impl WindowRequest,
        calendly: &Calendly<'_>,
    ) -> Result<Arc<Availability>, Error> {
        let (scope, metrics) = (calendly.cache_scope(), calendly.metrics());
        if calendly.bypasses_cache() {
            let availability = Arc::new(calendly.available_times(&window.event_type, request).await?);
            metrics.add("AvailabilityFromCalendly", "Count", 1.0);
            metrics.cache_hit("availability", false);
            self.cache.insert(&scope, window, availability.clone()).await;
            return Ok(availability);
        }
        let freshness = |availability: &Availability| {
            let covers = availability.window.start_time <= wanted_from;
            let age = (Utc::now() - availability.as_of).to_std().unwrap_or_default();
            self.freshness(age, calendly.quota_shortage()).filter(|_| covers)
        };
        let load = async |limit| {
            let call = calendly.available_times(&window.event_type, request);
            let timed_out = Error::CalendlyUnreachable {
                what: "it did not answer in time",
                path: "/event_type_available_times",
            };
            timeout(limit, call).await.unwrap_or(Err(timed_out)).map_err(|error| {
                if error.is_calendly_unavailable() {
                    LoadError::Unavailable(error)
                } else {
                    LoadError::Rejected(error)
                }
            })
        };
        // Reserves half of the remaining time for a call.
        let max_wait = MAX_COALESCE_WAIT.min(calendly.time_left() / 2);
        let lookup = self.cache.get_with_lease(&scope, window, freshness, max_wait, load).await;
        let is_hit = |lookup: &Lookup<_>| lookup.status != CacheStatus::Miss(Source::Origin);
        metrics.cache_hit("availability", lookup.as_ref().is_ok_and(is_hit));
        let Lookup { value, status } = lookup?;
        metrics.add(metric(status), "Count", 1.0);
        Ok(value)
    }

    /// The freshness of a response of this age. As the quota runs out (`quota_shortage` 1), older responses count as fresh.
    fn freshness(&self, age: Duration, quota_shortage: f64) -> Option<Freshness> {
        match age {
            age if age < self.fresh + self.stale.mul_f64(quota_shortage) => Some(Freshness::Fresh),
            age if age < self.fresh + self.stale => Some(Freshness::StaleIfError),
            _ => None,
        }
    }
}

/// The metric that counts windows with this status.
fn metric(status: CacheStatus) -> &'static str {
    match status {
        CacheStatus::Hit => "AvailabilityFromMemory",
        CacheStatus::Miss(Source::RemoteCache) => "AvailabilityFromTable",
        CacheStatus::Miss(Source::Origin) => "AvailabilityFromCalendly",
        CacheStatus::Coalesced => "AvailabilityFromOthers",
        CacheStatus::Revalidating | CacheStatus::Stale => "AvailabilityStale",
    }
}

/// The start of the requested window and, on the next line, Calendly's response.
impl RemoteCacheable<AvailabilityKey> for Availability {
    fn to_text(&self) -> Option<String> {
        Some(format!("{}\n{}", utc(self.window.start_time), self.times.json()))
    }

    fn from_text(text: &str, window: &AvailabilityKey, as_of: DateTime<Utc>) -> Option<Self> {
        let (start_time, json) = text.split_once('\n')?;
        let start_time = DateTime::parse_from_rfc3339(start_time).ok()?.to_utc();
        let times = AvailableTimes::parse(json.to_owned()).ok()?;
        Some(Self { times, window: TimeWindow { start_time, end_time: window.end_time }, as_of })
    }

    fn as_of(&self) -> Option<DateTime<Utc>> {
        Some(self.as_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_by_age_and_quota() {
        let cache = AvailabilityCache::new(Duration::from_secs(15), Duration::from_secs(60));
        for (age, quota_shortage, expected) in [
            (0, 0.0, Some(Freshness::Fresh)),
            (14_999, 0.0, Some(Freshness::Fresh)),
            (15_000, 0.0, Some(Freshness::StaleIfError)),
            (44_999, 0.5, Some(Freshness::Fresh)),
            (45_000, 0.5, Some(Freshness::StaleIfError)),
            (74_999, 1.0, Some(Freshness::Fresh)),
            (74_999, 0.0, Some(Freshness::StaleIfError)),
            (75_000, 0.0, None),
            (75_000, 1.0, None),
        ] {
            let found = cache.freshness(Duration::from_millis(age), quota_shortage);
            assert_eq!(found, expected, "{age} {quota_shortage}");
        }
    }
}
