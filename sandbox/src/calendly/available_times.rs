//! `GET /event_type_available_times`:
//! <https://developer.calendly.com/api-docs/calendly-api/event-types/list-event-type-available-times>

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::accounts::{Access, OwnedEventType};
use super::event_type::EventType;
use super::response::{CalendlyError, json};
use super::uri::id_from_uri;
use crate::app_state::AppState;
use crate::identifier::number;

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

/// Assumed: parameters are checked before the event type is looked up; 403 for an event type that the caller may not
/// read, 404 for an unknown one.
pub(super) async fn list(
    State(state): State<Arc<AppState>>,
    Extension(access): Extension<Access>,
    Query(parameters): Query<Parameters>,
) -> Result<Response<Body>, CalendlyError> {
    let now = state.clock.now();
    let id = event_type_id(parameters.event_type.as_deref())?;
    let range = parse_range(&parameters, now)?;
    let OwnedEventType { owner, event_type } = state.accounts.event_type(&access.caller, id).readable()?;
    let collection = state
        .schedule
        .starts(&owner.user, &event_type, range, now)
        .into_iter()
        .map(|start| slot(state.seed, &event_type, start))
        .collect();
    Ok(json(&Slots { collection }))
}

/// The messages are assumed.
fn event_type_id(uri: Option<&str>) -> Result<&str, CalendlyError> {
    let invalid = |message| CalendlyError::invalid("event_type", message);
    let uri = uri.ok_or_else(|| invalid("event_type is missing"))?;
    id_from_uri(uri, "event_types").ok_or_else(|| invalid("event_type is invalid"))
}

/// The messages for a start in the past and for a range that is too long are Calendly's. The other messages are
/// assumed, as is the rule that the end must be after the start.
fn parse_range(
    parameters: &Parameters,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), CalendlyError> {
    let invalid = CalendlyError::invalid;
    let start = parse_time(
        parameters.start_time.as_deref(),
        invalid("start_time", "start_time is missing"),
        invalid("start_time", "start_time is invalid"),
    )?;
    let end = parse_time(
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

/// Assumed: an offset other than `Z` is invalid, since no documented example has one.
fn parse_time(
    text: Option<&str>,
    missing: CalendlyError,
    invalid: CalendlyError,
) -> Result<DateTime<Utc>, CalendlyError> {
    let text = text.ok_or(missing)?;
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) if text.ends_with('Z') => Ok(time.to_utc()),
        _ => Err(invalid),
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
