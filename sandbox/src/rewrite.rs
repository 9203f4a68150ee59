//! Faults that edit the JSON of a real response.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, from_slice, from_str, json, to_vec};

use crate::fault::Fault;
use crate::issuer::{Jwk, change_key_set};

/// Available times. Raw values preserve the JSON text of the slots.
#[derive(Deserialize, Serialize)]
struct Slots {
    collection: Vec<Box<RawValue>>,
}

/// A page of a list. The rows keep their JSON text.
#[derive(Deserialize, Serialize)]
struct Page<'a> {
    #[serde(borrow)]
    collection: &'a RawValue,
    pagination: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

/// Edits the response body of a request with this query; `None` if the fault does not apply.
pub(crate) fn rewrite(fault: &Fault, query: &str, body: &[u8]) -> Option<Vec<u8>> {
    match fault {
        Fault::SlotsOutsideRange { minutes } => {
            let mut slots: Slots = from_slice(body).ok()?;
            let margin = TimeDelta::minutes(i64::from(*minutes));
            let before = available_slot(time_parameter(query, "start_time")? - margin);
            let after = available_slot(time_parameter(query, "end_time")? + margin);
            slots.collection.insert(0, to_raw_value(&before).ok()?);
            slots.collection.push(to_raw_value(&after).ok()?);
            to_vec(&slots).ok()
        }
        Fault::DuplicateSlots => {
            let slots: Slots = from_slice(body).ok()?;
            let mut collection = Vec::new();
            for slot in slots.collection {
                let mut unavailable: Map<String, Value> = from_str(slot.get()).ok()?;
                unavailable.insert("status".to_owned(), "unavailable".into());
                collection.extend([to_raw_value(&unavailable).ok()?, slot]);
            }
            to_vec(&Slots { collection }).ok()
        }
        Fault::NoNextPageToken => {
            let mut page: Page<'_> = from_slice(body).ok()?;
            page.pagination.remove("next_page_token")?;
            to_vec(&page).ok()
        }
        Fault::KeySet { change } => {
            let KeySet { keys } = from_slice(body).ok()?;
            to_vec(&KeySet { keys: change_key_set(&keys, *change) }).ok()
        }
        _ => None,
    }
}

fn time_parameter(query: &str, name: &str) -> Option<DateTime<Utc>> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?;
    value.parse().ok()
}

fn available_slot(start: DateTime<Utc>) -> Value {
    let start_time = start.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({
        "status": "available",
        "invitees_remaining": 1,
        "start_time": start_time,
        "scheduling_url": format!("https://calendly.com/d/outside-range/{start_time}"),
    })
}
