//! Calendly's answers about windows, kept for a while: here and, where environments share what they learn, there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::{Instant, timeout};

use super::uri::EventTypeUri;
use super::{
    available_times::{Answered, AvailableTimes, TimeWindow},
    session::Calendly,
    time::utc,
};
use crate::{
    Error,
    cache::{
        CacheError, CachePolicy, CacheStatus, CachedValue, Cooldown, Freshness, LoadError, Loaded, LruMap,
        OnError, RefreshPolicy,
        remote::{LeaseOutcome, Value},
    },
    pat::PatId,
};

/// How long one waits for another who asks the same.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How long Calendly may take where there is something to answer without it.
const HURRY: Duration = Duration::from_secs(2);

/// How much is kept in memory. A month of slots every half an hour has 66 KB.
const MOST_KEPT: usize = 12 * 1024 * 1024;

/// What differs from other cells' rules is that age is judged by the clock on the wall, which environments share.
const POLICY: CachePolicy = CachePolicy {
    ttl: Duration::ZERO,
    timeout: Duration::MAX,
    on_error: OnError::ServeStale {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(10),
        timeout: HURRY,
        also_without_value: false,
    },
    refresh: RefreshPolicy { timeout: Duration::MAX, cooldown: Cooldown::Fixed(Duration::ZERO) },
};

/// What Calendly answered about windows of event types, kept by PAT.
#[derive(Debug)]
pub struct AvailabilityCache {
    /// How long an answer may be served again.
    fresh: Duration,
    /// How much longer while Calendly refuses or fails, or is about to.
    stale: Duration,
    kept: LruMap<(PatId, Span), Answered, Error>,
}

/// A window that many ranges share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Span {
    /// Of which event type.
    pub event_type: EventTypeUri,
    /// Where it starts.
    pub start_time: DateTime<Utc>,
    /// Where it ends.
    pub end_time: DateTime<Utc>,
}

/// For whom an answer is: which of them will do, and how it is asked for.
struct Wanted<'a> {
    calendly: &'a Calendly<'a>,
    span: &'a Span,
    /// From when on slots are wanted.
    from: DateTime<Utc>,
    window: &'a (dyn Fn() -> Result<TimeWindow, Error> + Sync),
    began: Instant,
    /// Whether somebody else's came from the table, and whether Calendly was asked.
    was_shared: AtomicBool,
    was_asked: AtomicBool,
}

impl AvailabilityCache {
    /// Keeps answers so long; zero is for who does not need this.
    #[must_use]
    pub fn new(fresh: Duration, stale: Duration) -> Self {
        Self { fresh, stale, kept: LruMap::bounded(POLICY, MOST_KEPT, Answered::size) }
    }

    /// Calendly's answer about a span, `from` a moment in it on. `window` says what to ask Calendly for now: to the end
    /// of the span, from that moment or earlier.
    ///
    /// # Errors
    ///
    /// As [`Calendly::available_times`], unless an older answer may be served instead.
    pub async fn get(
        &self,
        calendly: &Calendly<'_>,
        span: &Span,
        from: DateTime<Utc>,
        window: &(dyn Fn() -> Result<TimeWindow, Error> + Sync),
    ) -> Result<Arc<Answered>, Error> {
        let cache_scope = calendly.cache_scope();
        let cell = self.kept.cell(&(cache_scope.pat, span.clone()));
        let (was_shared, was_asked) = (AtomicBool::new(false), AtomicBool::new(false));
        let wanted = Wanted { calendly, span, from, window, began: Instant::now(), was_shared, was_asked };
        if calendly.wants_fresh() {
            let answered = wanted.ask().await?;
            self.keep(&cell, &wanted, &answered).await;
            return Ok(answered);
        }
        let judge = |answered: &Answered, _| self.judge(answered, &wanted);
        let fetch = |limit| self.fetch(&cell, &wanted, limit);
        let served =
            cell.get_with_policy(judge, wanted.patience(), fetch).await.map_err(|error| match error {
                CacheError::LoadFailed(error) => error,
                CacheError::Canceled => {
                    Error::DeadlineExceeded { during: "Calendly was called for another request" }
                }
            })?;
        let kind = match served.status {
            CacheStatus::Hit => "AvailabilityFromMemory",
            CacheStatus::Stale | CacheStatus::Revalidating => "AvailabilityStale",
            CacheStatus::Miss if wanted.was_asked.load(Relaxed) => "AvailabilityFromCalendly",
            CacheStatus::Miss if wanted.was_shared.load(Relaxed) => "AvailabilityFromTable",
            CacheStatus::Miss => "AvailabilityFromOthers",
        };
        cache_scope.metrics.add(kind, "Count", 1.0);
        cache_scope
            .metrics
            .cache_hit("availability", served.status != CacheStatus::Miss || !wanted.was_asked.load(Relaxed));
        Ok(served.value)
    }

