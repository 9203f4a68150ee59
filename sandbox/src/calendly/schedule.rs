//! When an event type can be booked.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};

use super::event_type::EventType;
use super::user::User;
use crate::identifier::number;

/// Working hours in the user's zone, in minutes since midnight.
const OPENS: u32 = 9 * 60;
const CLOSES: u32 = 17 * 60;
/// The increment of an event type that names none (assumed): what Calendly writes by default.
const DEFAULT_INCREMENT: u32 = 30;
/// Users are busy in blocks of this many seconds.
const BUSY_BLOCK: i64 = 30 * 60;
/// How many blocks of 256 are busy.
const BUSY_OF_256: u8 = 40;

/// What holds for every event type of a sandbox.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) seed: u64,
    pub(crate) minimum_notice: TimeDelta,
    pub(crate) booking_horizon: TimeDelta,
    pub(crate) bookings_change: Option<TimeDelta>,
}

impl Policy {
    /// The starts that can be booked from `start` to `end`, ascending. Both ends count (assumed:
    /// then ranges that follow each other share the slot between them, and a client must cope).
    /// Inactive, deleted and poll event types have none (assumed).
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
        let local_date = |moment: DateTime<Utc>| moment.with_timezone(&user.timezone).date_naive();
        let bookings = self.bookings(now);
        let drawn: Vec<&str> = ["busy", &user.id].into_iter().chain(bookings.as_deref()).collect();
        let busy = BusyTimes(number(self.seed, &drawn));
        local_date(first)
            .iter_days()
            .take_while(|date| *date <= local_date(last))
            .filter(|date| is_offered_on(event_type, *date))
            .flat_map(|date| starts_on(user, event_type, date))
            .filter(|moment| (first..=last).contains(moment))
            .filter(|moment| busy.leave_free(event_type, *moment))
            .collect()
    }

    /// Tells the bookings of this moment from those before and after, where they change.
    fn bookings(&self, now: DateTime<Utc>) -> Option<String> {
        let time = self.bookings_change?.num_milliseconds().max(1);
        Some(now.timestamp_millis().div_euclid(time).to_string())
    }
}

fn is_offered_on(event_type: &EventType, date: NaiveDate) -> bool {
    match &event_type.only_on {
        Some(dates) => dates.contains(&date),
        None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
    }
}

/// The starts on a local date, whoever is busy. Where a clock change skips one it falls away; of
/// one that it repeats the first is taken.
fn starts_on(user: &User, event_type: &EventType, date: NaiveDate) -> impl Iterator<Item = DateTime<Utc>> {
    let increment = event_type.start_time_increment.unwrap_or(DEFAULT_INCREMENT);
    let last = CLOSES.saturating_sub(event_type.duration.count());
    let zone = user.timezone;
    (0..).map(move |index| OPENS + index * increment).take_while(move |minute| *minute <= last).filter_map(
        move |minute| {
            let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0)?;
            let local = zone.from_local_datetime(&date.and_time(time)).earliest()?;
            Some(local.with_timezone(&Utc))
        },
    )
}

/// When a user is busy, for all of their event types alike.
struct BusyTimes(u64);

impl BusyTimes {
    /// Whether the event type fits in at this start, its buffers included.
    fn leave_free(&self, event_type: &EventType, start: DateTime<Utc>) -> bool {
        let minutes = |minutes| TimeDelta::minutes(i64::from(minutes));
        let from = start - minutes(event_type.before_buffer);
        let until = start + minutes(event_type.duration.count() + event_type.after_buffer);
        let first = from.timestamp().div_euclid(BUSY_BLOCK);
        let last = (until.timestamp() - 1).div_euclid(BUSY_BLOCK);
        (first..=last).all(|block| {
            let mut random = fastrand::Rng::with_seed(self.0 ^ block.cast_unsigned());
            random.u8(..) >= BUSY_OF_256
        })
    }
}
