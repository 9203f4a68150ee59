//! `GET /event_type_available_times`:
//! <https://developer.calendly.com/api-docs/calendly-api/event-types/list-event-type-available-times>

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::Response;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::accounts::Member;
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

/// Assumed: parameters are checked before the event type is looked up.
pub(super) async fn list(
    State(state): State<Arc<AppState>>,
    Extension(caller): Extension<Arc<Member>>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response<Body>, CalendlyError> {
    let Query(parameters) = parameters?;
    let now = Utc::now();
    let id = parameters
        .event_type
        .as_deref()
        .and_then(|uri| id_from_uri(uri, "event_types"))
        .ok_or(CalendlyError::invalid("event_type", "event_type is missing or invalid"))?;
    let range = parse_range(&parameters, now)?;
    let (owner, event_type) = state.accounts.event_type(&caller, id)?;
    let starts = state.schedule.starts(&owner.user, &event_type, range, now);
    let collection = starts.into_iter().map(|start| slot(&event_type, start)).collect();
    Ok(json(&Slots { collection }))
}

/// The messages for a start in the past and for a range that is too long are Calendly's. The other messages are
/// assumed, as is the rule that the end must be after the start.
fn parse_range(
    parameters: &Parameters,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), CalendlyError> {
    let invalid = CalendlyError::invalid;
    let start = parse_time(parameters.start_time.as_deref())
        .ok_or(invalid("start_time", "start_time is missing or invalid"))?;
    let end = parse_time(parameters.end_time.as_deref())
        .ok_or(invalid("end_time", "end_time is missing or invalid"))?;
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
fn parse_time(text: Option<&str>) -> Option<DateTime<Utc>> {
    let text = text.filter(|text| text.ends_with('Z'))?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn slot(event_type: &EventType, start: DateTime<Utc>) -> Slot {
    let start_time = start.to_rfc3339_opts(SecondsFormat::Micros, true);
    let seats = u64::from(event_type.seats);
    let taken = number(&["seats", &event_type.id, &start_time]) % seats;
    Slot {
        status: "available",
        invitees_remaining: seats - taken,
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
