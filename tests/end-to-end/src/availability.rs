//! Days and moments, and the time windows that were requested from Calendly.

use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, Utc};
use sandbox::Call;
use serde_json::Value;

use crate::{AVAILABLE_TIMES, World};

/// The day `ahead` days from the one on which the tests began, in UTC. It does not change at midnight.
pub fn day(ahead: u64) -> NaiveDate {
    static TODAY: LazyLock<NaiveDate> = LazyLock::new(|| Utc::now().date_naive());
    *TODAY + Days::new(ahead)
}

/// The start of that day, in UTC.
pub fn midnight(ahead: u64) -> DateTime<Utc> {
    day(ahead).and_time(NaiveTime::MIN).and_utc()
}

/// A moment in the format of the answers.
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Parses a moment of an answer.
pub fn time(text: &Value) -> DateTime<Utc> {
    parse(text.as_str().expect("a text"))
}

fn parse(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

/// The time windows requested from Calendly, in order of their starts.
pub fn windows(world: &World) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let calls = world.calls_of(AVAILABLE_TIMES);
    let bound = |call: &Call, name| parse(&parameter(call, name));
    let mut windows: Vec<_> =
        calls.iter().map(|call| (bound(call, "start_time"), bound(call, "end_time"))).collect();
    windows.sort();
    windows
}

fn parameter(call: &Call, name: &str) -> String {
    let query = call.query.as_deref().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(other, _)| other == name).expect("the parameter").1.into_owned()
}
