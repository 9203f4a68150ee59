//! The answer's JSON: Calendly's own `collection`, and what callers would otherwise work out themselves.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use shared::{
    Error,
    calendly::{Slot, utc},
};

use crate::{
    event_type::Choice,
    open_times::OpenTimes,
    parameters::Parameters,
    zone::{Offsets, Zone},
};

/// A longer one would not fit in Lambda's 6 MB even if it were gzipped, and could take more memory than the
/// function has.
const LARGEST: usize = 32 * 1024 * 1024;

/// What two local times add to a slot.
const LOCAL_TIMES_LENGTH: usize =
    r#","local_start_time":"2026-12-01T09:00:00+00:00","local_end_time":"2026-12-01T09:00:00+00:00""#.len();

/// What stands beside the `collection`.
#[derive(Serialize)]
struct Others<'a> {
    available: bool,
    event_type: &'a str,
    start_time: String,
    end_time: String,
}

/// The answer to `parameters`.
///
/// # Errors
///
/// [`Error::AnswerTooLarge`].
pub(crate) fn json(parameters: &Parameters, choice: &Choice, slots: &OpenTimes) -> Result<String, Error> {
    let others = Others {
        available: slots.iter().any(|(slot, _)| slot.is_available),
        event_type: choice.uri.as_str(),
        start_time: utc(slots.start_time),
        end_time: utc(parameters.range.end_time()),
    };
    let not_json = |_| Error::Internal { reason: "what stands beside the slots makes no JSON" };
    let others = serde_json::to_string(&others).map_err(not_json)?;
    // The slots are JSON already, so they are put together as text and not looked through again.
    let more = 1 + if parameters.timezone.is_some() { LOCAL_TIMES_LENGTH } else { 0 };
    let slots_length: usize = slots.iter().map(|(_, object)| object.len() + more).sum();
    if slots_length > LARGEST {
        return Err(Error::AnswerTooLarge { reason: "the slots have more than 32 MiB" });
    }
    let mut offsets = parameters.timezone.as_ref().map(Zone::offsets);
    let start = r#"{"collection":["#;
    let mut answer = String::with_capacity(start.len() + slots_length + others.len() + 1);
    answer.push_str(start);
    for (index, (slot, object)) in slots.iter().enumerate() {
        if index > 0 {
            answer.push(',');
        }
        match &mut offsets {
            None => answer.push_str(object),
            Some(offsets) => push_with_local_times(&mut answer, slot, object, choice, offsets),
        }
    }
    answer.push_str("],");
    answer.push_str(others.trim_start_matches('{'));
    Ok(answer)
}

/// Calendly's object as it is, with two more members at its end.
fn push_with_local_times(
    answer: &mut String,
    slot: &Slot,
    object: &str,
    choice: &Choice,
    offsets: &mut Offsets<'_>,
) {
    answer.push_str(object.strip_suffix('}').unwrap_or(object).trim_end());
    answer.push_str(r#","local_start_time":""#);
    answer.push_str(&local(slot.start_time, offsets));
    let end_time = choice.duration.and_then(|duration| slot.start_time.checked_add_signed(duration));
    if let Some(end_time) = end_time {
        answer.push_str(r#"","local_end_time":""#);
        answer.push_str(&local(end_time, offsets));
    }
    answer.push_str(r#""}"#);
}

/// RFC 3339 with the zone's offset at that moment.
fn local(time: DateTime<Utc>, offsets: &mut Offsets<'_>) -> String {
    time.with_timezone(&offsets.at(time)).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::Value;
    use shared::calendly::{AvailableTimes, EventTypeUri};

    use super::*;
    use crate::{event_type::EventTypeRef, range::TimeRange};

    fn answer(slots: &[&str], zone: Option<Zone>, duration: Option<TimeDelta>) -> String {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let times = AvailableTimes::parse(format!(r#"{{"collection":[{}]}}"#, slots.join(","))).unwrap();
        let start = time("2026-10-25T00:00:00Z");
        let range = TimeRange::new(start, time("2026-10-26T00:00:00Z"), time("2026-10-01T00:00:00Z"));
        let uri = EventTypeUri::from_id("A").unwrap();
        let parameters =
            Parameters { range: range.unwrap(), event_type: EventTypeRef::Uri(uri.clone()), timezone: zone };
        json(&parameters, &Choice { uri, duration }, &OpenTimes::merged(start, vec![times])).unwrap()
    }

    #[test]
    fn calendlys_objects_stand_in_the_answer_byte_for_byte() {
        let slot = r#"{ "start_time" : "2026-10-25T00:30:00.000000Z", "n": 1.50e1, "status": "available", "future": {"x":[]} }"#;
        assert_eq!(
            answer(&[slot], None, None),
            format!(
                r#"{{"collection":[{slot}],"available":true,"event_type":"https://api.calendly.com/event_types/A","start_time":"2026-10-25T00:00:00Z","end_time":"2026-10-26T00:00:00Z"}}"#
            )
        );
    }

    #[test]
    fn local_times_have_the_offset_of_their_moment() {
        let slot = r#"{"start_time":"2026-10-25T00:30:00.000000Z", "n": 1.0 }"#;
        let zone = Zone::named("Europe/Lisbon");
        let answer = answer(&[slot], zone, Some(TimeDelta::minutes(60)));
        assert!(
            answer.contains(
                r#"{"start_time":"2026-10-25T00:30:00.000000Z", "n": 1.0,"local_start_time":"2026-10-25T01:30:00+01:00","local_end_time":"2026-10-25T01:30:00+00:00"}"#
            ),
            "{answer}"
        );
    }

    #[test]
    fn without_a_known_duration_there_is_no_local_end() {
        let answer = answer(&[r#"{"start_time":"2026-10-25T00:30:00Z"}"#], Zone::named("UTC"), None);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["collection"][0]["local_start_time"], "2026-10-25T00:30:00+00:00");
        assert_eq!(answer["collection"][0].get("local_end_time"), None);
    }

    #[test]
    fn available_says_whether_any_slot_is() {
        let slots = [
            r#"{"start_time":"2026-10-25T00:30:00Z","status":"unavailable"}"#,
            r#"{"start_time":"2026-10-25T01:00:00Z","status":"available"}"#,
        ];
        for (slots, expected) in [(&slots[..], true), (&slots[..1], false), (&slots[..0], false)] {
            let answer: Value = serde_json::from_str(&answer(slots, None, None)).unwrap();
            assert_eq!(answer["available"], expected);
        }
    }
}
