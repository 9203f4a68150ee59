//! Fuzz oracles: what must hold of questions, responses and cached windows, whatever the bytes are.

#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::{collections::HashSet, str::from_utf8, sync::Arc};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::Value;
use shared::{
    Query,
    cache::RemoteCacheable,
    calendly::{Availability, AvailableTimes, EventTypeUri, TimeWindow, WindowRequest, utc},
};

use crate::{
    FoundSlots,
    availability_cache::AvailabilityKey,
    event_type::{EventTypeRef, ResolvedEventType},
    merge::{SlotList, WindowSlots},
    question::{Limit, Match, Question, RequestedTimes, SlotRange, TimeParameter, TimeRange, parse_time},
    resolve::EventType,
    response,
    windows::Window,
};

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

/// 2026-11-25T12:00:00Z.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_608_000, 0).unwrap_or_default()
}

/// A query string: a valid question is within all limits, Calendly accepts its windows, they cover it, and its own query is
/// parsed as the same question. An invalid one names the parameter to change.
pub fn question(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    assert_matches_chrono(text);
    let Ok(query) = text.parse::<Query>();
    let question = match Question::parse(&query, now()) {
        Ok(question) => question,
        Err(error) => {
            assert_eq!(error.code(), "invalid_parameter");
            let detail = error.to_string();
            assert!(!detail.chars().any(char::is_control), "{detail:?}");
            return;
        }
    };
    assert!((1..=10).contains(&question.event_types.len()), "not 1 to 10 event types");
    let distinct: HashSet<_> = question.event_types.iter().collect();
    assert_eq!(distinct.len(), question.event_types.len(), "a duplicate event type");
    let shortest = TimeDelta::minutes(1);
    assert!(question.duration.is_none_or(|duration| duration >= shortest), "a duration below one minute");
    let rest = match question.times {
        RequestedTimes::Point(at) => {
            let ahead = at.moment() - now();
            assert!(ahead >= TimeDelta::minutes(1) && ahead <= TimeDelta::days(366), "{ahead}");
            format!("at={}", utc(at.moment()))
        }
        RequestedTimes::Range { range, limit } => {
            let limit = limit.map(Limit::max);
            assert!(limit.is_none_or(|limit| (1..=1_000).contains(&limit)), "{limit:?}");
            assert_covered(&question, range);
            let limit = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
            format!("start_time={}&end_time={}{limit}", utc(range.start_time()), utc(range.end_time()))
        }
    };
    let again = to_query(&question, rest);
    let again = again.parse::<Query>().ok().and_then(|query| Question::parse(&query, now()).ok());
    // The query has a date-time, whose instant is included, in place of a bare end date.
    let question = format!("{:?}", Some(&question)).replace("includes_end: false", "includes_end: true");
    assert_eq!(format!("{again:?}"), question, "another question");
}

/// The windows of a range are in order, without a gap, and ones that Calendly accepts.
fn assert_covered(question: &Question, range: TimeRange) {
    assert!(range.start_time() > now() && range.end_time() > range.start_time(), "{range:?}");
    assert!(range.end_time() - range.start_time() <= TimeDelta::days(366), "{range:?}");
    for is_cached in [false, true] {
        let windows = Window::all(&question.times, is_cached);
        assert!((1..=13).contains(&windows.len()), "{} calls", windows.len());
        let mut covered = range.start_time();
        for window in windows {
            let Ok(TimeWindow { start_time, end_time }) = window.window(now()) else {
                panic!("{range:?}: nothing is left")
            };
            assert!(start_time > now() && start_time < end_time, "{range:?}: {start_time} to {end_time}");
            assert!(end_time - start_time <= TimeWindow::MAX, "{range:?}: {start_time} to {end_time}");
            assert!(start_time <= covered, "{range:?}: a gap before {start_time}");
            covered = end_time;
        }
        assert!(covered >= range.end_time(), "{range:?}: the end is missing");
    }
}

/// The query of a question.
fn to_query(question: &Question, times: String) -> String {
    let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let mut query = times.replace('+', "%2B");
    for event_type in &question.event_types {
        let text = event_type.to_string();
        if EventTypeRef::parse(None).ok().as_ref() != Some(event_type) {
            query += &format!("&event_type={}", encoded(&text));
        }
    }
    if let Some(zone) = &question.timezone {
        query += &format!("&timezone={}", encoded(&zone.to_string()));
    }
    if let Some(duration) = question.duration {
        query += &format!("&duration={}", duration.num_minutes());
    }
    query + if question.match_mode == Match::All { "&match=all" } else { "&match=any" }
}

/// A date-time with an offset is parsed as chrono parses it, if chrono does.
fn assert_matches_chrono(text: &str) {
    let Ok(time) = DateTime::parse_from_rfc3339(text) else { return };
    // chrono accepts leap seconds.
    if time.nanosecond() < 1_000_000_000 {
        let read = parse_time(TimeParameter::At, text, None).ok();
        assert_eq!(read, Some(time.to_utc()), "{text}");
    }
}

