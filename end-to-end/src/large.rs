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

/// A page of event types of about this many bytes, and where the next one is.
#[must_use]
pub fn large_page(bytes: usize, next: Option<&str>) -> String {
    let row =
        json!({"uri": "https://api.calendly.com/event_types/x", "name": "x".repeat(10_000)}).to_string();
    let rows = vec![&*row; bytes / (row.len() + 1)].join(",");
    let next = json!(next);
    format!(r#"{{"collection":[{rows}],"pagination":{{"next_page_token":{next}}}}}"#)
}
