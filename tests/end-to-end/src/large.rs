//! Oversized answers of Calendly.

use chrono::TimeDelta;
use serde_json::json;

use crate::{midnight, utc};

/// Available times of about `bytes` bytes. Slots are one second apart, carry `padding` bytes, and begin on another day for each
/// `day_offset`.
pub fn large_window(bytes: usize, day_offset: u32, padding: usize) -> String {
    let padding = "x".repeat(padding);
    let mut start = midnight(40) + TimeDelta::days(day_offset.into());
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

/// Available times of about `bytes` bytes with slots of the smallest size, in another month for each `month_offset`.
pub fn window_of_small_slots(bytes: usize, month_offset: u32) -> String {
    let start = midnight(40) + TimeDelta::days(i64::from(month_offset) * 31);
    let slot = |second: usize| {
        let start = start + TimeDelta::seconds(i64::try_from(second).unwrap_or_default());
        format!(r#"{{"start_time":"{}"}}"#, utc(start))
    };
    let slots: Vec<String> = (0..bytes / (slot(0).len() + 1)).map(slot).collect();
    format!(r#"{{"collection":[{}]}}"#, slots.join(","))
}

/// A last page of about `bytes` bytes that repeats `element`.
pub fn list_of(element: &str, bytes: usize) -> String {
    let elements = vec![element; bytes / (element.len() + 1)].join(",");
    format!(r#"{{"collection":[{elements}],"pagination":{{"next_page_token":null}}}}"#)
}

/// A page of event types of about `bytes` bytes, with the token of the next page.
pub fn large_page(bytes: usize, next: Option<&str>) -> String {
    let row =
        json!({"uri": "https://api.calendly.com/event_types/x", "name": "x".repeat(10_000)}).to_string();
    let rows = vec![&*row; bytes / (row.len() + 1)].join(",");
    let next = json!(next);
    format!(r#"{{"collection":[{rows}],"pagination":{{"next_page_token":{next}}}}}"#)
}
