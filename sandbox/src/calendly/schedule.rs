//! Available start times of an event type.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};

use super::event_type::EventType;
use super::user::User;
use crate::identifier::number;

/// Minimum time between now and an available start time.
const MINIMUM_NOTICE: TimeDelta = TimeDelta::hours(4);
/// Maximum time between now and an available start time: more than the longest range of check-availability, 366 days.
const BOOKING_HORIZON: TimeDelta = TimeDelta::days(400);
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
    /// Interval at which users' busy times change; `None` for never.
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
        let first = start.max(now + MINIMUM_NOTICE);
        let last = end.min(now + BOOKING_HORIZON);
        let local_date = |time: DateTime<Utc>| time.with_timezone(&user.timezone).date_naive();
        let busy_seed = self.busy_seed(user, now);
        local_date(first)
            .iter_days()
            .take_while(|date| *date <= local_date(last))
            .filter(|date| !matches!(date.weekday(), Weekday::Sat | Weekday::Sun))
            .flat_map(|date| starts_on(user, event_type, date))
            .filter(|time| (first..=last).contains(time))
            .filter(|start| has_room(busy_seed, event_type, *start))
            .collect()
    }

    /// Returns the seed of a user's busy times, which are the same for all event types.
    fn busy_seed(&self, user: &User, now: DateTime<Utc>) -> u64 {
        let interval_number = self.bookings_change.map(|interval| {
            now.timestamp_millis().div_euclid(interval.num_milliseconds().max(1)).to_string()
        });
        let key: Vec<&str> = ["busy", &user.id].into_iter().chain(interval_number.as_deref()).collect();
        number(&key)
    }
}

/// Returns the start times on a local date, regardless of busy times. A clock change drops the times that it
/// skips; of repeated times, the first one counts.
fn starts_on(user: &User, event_type: &EventType, date: NaiveDate) -> impl Iterator<Item = DateTime<Utc>> {
    let increment = event_type.start_time_increment.unwrap_or(DEFAULT_INCREMENT);
    let last = WORKDAY_END.saturating_sub(event_type.duration.count());
    let zone = user.timezone;
    (WORKDAY_START..=last).step_by(increment as usize).filter_map(move |minute| {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0)?;
        let local = zone.from_local_datetime(&date.and_time(time)).earliest()?;
        Some(local.with_timezone(&Utc))
    })
}

/// Whether the user is free for the event type, including its buffers, at this start time.
fn has_room(busy_seed: u64, event_type: &EventType, start: DateTime<Utc>) -> bool {
    let minutes = |minutes| TimeDelta::minutes(i64::from(minutes));
    let from = start - minutes(event_type.before_buffer);
    let until = start + minutes(event_type.duration.count() + event_type.after_buffer);
    let first = from.timestamp().div_euclid(BLOCK);
    let last = (until.timestamp() - 1).div_euclid(BLOCK);
    (first..=last).all(|block| {
        let mut random = fastrand::Rng::with_seed(busy_seed ^ block.cast_unsigned());
        random.u8(..) >= BUSY_OF_256
    })
}
