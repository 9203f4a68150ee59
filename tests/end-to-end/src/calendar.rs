//! Days that are near enough to have slots and far enough not to be past before the test is over.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

/// The day this many days from today, in UTC.
#[must_use]
pub fn day(ahead: u64) -> NaiveDate {
    Utc::now().date_naive() + Days::new(ahead)
}

/// Where that day begins, in UTC.
#[must_use]
pub fn midnight(ahead: u64) -> DateTime<Utc> {
    day(ahead).and_time(NaiveTime::MIN).and_utc()
}
