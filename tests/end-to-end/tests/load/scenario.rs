//! Who asks what, and what is right.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use end_to_end::{SecretsManager, Table, midnight, utc};
use sandbox::{Config, DEFAULT_PAT, Fault, Sandbox};

/// How long an answer may be served again.
pub(crate) const CACHE_SECONDS: u64 = 15;

/// What Calendly allows in a minute.
pub(crate) const RATE_LIMIT: u32 = 500;

pub(crate) const EVENT_TYPES: [&str; 3] = ["demo", "mentoring", "catch-up"];

pub(crate) const RANGES: usize = 20;

/// How long Calendly takes to answer with the cache, at least, so that others come meanwhile who need the same. Without
/// it nobody shares a call, and eight environments would not keep up.
pub(crate) const CALENDLY_MS: u64 = 30;

/// How often people book and cancel.
const BOOKINGS_CHANGE: TimeDelta = TimeDelta::seconds(4);

/// An answer was right at some moment of these after it was asked for.
pub(crate) const ON_THE_WAY: TimeDelta = TimeDelta::milliseconds(500);

/// How many requests come when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    count: usize,
    every: Duration,
}

/// Calendly, its issuer and AWS.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) secrets: SecretsManager,
    pub(crate) table: Table,
    pub(crate) token: String,
}

/// One request, and when it comes.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) after: Duration,
    pub(crate) event_type: String,
    pub(crate) start_time: String,
    pub(crate) end_time: String,
    pub(crate) truth: Arc<Truth>,
}

/// What Calendly would say.
#[derive(Debug)]
pub(crate) struct Truth {
    sandbox: Arc<Sandbox>,
    known: Mutex<Known>,
}

/// By what was asked and the moment.
type Known = BTreeMap<(String, String, String, i64), Arc<Vec<DateTime<Utc>>>>;

impl Scenario {
    pub(crate) fn start(seconds: f64, per_minute: f64) -> Self {
        let every = Duration::from_secs_f64(60.0 / per_minute);
        Self { count: (seconds / every.as_secs_f64()) as usize, every }
    }

    pub(crate) async fn world(&self, is_kept: bool) -> World {
        let config =
            Config { rate_limit: RATE_LIMIT, bookings_change: Some(BOOKINGS_CHANGE), ..Config::default() };
        let sandbox = Arc::new(Sandbox::start(config).await.unwrap());
        if is_kept {
            let slow = Fault::Delay { milliseconds: CALENDLY_MS };
            sandbox.fault("/event_type_available_times", u32::MAX, slow);
        }
        let secrets = SecretsManager::holding("pat", DEFAULT_PAT).await;
        let token = sandbox.token();
        World { sandbox, secrets, table: Table::start().await, token }
    }

    /// Two ranges from now on, and others over six weeks, of a day to a fortnight.
    fn range(number: usize) -> (String, String) {
        let days = 1 + (number as i64 * 5) % 14;
        if number < 2 {
            return ("2020-01-01T00:00:00Z".to_owned(), utc(midnight(1) + TimeDelta::days(days)));
        }
        let start =
            midnight(1) + TimeDelta::days(number as i64 * 2) + TimeDelta::hours(7 * (number as i64 % 3));
        (utc(start), utc(start + TimeDelta::days(days)))
    }

    /// How many windows all ranges and event types share: at most one a week in which a range starts. In the present week
    /// an answer for those who ask from later on serves nobody who asks from now on.
    pub(crate) fn windows(&self) -> usize {
        let now = Utc::now();
        let week = |text: String| {
            let start = DateTime::parse_from_rfc3339(&text).unwrap().to_utc();
            (start.max(now).timestamp().div_euclid(7 * 24 * 3600), start < now)
        };
        let weeks: HashSet<_> = (0..RANGES).map(|number| week(Self::range(number).0)).collect();
        weeks.len() * EVENT_TYPES.len()
    }

    /// In their order, evenly spread over time and in no order over what is asked.
    pub(crate) fn requests(&self, world: &World) -> Vec<Ask> {
        let uris = EVENT_TYPES
            .map(|slug| world.sandbox.event_type_uri(DEFAULT_PAT, slug).expect("it is the sandbox's"));
        let truth = Arc::new(Truth { sandbox: world.sandbox.clone(), known: Mutex::default() });
        let mut drawn = 1_u64;
        let mut draw = |most: usize| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (drawn >> 33) as usize % most
        };
        (0..self.count)
            .map(|number| {
                let (start_time, end_time) = Self::range(draw(RANGES));
                Ask {
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

impl Ask {
    /// Whether Calendly would have said so: these starts, in the range from then on, when it was asked.
    pub(crate) fn is_right(
        &self,
        starts: &[DateTime<Utc>],
        from: DateTime<Utc>,
        as_of: DateTime<Utc>,
    ) -> bool {
        let end = DateTime::parse_from_rfc3339(&self.end_time).unwrap().to_utc();
        let said = |now| self.truth.starts(&self.event_type, (from, end), now);
        // A slot whose notice runs out just then is there or not.
        let near = |one: &[DateTime<Utc>], other: &[DateTime<Utc>]| {
            let first = one.first().max(other.first()).copied().unwrap_or_default();
            let later = |all: &[DateTime<Utc>]| all.iter().filter(|start| **start >= first).count();
            one == other || (one.len().abs_diff(other.len()) <= 1 && later(one) == later(other))
        };
        near(&said(as_of), starts) || near(&said(as_of + ON_THE_WAY), starts)
    }
}

impl Truth {
    fn starts(
        &self,
        event_type: &str,
        range: (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Arc<Vec<DateTime<Utc>>> {
        let period = now.timestamp_millis().div_euclid(BOOKINGS_CHANGE.num_milliseconds());
        let key = (event_type.to_owned(), utc(range.0.trunc_subsecs(0)), utc(range.1), period);
        if let Some(known) = self.known.lock().unwrap().get(&key) {
            return known.clone();
        }
        let starts = Arc::new(self.sandbox.starts(DEFAULT_PAT, event_type, range, now));
        self.known.lock().unwrap().insert(key, starts.clone());
        starts
    }
}
