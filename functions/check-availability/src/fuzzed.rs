//! What a caller asks and what is made of Calendly's answers, and what must hold of them whatever the bytes are:
//! `shared::fuzzed` has the other kinds of bytes.

use std::str::from_utf8;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::Value;
use shared::{
    Query,
    calendly::{Answered, AvailableTimes, EventTypeUri, TimeWindow, utc},
};

use crate::{
    answer,
    chosen::Chosen,
    event_type::{Choice, EventTypeRef},
    moment::{self, Edge},
    open_times::{OpenTimes, Window},
    question::{Asked, Match, Question, Times},
    range::TimeRange,
};

/// 2026-11-25T12:00:00Z.
const NOW: i64 = 1_795_608_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap_or_default()
}

/// A query string: a question that is understood is within all limits, what is asked of Calendly for it is all of it and
/// no window that Calendly would refuse, and it is the same question when it is written anew. One that is refused says
/// which parameter to change.
pub(crate) fn question(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    agrees_with_chrono(text);
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
    assert!((1..=10).contains(&question.event_types.len()), "none, or too many");
    for (index, event_type) in question.event_types.iter().enumerate() {
        assert!(!question.event_types.iter().take(index).any(|other| other == event_type), "twice");
    }
    assert!(question.duration.is_none_or(|duration| duration >= TimeDelta::minutes(1)), "no length");
    let rest = match question.times {
        Times::At(at) => {
            let ahead = at.moment() - now();
            assert!(ahead >= TimeDelta::minutes(1) && ahead <= TimeDelta::days(366), "{ahead}");
            format!("at={}", utc(at.moment()))
        }
        Times::Range { range, limit } => {
            assert!(limit.is_none_or(|limit| (1..=1_000).contains(&limit)), "{limit:?}");
            is_asked_whole(&question, range);
            let limit = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
            format!("start_time={}&end_time={}{limit}", utc(range.start_time()), utc(range.end_time()))
        }
    };
    let again = written(&question, rest);
    let again = again.parse::<Query>().ok().and_then(|query| Question::parse(&query, now()).ok());
    assert_eq!(format!("{again:?}"), format!("{:?}", Some(&question)), "another question");
}

/// The windows of a range: in order, without a gap, and such as Calendly takes.
fn is_asked_whole(question: &Question, range: TimeRange) {
    assert!(range.start_time() > now() && range.end_time() > range.start_time(), "{range:?}");
    assert!(range.end_time() - range.start_time() <= TimeDelta::days(366), "{range:?}");
    for are_kept in [false, true] {
        let parts = question.times.parts(are_kept);
        assert!((1..=13).contains(&parts.len()), "{} calls", parts.len());
        let mut covered = range.start_time();
        for part in parts {
            let window = match part {
                Asked::Part(part) => part.window(now()),
                Asked::Shared(aligned) => aligned.window(now()),
                Asked::Around(at) => at.window(now()),
            };
            let Ok(TimeWindow { start_time, end_time }) = window else {
                panic!("{range:?}: nothing is left")
            };
            assert!(start_time > now() && start_time < end_time, "{range:?}: {start_time} to {end_time}");
            assert!(end_time - start_time <= TimeWindow::LONGEST, "{range:?}: {start_time} to {end_time}");
            assert!(start_time <= covered, "{range:?}: a gap before {start_time}");
            covered = end_time;
        }
        assert!(covered >= range.end_time(), "{range:?}: the end is missing");
    }
}

/// A question as a query.
fn written(question: &Question, times: String) -> String {
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
    query + if question.matching == Match::All { "&match=all" } else { "&match=any" }
}

/// A date-time with an offset is what chrono takes it for, if it takes it.
fn agrees_with_chrono(text: &str) {
    let Ok(time) = DateTime::parse_from_rfc3339(text) else { return };
    // A leap second, which no calendar has.
    if time.nanosecond() < 1_000_000_000 {
        let read = moment::parse(Edge::At, text, None).ok();
        assert_eq!(read, Some(time.to_utc()), "{text}");
    }
}

