//! Oversized answers of Calendly.

use chrono::TimeDelta;
use serde_json::json;

use crate::{midnight, utc};

/// Available times of about `bytes` bytes. Slots are one second apart, carry `padding` bytes, and begin on another day for each
/// `day_offset`.
pub fn large_window(bytes: usize, day_offset: u32, padding: usize) -> String {
    let padding = "x".repeat(padding);
    let slot =
        |start: &str| json!({"status": "available", "start_time": start, "padding": padding}).to_string();
    window(bytes, day_offset, slot)
}

/// Like [`large_window`], with slots of the smallest size.
pub fn window_of_small_slots(bytes: usize, day_offset: u32) -> String {
    window(bytes, day_offset, |start| format!(r#"{{"start_time":"{start}"}}"#))
}

fn window(bytes: usize, day_offset: u32, slot: impl Fn(&str) -> String) -> String {
    let mut start = midnight(40) + TimeDelta::days(day_offset.into());
    let count = bytes / (slot(&utc(start)).len() + 1);
    let mut slots = Vec::with_capacity(count);
    for _ in 0..count {
        slots.push(slot(&utc(start)));
        start += TimeDelta::seconds(1);
    }
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
