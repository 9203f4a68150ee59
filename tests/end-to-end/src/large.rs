//! Answers of Calendly's that are larger than any it gives.

use chrono::TimeDelta;
use serde_json::json;

use crate::{availability::utc, calendar::midnight};

/// An answer about available times of about this many bytes, whose slots are a second apart. Those of another
/// `number` are on another day; `padding` bytes are in each.
///
/// # Panics
///
/// `number` is beyond any calendar.
#[must_use]
pub fn large_window(bytes: usize, number: u32, padding: usize) -> String {
    let padding = "x".repeat(padding);
    let mut start = midnight(40) + TimeDelta::days(number.into());
    let mut window = String::from(r#"{"collection":["#);
    loop {
        let slot = json!({"status": "available", "start_time": utc(start), "padding": padding}).to_string();
        if window.len() + slot.len() > bytes {
            break;
        }
        window.push_str(&slot);
        window.push(',');
        start += TimeDelta::seconds(1);
    }
    window.truncate(window.trim_end_matches(',').len());
    window + "]}"
}

/// The same with the smallest slots that there can be.
///
/// # Panics
///
/// `number` is beyond any calendar.
#[must_use]
pub fn window_of_small_slots(bytes: usize, number: u32) -> String {
    let start = midnight(40) + TimeDelta::days(i64::from(number) * 31);
    let slot = |second: usize| {
        let start = start + TimeDelta::seconds(i64::try_from(second).unwrap_or_default());
        format!(r#"{{"start_time":"{}"}}"#, utc(start))
    };
    let slots: Vec<String> = (0..bytes / (slot(0).len() + 1)).map(slot).collect();
    format!(r#"{{"collection":[{}]}}"#, slots.join(","))
}

/// A list of about this many bytes of the same small element, and no page after it.
#[must_use]
pub fn list_of(element: &str, bytes: usize) -> String {
    let elements = vec![element; bytes / (element.len() + 1)].join(",");
    format!(r#"{{"collection":[{elements}],"pagination":{{"next_page_token":null}}}}"#)
}

/// A page of event types of about this many bytes, and where the next one is.
#[must_use]
pub fn large_page(bytes: usize, next: Option<&str>) -> String {
    let row =
        json!({"uri": "https://api.calendly.com/event_types/x", "name": "x".repeat(10_000)}).to_string();
    let rows = vec![&*row; bytes / (row.len() + 1)].join(",");
    let next = json!(next);
    format!(r#"{{"collection":[{rows}],"pagination":{{"next_page_token":{next}}}}}"#)
}
