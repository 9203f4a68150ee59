//! Answers of Calendly's.
#![expect(clippy::panic, reason = "this is how a finding is told")]

use std::{cell::Cell, ops::ControlFlow, str::from_utf8};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::{is_object, list, members, once};
use crate::calendly::{
    available_times::{Answered, AvailableTimes, TimeWindow},
    kept_times::Span,
    pagination::Page,
};
use crate::{Error, cache::remote::Value, calendly::uri::EventTypeUri};

/// A page of `GET /event_types`: it is understood if a plain reading understands it, what is visited are its objects byte
/// for byte and in their order, and the next page is the one that it names.
pub fn event_types(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let expected = page(json);
    // All of it, and as far as its second object.
    for most in [usize::MAX, 2] {
        let visited = Cell::new(0);
        let mut objects: Vec<String> = Vec::new();
        let mut visit = |event_type: &RawValue| {
            visited.set(visited.get() + 1);
            objects.push(event_type.get().to_owned());
            Ok(if visited.get() >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let read = Page::read(json, &mut visit);
        let Some((all, next)) = &expected else {
            assert!(is_refusal(read.err()), "a page that is none");
            continue;
        };
        let first: Vec<_> = all.iter().take(most).copied().collect();
        assert_eq!(objects, first, "other objects");
        match read {
            Ok(Page::Over(())) => assert!(all.len() >= most, "it broke off by itself"),
            Ok(Page::Next { token }) => assert_eq!(Some(&token), next.as_ref(), "another page"),
            Ok(Page::Last) => assert!(next.is_none() && all.len() < most, "not the last page"),
            Err(error) => panic!("a good page was refused: {error}"),
        }
    }
}

/// The objects of a page, and the token of the next.
fn page(json: &str) -> Option<(Vec<&str>, Option<String>)> {
    let page = members(json)?;
    let objects: Vec<_> = list(once(&page, "collection")??)?.into_iter().map(RawValue::get).collect();
    let pagination = members(once(&page, "pagination")??)?;
    let next = once(&pagination, "next_page_token")?.map(serde_json::from_str).transpose().ok()?;
    objects.iter().all(|object| is_object(object)).then_some((objects, next))
}

/// An answer of `GET /event_type_available_times`: it is understood if a plain reading understands it, its slots are in
/// order, and each is Calendly's object byte for byte.
pub fn available_times(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let read = AvailableTimes::parse(json.to_owned());
    let Some(expected) = slots(json) else {
        assert!(is_refusal(read.err()), "an answer that is none");
        return;
    };
    let times = match read {
        Ok(times) => times,
        Err(error) => panic!("a good answer was refused: {error}"),
    };
    let slots = times.slots().iter();
    let found: Vec<_> = slots.map(|slot| (slot.start_time, slot.is_available, times.object(slot))).collect();
    assert_eq!(found, expected, "other slots");
}

/// When the slots of an answer start, whether they are available, and their objects; of an instant the first.
fn slots(json: &str) -> Option<Vec<(DateTime<Utc>, bool, &str)>> {
    let answer = members(json)?;
    // Nothing is read there, and so it may be anything, but not twice.
    once(&answer, "pagination")?;
    let mut slots: Vec<(DateTime<Utc>, bool, &str)> = Vec::new();
    for object in list(once(&answer, "collection")??)? {
        let slot = members(object.get())?;
        let text = |name| once(&slot, name)?.map(serde_json::from_str::<String>).transpose().ok();
        let start_time = DateTime::parse_from_rfc3339(&text("start_time")??).ok()?.to_utc();
        let is_available = text("status")?.as_deref() == Some("available");
        let at = slots.partition_point(|(other, ..)| *other < start_time);
        if slots.get(at).is_none_or(|(other, ..)| *other != start_time) {
            slots.insert(at, (start_time, is_available, object.get()));
        }
    }
    Some(slots)
}

fn is_refusal(error: Option<Error>) -> bool {
    error.is_some_and(|error| error.code() == "calendly_invalid_response")
}

/// What the shared cache holds about a window: it is read again as it was written, and of other texts no more is
/// understood than an answer of Calendly's behind a moment.
pub fn kept_times(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let Some(event_type) = EventTypeUri::from_id("A") else { return };
    let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let span = Span { event_type, start_time: moment(1_796_083_200), end_time: moment(1_798_761_600) };
    let value = Value { as_of: moment(1_796_083_300), text: text.to_owned() };
    let read = Answered::of_text(&value, &span);
    let expected = text.split_once('\n').and_then(|(start_time, json)| {
        let start_time = DateTime::parse_from_rfc3339(start_time).ok()?.to_utc();
        Some((start_time, slots(json)?.len()))
    });
    let found = read.as_ref().map(|answered| (answered.asked.start_time, answered.times.slots().len()));
    assert_eq!(found, expected, "another answer");
    if let Some(answered) = &read {
        assert_eq!((answered.asked.end_time, answered.as_of), (span.end_time, value.as_of));
        is_read_as_it_was_written(answered, &span);
    }
    if let Ok(times) = AvailableTimes::parse(text.to_owned()) {
        let asked = TimeWindow { start_time: moment(1_796_083_260), end_time: span.end_time };
        is_read_as_it_was_written(&Answered { times, asked, as_of: value.as_of }, &span);
    }
}

fn is_read_as_it_was_written(answered: &Answered, span: &Span) {
    let again = Answered::of_text(&answered.to_value(), span);
    let parts = |answered: &Answered| (answered.times.clone(), answered.asked, answered.as_of);
    assert_eq!(again.as_ref().map(parts), Some(parts(answered)), "it is read as something else");
}
