//! Available start times of an event type.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};

use super::event_type::EventType;
use super::user::User;
use crate::identifier::number;

/// Working hours in the user's time zone, in minutes since midnight.
const WORKDAY_START: u32 = 9 * 60;
const WORKDAY_END: u32 = 17 * 60;
/// Increment of an event type without `start_time_increment` (assumed): the default for new event types.
const DEFAULT_INCREMENT: u32 = 30;
/// Length of a block in which a user is free or busy, in seconds.
const BLOCK: i64 = 30 * 60;
/// Average number of busy blocks per 256 blocks.
const BUSY_OF_256: u8 = 40;

/// Rules for all event types.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) minimum_notice: TimeDelta,
    pub(crate) booking_horizon: TimeDelta,
    pub(crate) bookings_change: Option<TimeDelta>,
}

impl Schedule {
    /// Returns the available start times from `start` to `end`, ascending. Assumed: both ends are inclusive, and
    /// inactive, deleted and poll event types have no available times.
    pub(crate) fn starts(
        &self,
        user: &User,
        event_type: &EventType,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        if !event_type.is_bookable() {
            return Vec::new();
        }
        let first = start.max(now + self.minimum_notice);
        let last = end.min(now + self.booking_horizon);
        let local_date = |time: DateTime<Utc>| time.with_timezone(&user.timezone).date_naive();
        let period = self.bookings_period(now);
        let key: Vec<&str> = ["busy", &user.id].into_iter().chain(period.as_deref()).collect();
        let busy = BusyTimes { seed: number(self.seed, &key) };
        local_date(first)
            .iter_days()
            .take_while(|date| *date <= local_date(last))
            .filter(|date| is_offered_on(event_type, *date))
            .flat_map(|date| starts_on(user, event_type, date))
            .filter(|time| (first..=last).contains(time))
            .filter(|start| busy.has_room(event_type, *start))
            .collect()
    }

    /// Returns the number of the current interval of unchanged busy times; `None` if busy times never change.
    fn bookings_period(&self, now: DateTime<Utc>) -> Option<String> {
        let length = self.bookings_change?.num_milliseconds().max(1);
        Some(now.timestamp_millis().div_euclid(length).to_string())
    }
}

fn is_offered_on(event_type: &EventType, date: NaiveDate) -> bool {
    match &event_type.only_on {
        Some(dates) => dates.contains(&date),
        None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
    }
}

/// Returns the start times on a local date, regardless of busy times. A clock change drops the times that it
/// skips; of repeated times, the first one counts.
fn starts_on(user: &User, event_type: &EventType, date: NaiveDate) -> impl Iterator<Item = DateTime<Utc>> {
    let increment = event_type.start_time_increment.unwrap_or(DEFAULT_INCREMENT);
    let last = WORKDAY_END.saturating_sub(event_type.duration.count());
    let zone = user.timezone;
    (0..)
        .map(move |index| WORKDAY_START + index * increment)
        .take_while(move |minute| *minute <= last)
        .filter_map(move |minute| {
            let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0)?;
            let local = zone.from_local_datetime(&date.and_time(time)).earliest()?;
            Some(local.with_timezone(&Utc))
        })
}

/// A user's busy times, which are the same for all event types.
struct BusyTimes {
    seed: u64,
}

impl BusyTimes {
    /// Whether the event type, including its buffers, fits at this start time.
    fn has_room(&self, event_type: &EventType, start: DateTime<Utc>) -> bool {
        let minutes = |minutes| TimeDelta::minutes(i64::from(minutes));
        let from = start - minutes(event_type.before_buffer);
        let until = start + minutes(event_type.duration.count() + event_type.after_buffer);
        let first = from.timestamp().div_euclid(BLOCK);
        let last = (until.timestamp() - 1).div_euclid(BLOCK);
        (first..=last).all(|block| {
            let mut random = fastrand::Rng::with_seed(self.seed ^ block.cast_unsigned());
            random.u8(..) >= BUSY_OF_256
        })
    }
}