/// Calendly's response to a question: ours is JSON with Calendly's objects byte for byte and our members at their ends.
pub fn answer(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let Ok(times) = AvailableTimes::parse(json.to_owned()) else { return };
    for (ids, query) in [
        (&["A"][..], "start_time=2026-12-01&end_time=2026-12-31"),
        (&["A"], "start_time=2026-12-01&end_time=2026-12-31&timezone=Europe/Lisbon&limit=2"),
        (&["A", "B"], "start_time=2026-12-01&end_time=2026-12-31&timezone=Asia/Kathmandu"),
        (&["A", "B"], "start_time=2026-12-01&end_time=2026-12-31&match=all&timezone=UTC"),
        (&["A"], "at=2026-12-01T10:00:00Z"),
    ] {
        let Ok(query) = query.parse::<Query>();
        let Ok(question) = Question::parse(&query, now()) else { panic!("{query:?}") };
        check_response(&question, ids, &times);
    }
}

fn check_response(question: &Question, ids: &[&str], times: &AvailableTimes) {
    let event_types: Vec<_> = ids
        .iter()
        .filter_map(|id| EventTypeUri::from_id(id))
        .map(|uri| {
            let duration = Some(TimeDelta::minutes(30));
            EventType::new(ResolvedEventType { uri, duration, duration_options: Vec::new() })
        })
        .collect();
    let window = TimeWindow { start_time: now(), end_time: now() + TimeWindow::MAX };
    let lists: Vec<_> = event_types
        .iter()
        .map(|_| {
            let mut list = SlotList::default();
            let availability = Arc::new(Availability { times: times.clone(), window, as_of: now() });
            list.add(WindowSlots { availability, range: all_slots(), is_cached: false });
            list
        })
        .collect();
    let found = FoundSlots { event_types, lists };
    let Ok(answer) = response::to_json(question, &found) else { panic!("no answer") };
    let Ok(answer) = serde_json::from_str::<Value>(&answer.json) else {
        // Members that are not needed are not parsed, and may be nested too deeply.
        assert!(times.slots().iter().any(|slot| !is_parsed(times.object(slot))), "no JSON: {}", answer.json);
        return;
    };
    let slots = times.slots();
    let free = slots.iter().filter(|slot| slot.is_available).count();
    let (length, is_any_free) = match question.times {
        RequestedTimes::Point(at) => {
            let is_free = slots.iter().any(|slot| slot.is_available && slot.start_time == at.moment());
            (usize::from(is_free), is_free)
        }
        RequestedTimes::Range { limit, .. } => {
            let most = limit.map_or(usize::MAX, Limit::max);
            match question.match_mode {
                Match::All => (free.min(most), free > 0),
                Match::Any => {
                    let is_any_free = slots.iter().take(most).any(|slot| slot.is_available);
                    ((slots.len() * ids.len()).min(most), is_any_free)
                }
            }
        }
    };
    let collection = answer.get("collection").and_then(Value::as_array);
    assert_eq!(collection.map(Vec::len), Some(length), "another number of slots");
    assert_eq!(answer.get("available"), Some(&Value::Bool(is_any_free)), "available");
    if question.match_mode == Match::Any && matches!(question.times, RequestedTimes::Range { .. }) {
        let objects = slots.iter().flat_map(|slot| ids.iter().map(move |_| times.object(slot)));
        for (found, object) in collection.into_iter().flatten().zip(objects) {
            assert_contains_members(found, object);
        }
    }
}

fn all_slots() -> SlotRange {
    let (start_time, end_time) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    SlotRange { start_time, end_time, includes_end: true }
}

fn is_parsed(object: &str) -> bool {
    // At the depth at which it is in the response.
    serde_json::from_str::<Value>(&format!("[[[[{object}]]]]")).is_ok()
}

/// Our object has every member of Calendly's, except those with names of ours.
fn assert_contains_members(found: &Value, object: &str) {
    let Ok(Value::Object(members)) = serde_json::from_str(object) else { panic!("{object}") };
    for (name, value) in members {
        let is_ours = ["event_type", "local_start_time", "local_end_time"].contains(&name.as_str());
        assert!(is_ours || found.get(&name) == Some(&value), "{name} of {object}");
    }
}

/// The text of a cached window is parsed as what was written.
pub fn availability_cache(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let Some(event_type) = EventTypeUri::from_id("A") else { return };
    let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let window =
        AvailabilityKey { event_type, start_time: time(1_796_083_200), end_time: time(1_798_761_600) };
    let as_of = time(1_796_083_300);
    if let Some(availability) = Availability::from_text(text, &window, as_of) {
        assert_eq!((availability.window.end_time, availability.as_of), (window.end_time, as_of));
        check_round_trip(&availability, &window);
    }
    if let Ok(times) = AvailableTimes::parse(text.to_owned()) {
        let requested = TimeWindow { start_time: time(1_796_083_260), end_time: window.end_time };
        check_round_trip(&Availability { times, window: requested, as_of }, &window);
    }
}

fn check_round_trip(availability: &Availability, window: &AvailabilityKey) {
    let text = availability.to_text().unwrap_or_default();
    let again = Availability::from_text(&text, window, availability.as_of);
    let parts =
        |availability: &Availability| (availability.times.clone(), availability.window, availability.as_of);
    assert_eq!(again.as_ref().map(parts), Some(parts(availability)), "parsed as something else");
}

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn questions() {
        replay("question", super::question);
    }

    #[test]
    fn answers() {
        replay("answer", super::answer);
    }

    #[test]
    fn cached_windows() {
        replay("availability_cache", super::availability_cache);
    }
}
