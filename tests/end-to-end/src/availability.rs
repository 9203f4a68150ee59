//! Asking for availability, and what was asked of Calendly for it.

use chrono::{DateTime, SecondsFormat, Utc};
use sandbox::Call;
use serde_json::Value;

use crate::{Answer, World};

/// Calendly's path for open times.
pub const AVAILABLE_TIMES: &str = "/event_type_available_times";

/// A moment as the contract writes it.
#[must_use]
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The moment that stands in an answer, in RFC 3339.
///
/// # Panics
///
/// Something else stands there.
#[must_use]
pub fn time(text: &Value) -> DateTime<Utc> {
    moment(text.as_str().expect("a text"))
}

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

/// Asks for a range.
///
/// # Panics
///
/// There is no answer.
pub async fn ask(world: &World, start: &str, end: &str, more: &[(&str, &str)]) -> Answer {
    let mut query = vec![("start_time", start), ("end_time", end)];
    query.extend(more);
    world.ask(&query).await
}

/// The windows that were asked of Calendly, in order of their starts.
///
/// # Panics
///
/// A call lacks one of its ends.
#[must_use]
pub fn windows(world: &World) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let calls = world.calendly_calls();
    let mut windows: Vec<_> = calls
        .iter()
        .filter(|call| call.path == AVAILABLE_TIMES)
        .map(|call| (moment(&parameter(call, "start_time")), moment(&parameter(call, "end_time"))))
        .collect();
    windows.sort();
    windows
}

fn parameter(call: &Call, name: &str) -> String {
    let query = call.query.as_deref().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(other, _)| other == name).expect("the parameter").1.into_owned()
}
