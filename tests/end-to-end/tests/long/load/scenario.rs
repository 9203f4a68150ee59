//! The requests and their correct answers.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use end_to_end::{AVAILABLE_TIMES, Binary, Setup, Table, World, midnight, utc};
use sandbox::{DEFAULT_PAT, Fault};

/// `AVAILABILITY_CACHE_SECONDS`.
pub(super) const CACHE_SECONDS: u64 = 15;

/// Calendly's rate limit per minute.
pub(super) const RATE_LIMIT: u32 = 500;

pub(super) const EVENT_TYPES: [&str; 3] = ["demo", "mentoring", "catch-up"];

pub(super) const RANGES: usize = 20;

/// Calendly's latency in runs with the cache, during which other requests need the same window. Without the cache, eight
/// environments would not keep up.
pub(super) const CALENDLY_MS: u64 = 30;

/// The interval at which bookings change.
const BOOKING_INTERVAL: TimeDelta = TimeDelta::seconds(4);

/// An answer must be correct at some time within this duration after its request.
pub(super) const MAX_LATENCY: TimeDelta = TimeDelta::milliseconds(500);

/// The rate and number of requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    count: usize,
    every: Duration,
}

/// The world of a run.
pub(super) struct LoadWorld {
    pub(super) world: Arc<World>,
    _table: Table,
}

/// A request and its time.
#[derive(Clone)]
pub(super) struct TestRequest {
    pub(super) after: Duration,
    pub(super) event_type: String,
    pub(super) start_time: String,
    pub(super) end_time: String,
    pub(super) truth: Arc<Truth>,
}

/// Computes Calendly's answers.
pub(super) struct Truth {
    world: Arc<World>,
    known: Mutex<Known>,
}

/// Starts by event type, range and period of bookings.
type Known = BTreeMap<(String, String, String, i64), Arc<Vec<DateTime<Utc>>>>;

impl Scenario {
    pub(super) fn new(seconds: f64, per_minute: f64) -> Self {
        let every = Duration::from_secs_f64(60.0 / per_minute);
        Self { count: (seconds / every.as_secs_f64()) as usize, every }
    }

    pub(super) async fn world(&self, is_cached: bool) -> LoadWorld {
        let table = Table::start().await;
        let mut setup = Setup::new(Binary::CheckAvailability).sandbox(|sandbox| {
            sandbox.rate_limit = RATE_LIMIT;
            sandbox.bookings_change = Some(BOOKING_INTERVAL);
        });
        if is_cached {
            setup = setup
                .with("AVAILABILITY_CACHE_SECONDS", &CACHE_SECONDS.to_string())
                .with("CACHE_TABLE", &table.name)
                .with("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint);
        }
        let world = setup.start().await;
        if is_cached {
            let slow = Fault::Delay { milliseconds: CALENDLY_MS };
            world.sandbox.fault(AVAILABLE_TIMES, u32::MAX, slow);
        }
        LoadWorld { world: Arc::new(world), _table: table }
    }

    /// Two ranges start now; the others have 1 to 14 days in the next six weeks.
    fn range(number: usize) -> (String, String) {
        let days = 1 + (number as i64 * 5) % 14;
        if number < 2 {
            return ("2020-01-01T00:00:00Z".to_owned(), utc(midnight(1) + TimeDelta::days(days)));
        }
        let start =
            midnight(1) + TimeDelta::days(number as i64 * 2) + TimeDelta::hours(7 * (number as i64 % 3));
        (utc(start), utc(start + TimeDelta::days(days)))
    }

    /// The number of cached windows: one per event type and week in which a range starts, and in the present week one
    /// more for ranges from now on.
    pub(super) fn windows(&self) -> usize {
        let now = Utc::now();
        let week = |text: String| {
            let start = DateTime::parse_from_rfc3339(&text).unwrap().to_utc();
            (start.max(now).timestamp().div_euclid(7 * 24 * 3600), start < now)
        };
        let weeks: HashSet<_> = (0..RANGES).map(|number| week(Self::range(number).0)).collect();
        weeks.len() * EVENT_TYPES.len()
    }

    /// The requests: evenly spaced, with pseudo-random ranges and event types.
    pub(super) fn requests(&self, world: &Arc<World>) -> Vec<TestRequest> {
        let uris = EVENT_TYPES.map(|slug| world.event_type_uri(slug));
        let truth = Arc::new(Truth { world: world.clone(), known: Mutex::default() });
        let mut drawn = 1_u64;
        let mut draw = |most: usize| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (drawn >> 33) as usize % most
        };
        (0..self.count)
            .map(|number| {
                let (start_time, end_time) = Self::range(draw(RANGES));
                TestRequest {
                    after: self.every * number as u32,
                    event_type: uris[draw(EVENT_TYPES.len())].clone(),
                    start_time,
                    end_time,
                    truth: truth.clone(),
                }
            })
            .collect()
    }
}

impl TestRequest {
    /// Whether Calendly would have answered with these starts at `as_of`.
    pub(super) fn is_correct(
        &self,
        starts: &[DateTime<Utc>],
        from: DateTime<Utc>,
        as_of: DateTime<Utc>,
    ) -> bool {
        let end = DateTime::parse_from_rfc3339(&self.end_time).unwrap().to_utc();
        let expected = |now| self.truth.starts(&self.event_type, (from, end), now);
        // A slot whose minimum notice ends at that moment may be missing.
        let near = |one: &[DateTime<Utc>], other: &[DateTime<Utc>]| {
            let first = one.first().max(other.first()).copied().unwrap_or_default();
            let later = |all: &[DateTime<Utc>]| all.iter().filter(|start| **start >= first).count();
            one == other || (one.len().abs_diff(other.len()) <= 1 && later(one) == later(other))
        };
        near(&expected(as_of), starts) || near(&expected(as_of + MAX_LATENCY), starts)
    }
}

impl Truth {
    fn starts(
        &self,
        event_type: &str,
        range: (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Arc<Vec<DateTime<Utc>>> {
        let period = now.timestamp_millis().div_euclid(BOOKING_INTERVAL.num_milliseconds());
        let key = (event_type.to_owned(), utc(range.0.trunc_subsecs(0)), utc(range.1), period);
        if let Some(known) = self.known.lock().unwrap().get(&key) {
            return known.clone();
        }
        let starts = Arc::new(self.world.sandbox.starts(DEFAULT_PAT, event_type, range, now));
        self.known.lock().unwrap().insert(key, starts.clone());
        starts
    }
}