    /// What comes of a flight over all environments.
    async fn fetch(
        &self,
        cell: &CachedValue<Answered, Error>,
        wanted: &Wanted<'_>,
        limit: Duration,
    ) -> Result<Loaded<Answered>, LoadError<Error>> {
        let Some((shared, name)) = wanted.shared() else {
            return wanted.ask_within(limit).await.map(Loaded::from);
        };
        let mut limit = limit;
        let flight = shared.flight(&name, wanted.patience(), |value| {
            let age = value.age(Utc::now())?;
            let answered = Arc::new(Answered::of_text(&value, wanted.span)?);
            match self.judge(&answered, wanted) {
                Some(Freshness::Fresh) => Some(Loaded { value: answered, age }),
                Some(_) => {
                    // It may serve if Calendly fails.
                    cell.offer(answered, age);
                    limit = limit.min(HURRY);
                    None
                }
                None => None,
            }
        });
        let lease = match flight.await {
            LeaseOutcome::Filled(fetched) => {
                wanted.was_shared.store(true, Relaxed);
                return Ok(fetched);
            }
            LeaseOutcome::Acquired(lease) => Some(lease),
            LeaseOutcome::Bypass => None,
        };
        let asked = wanted.ask_within(limit).await;
        match (&asked, lease) {
            (Ok(answered), lease) => shared.land(&name, lease, &answered.to_value(), self.lives()).await,
            (Err(_), Some(lease)) => shared.give_up(&name, lease).await,
            (Err(_), None) => {}
        }
        asked.map(Loaded::from)
    }

    /// Keeps an answer that was asked for beside all flights.
    async fn keep(&self, cell: &CachedValue<Answered, Error>, wanted: &Wanted<'_>, answered: &Arc<Answered>) {
        cell.offer(answered.clone(), Duration::ZERO);
        let metrics = wanted.calendly.cache_scope().metrics;
        metrics.add("AvailabilityFromCalendly", "Count", 1.0);
        metrics.cache_hit("availability", false);
        if let Some((shared, name)) = wanted.shared() {
            shared.land(&name, None, &answered.to_value(), self.lives()).await;
        }
    }

    fn judge(&self, answered: &Answered, wanted: &Wanted<'_>) -> Option<Freshness> {
        if answered.asked.start_time > wanted.from {
            return None;
        }
        let age = (Utc::now() - answered.as_of).to_std().unwrap_or_default();
        self.use_at(age, wanted.calendly.shortage())
    }

    /// What an answer of this age is good for. When few calls are left (1 is none), better an older answer now than none
    /// soon.
    fn use_at(&self, age: Duration, shortage: f64) -> Option<Freshness> {
        match age {
            age if age < self.fresh + self.stale.mul_f64(shortage) => Some(Freshness::Fresh),
            age if age < self.lives() => Some(Freshness::StaleIfError),
            _ => None,
        }
    }

    fn lives(&self) -> Duration {
        self.fresh + self.stale
    }
}

