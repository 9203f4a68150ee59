//! The slots of one answer: open times of an event type.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de::Visitor};

use super::{
    json::{for_each, parse},
    time::rfc3339,
};
use crate::Error;

/// What is asked of Calendly in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// From when; later than now.
    pub start_time: DateTime<Utc>,
    /// Until when, at most [`TimeWindow::LONGEST`] later.
    pub end_time: DateTime<Utc>,
}

impl TimeWindow {
    /// The longest one that Calendly answers, since 2026-07-09:
    /// <https://developer.calendly.com/release-notes/2026/7/9.md>
    pub const LONGEST: TimeDelta = TimeDelta::days(31);
}

/// What Calendly answered about a window.
#[derive(Debug)]
pub struct Answered {
    /// The slots.
    pub times: AvailableTimes,
    /// What was asked.
    pub asked: TimeWindow,
    /// When it was asked; whole milliseconds.
    pub as_of: DateTime<Utc>,
}

/// The slots of a window, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct AvailableTimes {
    /// Calendly's answer, of which the slots are parts: one text for all of them, so that memory is bounded
    /// however small they are.
    json: String,
    slots: Vec<Slot>,
}

/// An open time of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its `start_time`.
    pub start_time: DateTime<Utc>,
    /// Whether its `status` is `available`.
    pub is_available: bool,
    /// Where its object starts and ends in the answer.
    span: (u32, u32),
}

#[derive(Deserialize)]
struct AvailableTime {
    #[serde(deserialize_with = "rfc3339")]
    start_time: DateTime<Utc>,
    #[serde(default, rename = "status", deserialize_with = "is_available")]
    is_available: bool,
}

/// Whether a status is the one that matters.
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
    /// Reads an answer of `GET /event_type_available_times`.
    ///
    /// # Errors
    ///
    /// [`Error::CalendlyInvalidResponse`], also for a slot that is not an object with a `start_time`.
    pub fn parse(json: String) -> Result<Self, Error> {
        let mut slots = Vec::new();
        for_each(&json, "event_type_available_times", |object| {
            slots.push(Slot::parse(object.get(), &json)?);
            Ok(())
        })?;
        // Calendly documents no order. Stable, and of what is in order already it costs one look.
        slots.sort_by_key(|slot| slot.start_time);
        slots.dedup_by_key(|slot| slot.start_time);
        slots.shrink_to_fit();
        Ok(Self { json, slots })
    }

    /// The slots: no two at one instant.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Calendly's answer as it came.
    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        self.json.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    /// Calendly's object for one of these slots, byte for byte.
    #[must_use]
    pub fn object(&self, slot: &Slot) -> &str {
        let (start, end) = slot.span;
        self.json.get(start as usize..end as usize).unwrap_or_default()
    }
}

impl Slot {
    /// From its object, which is a part of the `answer`.
    fn parse(object: &str, answer: &str) -> Result<Self, Error> {
        let time: AvailableTime = parse(object, "an available time")?;
        let start = object.as_ptr().addr().wrapping_sub(answer.as_ptr().addr());
        let span = u32::try_from(start).ok().zip(u32::try_from(start.wrapping_add(object.len())).ok());
        Ok(Self {
            start_time: time.start_time,
            is_available: time.is_available,
            span: span
                .ok_or(Error::AnswerTooLarge { reason: "one answer of Calendly's has more than 4 GiB" })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendly::utc;

    fn read(object: &str) -> Result<AvailableTimes, Error> {
        AvailableTimes::parse(format!(r#" {{"new":[1], "collection": [ {object} ] }} "#))
    }

    fn only(object: &str) -> Slot {
        let times = read(object).unwrap();
        assert_eq!(times.slots().len(), 1);
        times.slots()[0]
    }

    fn with(members: &str) -> String {
        format!(r#"{{"start_time":"2026-12-01T10:00:00.000000Z"{members}}}"#)
    }

    #[test]
    fn a_slot_is_its_object_byte_for_byte() {
        let first = r#"{ "start_time" : "2026-12-01T10:00:00Z", "n": 1.50e1, "é": {"x":[]} }"#;
        let second = r#"{"start_time":"2026-12-01T10:00:00.000001Z"}"#;
        let times = read(&format!("{first} ,\n{second}")).unwrap();
        let objects: Vec<&str> = times.slots().iter().map(|slot| times.object(slot)).collect();
        assert_eq!(objects, [first, second]);
    }

    #[test]
    fn slots_ascend_and_the_first_of_an_instant_counts() {
        let [late, early] =
            ["12", "10"].map(|hour| format!(r#"{{"start_time":"2026-12-01T{hour}:00:00Z"}}"#));
        let again = r#"{"start_time":"2026-12-01T11:00:00+01:00"}"#;
        let times = read(&[&late, &early, again, &*late].join(",")).unwrap();
        let objects: Vec<&str> = times.slots().iter().map(|slot| times.object(slot)).collect();
        assert_eq!(objects, [early, late]);
    }

    #[test]
    fn the_size_is_that_of_the_answer_and_of_the_slots() {
        let minutes = 10..40;
        let slots: Vec<String> =
            minutes.map(|minute| format!(r#"{{"start_time":"2026-12-01T10:{minute}:00Z"}}"#)).collect();
        let json = format!(r#"{{"collection":[{}]}}"#, slots.join(",")).into_boxed_str();
        let length = json.len();
        let times = AvailableTimes::parse(json.into_string()).unwrap();
        assert_eq!(times.size(), length + 30 * size_of::<Slot>());
    }

    #[test]
    fn only_one_status_is_available() {
        let is_available = |members| only(&with(members)).is_available;
        assert!(is_available(r#","status":"available","new":{"status":[]}"#));
        assert!(is_available(r#","status":"\u0061vailable""#));
        for other in ["", r#","status":null"#, r#","status":"unavailable""#, r#","status":"""#] {
            assert!(!is_available(other), "{other}");
        }
    }

    #[test]
    fn a_start_time_is_rfc_3339() {
        let start_time = |text: &str| {
            let times = read(&format!(r#"{{"start_time":{text}}}"#)).ok()?;
            Some(utc(times.slots()[0].start_time))
        };
        let expected = Some("2026-12-01T10:00:00Z".to_owned());
        assert_eq!(start_time(r#""2026-12-01T10:00:00Z""#), expected);
        assert_eq!(start_time(r#""2026-12-01T10\u003a00:00Z""#), expected);
        assert_eq!(start_time(r#""2026-12-01T11:00:00+01:00""#), expected);
        for bad in ["null", "1796119200", r#""2026-12-01""#, r#""2026-12-01T10:00:00""#, r#""""#] {
            assert_eq!(start_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_slot_spoils_the_answer() {
        for bad in [
            r#"["2026-12-01T10:00:00Z"]"#,
            r#"["2026-12-01T10:00:00Z","available"]"#,
            "null",
            "1",
            "{}",
            &with(r#","status":1"#),
            &with(r#","status":{"available":null}"#),
            &with(r#","start_time":"2026-12-01T10:00:00Z""#),
        ] {
            assert_eq!(read(bad).unwrap_err().code(), "calendly_invalid_response", "{bad}");
        }
        for bad in ["", "[]", "{}", r#"{"collection":null}"#, r#"{"collection":{}}"#] {
            let error = AvailableTimes::parse(bad.to_owned()).unwrap_err();
            assert_eq!(error.code(), "calendly_invalid_response", "{bad}");
        }
    }
}
