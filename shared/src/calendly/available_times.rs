//! The time slots of one response.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de::Visitor};

use super::{
    json::{for_each, parse},
    time::rfc3339,
};
use crate::Error;

/// The time window of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// The start; in the future.
    pub start_time: DateTime<Utc>,
    /// The end, at most [`TimeWindow::MAX`] after the start.
    pub end_time: DateTime<Utc>,
}

impl TimeWindow {
    /// The longest window that Calendly accepts:
    /// <https://developer.calendly.com/release-notes/2026/7/9.md>
    pub const MAX: TimeDelta = TimeDelta::days(31);
}

/// The slots of a time window, as Calendly stated them at a moment.
#[derive(Debug)]
pub struct Availability {
    /// The slots.
    pub times: AvailableTimes,
    /// The window that was requested.
    pub window: TimeWindow,
    /// When it was requested, in whole milliseconds.
    pub as_of: DateTime<Utc>,
}

/// The slots of one response, ascending by start.
#[derive(Debug, Clone, PartialEq)]
pub struct AvailableTimes {
    /// Calendly's response. Slots hold byte ranges of it instead of copies.
    json: String,
    slots: Vec<Slot>,
}

/// A time slot of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// `start_time`.
    pub start_time: DateTime<Utc>,
    /// Whether `status` is `available`.
    pub is_available: bool,
    /// The byte range of the slot's object in the response.
    byte_range: (u32, u32),
}

#[derive(Deserialize)]
struct SlotFields {
    #[serde(deserialize_with = "rfc3339")]
    start_time: DateTime<Utc>,
    #[serde(default, rename = "status", deserialize_with = "is_available")]
    is_available: bool,
}

/// Deserializes a `status`.
fn is_available<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Status;

    impl<'de> Visitor<'de> for Status {
        type Value = bool;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string or null")
        }

        fn visit_unit<E>(self) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_str<E>(self, status: &str) -> Result<bool, E> {
            Ok(status == "available")
        }
    }

    deserializer.deserialize_any(Status)
}

impl AvailableTimes {
    /// Parses a response of `GET /event_type_available_times`.
    ///
    /// # Errors
    ///
    /// [`Error::CalendlyInvalidResponse`], also if a slot is not an object with a `start_time`.
    pub fn parse(json: String) -> Result<Self, Error> {
        Self::parse_checked(json, || Ok(()))
    }

    /// Like [`Self::parse`]. An error of `check`, which is called for each slot, ends it.
    pub(crate) fn parse_checked(
        json: String,
        mut check: impl FnMut() -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut slots = Vec::new();
        for_each(&json, "event_type_available_times", |object| {
            check()?;
            slots.push(Slot::parse(object.get(), &json)?);
            Ok(())
        })?;
        // Calendly documents no order. Of slots with the same start, an available one wins. The sort is stable, and
        // takes one pass if the slots are in order.
        slots.sort_by_key(Slot::merge_key);
        slots.dedup_by_key(|slot| slot.start_time);
        slots.shrink_to_fit();
        Ok(Self { json, slots })
    }

    /// The slots, no two with the same start.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The response as received.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The approximate size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.json.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    /// The JSON object of one of these slots, byte for byte.
    #[must_use]
    pub fn object(&self, slot: &Slot) -> &str {
        let (start, end) = slot.byte_range;
        self.json.get(start as usize..end as usize).unwrap_or_default()
    }
}

impl Slot {
    /// The order in which slots are merged: by start, and available ones first.
    #[must_use]
    pub fn merge_key(&self) -> (DateTime<Utc>, bool) {
        (self.start_time, !self.is_available)
    }

    /// Parses the slot's object, which is a part of `response`.
    fn parse(object: &str, response: &str) -> Result<Self, Error> {
        let fields: SlotFields = parse(object, "an available time")?;
        let start = object.as_ptr().addr().wrapping_sub(response.as_ptr().addr());
        let byte_range = u32::try_from(start).ok().zip(u32::try_from(start.wrapping_add(object.len())).ok());
        Ok(Self {
            start_time: fields.start_time,
            is_available: fields.is_available,
            byte_range: byte_range
                .ok_or(Error::AnswerTooLarge { reason: "one response of Calendly has more than 4 GiB" })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(objects: &[&str]) -> Result<AvailableTimes, Error> {
        AvailableTimes::parse(format!(r#" {{"new":[1], "collection": [ {} ] }} "#, objects.join(" ,\n")))
    }

    /// `shared::fuzz_oracle::available_times` compares all of this with a simple parser.
    #[test]
    fn slots_ascend_byte_for_byte_and_an_available_one_wins() {
        let taken = r#"{"start_time":"2026-12-01T10:00:00Z","status":"unavailable"}"#;
        let available =
            r#"{ "start_time" : "2026-12-01T11:00:00+01:00", "n": 1.50e1, "status":"available" }"#;
        let later = r#"{"start_time":"2026-12-01T10:00:00.000001Z","status":null,"é":{"x":[]}}"#;
        for objects in [[later, taken, available], [available, later, taken]] {
            let times = read(&objects).unwrap();
            let slots: Vec<_> =
                times.slots().iter().map(|slot| (times.object(slot), slot.is_available)).collect();
            assert_eq!(slots, [(available, true), (later, false)]);
        }
    }

    #[test]
    fn size_counts_the_response_and_the_slots() {
        let minutes = 10..40;
        let slots: Vec<String> =
            minutes.map(|minute| format!(r#"{{"start_time":"2026-12-01T10:{minute}:00Z"}}"#)).collect();
        let json = format!(r#"{{"collection":[{}]}}"#, slots.join(",")).into_boxed_str();
        let length = json.len();
        let times = AvailableTimes::parse(json.into_string()).unwrap();
        assert_eq!(times.size(), length + 30 * size_of::<Slot>());
    }

    #[test]
    fn malformed_slots_are_invalid_responses() {
        for bad in [
            r#"["2026-12-01T10:00:00Z","available"]"#,
            "null",
            "{}",
            r#"{"start_time":1796119200}"#,
            r#"{"start_time":"2026-12-01T10:00:00"}"#,
            r#"{"start_time":"2026-12-01T10:00:00Z","status":{"available":null}}"#,
            r#"{"start_time":"2026-12-01T10:00:00Z","start_time":"2026-12-01T10:00:00Z"}"#,
        ] {
            assert_eq!(read(&[bad]).unwrap_err().code(), "calendly_invalid_response", "{bad}");
        }
    }
}