impl Wanted<'_> {
    fn shared(&self) -> Option<(crate::cache::remote::RemoteCache<'_>, crate::cache::remote::Name)> {
        let shared = self.calendly.cache_scope().shared?;
        let key = serde_json::to_string(self.span).ok()?;
        Some((shared, shared.name("available_times", &key)))
    }

    /// How long others may still be waited for: half of the time that is left is for asking.
    fn patience(&self) -> Duration {
        PATIENCE.saturating_sub(self.began.elapsed()).min(self.calendly.time_left() / 2)
    }

    async fn ask(&self) -> Result<Arc<Answered>, Error> {
        self.was_asked.store(true, Relaxed);
        self.calendly.available_times(&self.span.event_type, self.window).await.map(Arc::new)
    }

    async fn ask_within(&self, limit: Duration) -> Result<Arc<Answered>, LoadError<Error>> {
        let late = Error::CalendlyUnreachable {
            what: "it did not answer in time",
            path: "/event_type_available_times",
        };
        match timeout(limit, self.ask()).await.unwrap_or(Err(late)) {
            Ok(answered) => Ok(answered),
            Err(error) if error.is_calendly_down() => Err(LoadError::Unavailable(error)),
            Err(error) => Err(LoadError::Rejected(error)),
        }
    }
}

impl Answered {
    /// About how much memory it takes.
    fn size(&self) -> usize {
        self.times.size()
    }

    pub(crate) fn to_value(&self) -> Value {
        let Self { times, asked, as_of } = self;
        Value { as_of: *as_of, text: format!("{}\n{}", utc(asked.start_time), times.json()) }
    }

    /// From what [`Self::to_value`] wrote about this span.
    pub(crate) fn of_text(Value { as_of, text }: &Value, span: &Span) -> Option<Self> {
        let (start_time, json) = text.split_once('\n')?;
        let start_time = DateTime::parse_from_rfc3339(start_time).ok()?.to_utc();
        let asked = TimeWindow { start_time, end_time: span.end_time };
        Some(Self { times: AvailableTimes::parse(json.to_owned()).ok()?, asked, as_of: *as_of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pat::next_id;

    #[tokio::test(start_paused = true)]
    async fn twelve_mebibytes_are_kept() {
        let kept = AvailabilityCache::new(Duration::ZERO, Duration::ZERO);
        let pat = next_id();
        let as_of = DateTime::UNIX_EPOCH;
        let cell = |id: usize| {
            let event_type = EventTypeUri::from_id(&id.to_string()).unwrap();
            kept.kept.cell(&(pat, Span { event_type, start_time: as_of, end_time: as_of }))
        };
        let keep = async |id: usize, length: usize| {
            let padding = "x".repeat(length);
            let json = [r#"{"collection":[],"padding":""#, &*padding, r#""}"#].concat();
            let times = AvailableTimes::parse(json).unwrap();
            let asked = TimeWindow { start_time: as_of, end_time: as_of };
            cell(id).offer(Arc::new(Answered { times, asked, as_of }), Duration::ZERO);
            tokio::time::advance(Duration::from_millis(1)).await;
        };
        let is_kept = |id: usize| cell(id).peek().is_some();
        for id in 0..3 {
            keep(id, 4 * 1024 * 1024 - 1_000).await;
        }
        assert_eq!([0, 1, 2].map(is_kept), [true; 3]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!([1, 2].map(is_kept), [true; 2]);
        keep(3, 3_000).await;
        assert_eq!([3, 2, 1, 0].map(is_kept), [true, true, true, false]);
    }

    #[test]
    fn an_answer_is_young_for_longer_when_few_calls_are_left() {
        let kept = AvailabilityCache::new(Duration::from_secs(15), Duration::from_secs(60));
        for (age, shortage, expected) in [
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
            assert_eq!(kept.use_at(Duration::from_millis(age), shortage), expected, "{age} {shortage}");
        }
    }
}
