//! `GET /event_type_available_times` (calendly-api, section 1.3).

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::answer::json;
use super::error::CalendlyError;
use crate::calendly::accounts::{Access, Found, Owned};
use crate::calendly::event_type::EventType;
use crate::calendly::uri::id_of;
use crate::identifier::number;
use crate::world::World;

const LONGEST_RANGE: TimeDelta = TimeDelta::days(31);

#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    event_type: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
}

#[derive(Serialize)]
struct Slots {
    collection: Vec<Slot>,
}

#[derive(Serialize)]
struct Slot {
    status: &'static str,
    invitees_remaining: u64,
    start_time: String,
    scheduling_url: String,
}

/// Parameters are assumed to be checked before the event type is looked up, which is assumed to
/// be forbidden when the caller may not read it and not to be found when it is nobody's. The times are
/// those of the user whose event type it is, whoever asks.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Extension(access): Extension<Access>,
    Query(parameters): Query<Parameters>,
) -> Result<Response<Body>, CalendlyError> {
    let now = world.clock.now();
    let id = event_type_id(parameters.event_type.as_deref())?;
    let range = range(&parameters, now)?;
    let Owned { owner, event_type } = match world.accounts.event_type(&access.caller, id) {
        Found::Readable(owned) => owned,
        Found::Forbidden => return Err(CalendlyError::PermissionDenied),
        Found::Unknown => return Err(CalendlyError::NotFound),
    };
    let collection = world
        .policy
        .starts(&owner.user, &event_type, range, now)
        .into_iter()
        .map(|start| slot(world.seed, &event_type, start))
        .collect();
    Ok(json(StatusCode::OK, &Slots { collection }))
}

/// The texts for a missing and for a malformed event type are assumed.
fn event_type_id(uri: Option<&str>) -> Result<&str, CalendlyError> {
    let invalid = |message| CalendlyError::InvalidArgument { parameter: "event_type", message };
    let uri = uri.ok_or_else(|| invalid("event_type is missing"))?;
    id_of(uri, "event_types").ok_or_else(|| invalid("event_type is invalid"))
}

/// The texts for a start that is not in the future and for a range that is too long are
/// Calendly's; the other texts, and that an end must be after its start, are assumed.
fn range(
    parameters: &Parameters,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), CalendlyError> {
    let invalid = |parameter, message| CalendlyError::InvalidArgument { parameter, message };
    let start = moment(
        parameters.start_time.as_deref(),
        invalid("start_time", "start_time is missing"),
        invalid("start_time", "start_time is invalid"),
    )?;
    let end = moment(
        parameters.end_time.as_deref(),
        invalid("end_time", "end_time is missing"),
        invalid("end_time", "end_time is invalid"),
    )?;
    if start <= now {
        Err(invalid("start_time", "start_time must be in the future"))
    } else if end <= start {
        Err(invalid("end_time", "end_time must be after start_time"))
    } else if end - start > LONGEST_RANGE {
        Err(invalid("end_time", "date range can be no greater than 31 days"))
    } else {
        Ok((start, end))
    }
}

/// A date-time in UTC. An offset other than `Z` is assumed to be refused: no documented example
/// has one, and a client that sends one would not be safe.
fn moment(
    text: Option<&str>,
    missing: CalendlyError,
    malformed: CalendlyError,
) -> Result<DateTime<Utc>, CalendlyError> {
    let text = text.ok_or(missing)?;
    match DateTime::parse_from_rfc3339(text) {
        Ok(moment) if text.ends_with('Z') => Ok(moment.to_utc()),
        _ => Err(malformed),
    }
}

fn slot(seed: u64, event_type: &EventType, start: DateTime<Utc>) -> Slot {
    let start_time = start.to_rfc3339_opts(SecondsFormat::Micros, true);
    let taken = number(seed, &["seats", &event_type.id, &start_time]) % u64::from(event_type.seats);
    Slot {
        status: "available",
        invitees_remaining: u64::from(event_type.seats) - taken,
        scheduling_url: format!(
            "{}/{}?month={}&date={}",
            event_type.scheduling_url,
            start.to_rfc3339_opts(SecondsFormat::Secs, true),
            start.format("%Y-%m"),
            start.format("%Y-%m-%d"),
        ),
        start_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(start: &str, end: &str) -> Option<CalendlyError> {
        let parameters = Parameters {
            event_type: None,
            start_time: Some(start.to_owned()),
            end_time: Some(end.to_owned()),
        };
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        range(&parameters, now).err()
    }

    #[test]
    fn ranges_are_refused_with_calendlys_texts() {
        let text = |start, end| match refusal(start, end) {
            Some(CalendlyError::InvalidArgument { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        let end = "2027-01-01T00:00:01Z";
        assert_eq!(text("2026-12-01T00:00:00Z", end), "start_time must be in the future");
        assert_eq!(text("2026-12-01T00:00:00.000001Z", end), "date range can be no greater than 31 days");
        assert_eq!(refusal("2026-12-01T00:00:01Z", end), None);
        assert_eq!(text(end, end), "end_time must be after start_time");
        assert_eq!(text("2026-12-02T00:00:00+00:00", end), "start_time is invalid");
        assert_eq!(text("2026-12-02", end), "start_time is invalid");
    }
}