/// Calendly's answer to a question: what is answered is JSON in which Calendly's objects stand as they came, with what is
/// added to them, and for two event types each in its place.
pub(crate) fn answer(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let Ok(times) = AvailableTimes::parse(json.to_owned()) else { return };
    for (id, query) in [
        ("A", "start_time=2026-12-01&end_time=2026-12-31"),
        ("A", "start_time=2026-12-01&end_time=2026-12-31&timezone=Europe/Lisbon&limit=2"),
        ("B", "start_time=2026-12-01&end_time=2026-12-31&timezone=Asia/Kathmandu"),
        ("B", "start_time=2026-12-01&end_time=2026-12-31&match=all&timezone=UTC"),
        ("A", "at=2026-12-01T10:00:00Z"),
    ] {
        let Ok(query) = query.parse::<Query>();
        let Ok(question) = Question::parse(&query, now()) else { panic!("{query:?}") };
        is_answered(&question, id, &times);
    }
}

fn is_answered(question: &Question, second: &str, times: &AvailableTimes) {
    let ids = if second == "A" { vec!["A"] } else { vec!["A", second] };
    let chosen: Vec<_> = ids
        .iter()
        .filter_map(|id| EventTypeUri::from_id(id))
        .map(|uri| {
            let duration = Some(TimeDelta::minutes(30));
            Chosen::of(Choice { uri, duration, duration_options: Vec::new() })
        })
        .collect();
    let asked = TimeWindow { start_time: now(), end_time: now() + TimeWindow::LONGEST };
    let open: Vec<_> = chosen
        .iter()
        .map(|_| {
            let mut open = OpenTimes::default();
            open.add(Window::whole(Answered { times: times.clone(), asked, as_of: now() }));
            open
        })
        .collect();
    let Ok(answer) = answer::of(question, &chosen, &open) else { panic!("no answer") };
    let Ok(answer) = serde_json::from_str::<Value>(&answer.json) else {
        // What Calendly sends beside what is needed is not looked into, and may be nested as deeply as it likes.
        assert!(times.slots().iter().any(|slot| !is_read(times.object(slot))), "no JSON: {}", answer.json);
        return;
    };
    let slots = times.slots();
    let free = slots.iter().filter(|slot| slot.is_available).count();
    let (length, is_any_free) = match question.times {
        Times::At(at) => {
            let is_free = slots.iter().any(|slot| slot.is_available && slot.start_time == at.moment());
            (usize::from(is_free), is_free)
        }
        Times::Range { limit, .. } => {
            let most = limit.unwrap_or(usize::MAX);
            match question.matching {
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
    if question.matching == Match::Any && matches!(question.times, Times::Range { .. }) {
        let objects = slots.iter().flat_map(|slot| ids.iter().map(move |_| times.object(slot)));
        for (found, object) in collection.into_iter().flatten().zip(objects) {
            has_all_of(found, object);
        }
    }
}

fn is_read(object: &str) -> bool {
    // As deep as it stands in the answer.
    serde_json::from_str::<Value>(&format!("[[[[{object}]]]]")).is_ok()
}

/// Every member of Calendly's object, but those of names that are ours.
fn has_all_of(found: &Value, object: &str) {
    let Ok(Value::Object(members)) = serde_json::from_str(object) else { panic!("{object}") };
    for (name, value) in members {
        let is_ours = ["event_type", "local_start_time", "local_end_time"].contains(&name.as_str());
        assert!(is_ours || found.get(&name) == Some(&value), "{name} of {object}");
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The inputs in `tests/fuzz/corpus`, without a fuzzer.
    fn replay(target: &str, check: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
        let inputs: Vec<_> = fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{}", corpus.display());
        for input in inputs {
            check(&fs::read(input).unwrap());
        }
    }

    #[test]
    fn questions() {
        replay("question", super::question);
    }

    #[test]
    fn answers() {
        replay("answer", super::answer);
    }
}
