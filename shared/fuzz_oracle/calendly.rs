//! Calendly's responses.
#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::{ops::ControlFlow, str::from_utf8};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::{is_object, list, members, once};
use crate::{
    Error,
    calendly::{
        EventTypeVisitor,
        available_times::AvailableTimes,
        pagination::{AfterPage, read_page},
    },
};

/// Collects the first `most` event types.
struct Collector {
    objects: Vec<String>,
    most: usize,
}

impl EventTypeVisitor for Collector {
    fn restart(&mut self) {
        self.objects.clear();
    }

    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error> {
        self.objects.push(event_type.get().to_owned());
        Ok(if self.objects.len() >= self.most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// A page of `GET /event_types`: it is accepted if the plain parser accepts it, its event types are visited byte for
/// byte and in order, and the next page is the one that it names.
pub fn event_types(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let expected = page(json);
    // All event types, and the first two.
    for most in [usize::MAX, 2] {
        let mut collector = Collector { objects: Vec::new(), most };
        let read = read_page(json, &mut collector, || Ok(()));
        let Some((all, next, has_next_page)) = &expected else {
            assert!(is_refusal(read.err()), "a malformed page was accepted");
            continue;
        };
        let first: Vec<_> = all.iter().take(most).copied().collect();
        assert_eq!(collector.objects, first, "different objects");
        match read {
            Ok(AfterPage::Next { page_token }) => {
                assert_eq!(Some(&page_token), next.as_ref(), "a different page token");
                assert!(all.len() < most, "the visitor needs no more");
            }
            Ok(AfterPage::End) => {
                assert!(all.len() >= most || (next.is_none() && !has_next_page), "not the last page");
            }
            Err(error) if is_refusal(Some(error.clone())) && next.is_none() && *has_next_page => {
                assert!(all.len() < most, "the visitor needs no more");
            }
            Err(error) => panic!("a valid page was refused: {error}"),
        }
    }
}

/// The objects of a page, the token of the next, and whether there is a `next_page`.
fn page(json: &str) -> Option<(Vec<&str>, Option<String>, bool)> {
    let page = members(json)?;
    let objects: Vec<_> = list(once(&page, "collection")??)?.into_iter().map(RawValue::get).collect();
    let pagination = members(once(&page, "pagination")??)?;
    let next = once(&pagination, "next_page_token")?.map(serde_json::from_str).transpose().ok()?;
    let has_next_page = once(&pagination, "next_page")?.is_some();
    let is_valid = objects.iter().all(|object| is_object(object));
    is_valid.then_some((objects, next, has_next_page))
}

/// A response of `GET /event_type_available_times`: it is accepted if the plain parser accepts it, its slots are in
/// order, and each is Calendly's object byte for byte.
pub fn available_times(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let read = AvailableTimes::parse(json.to_owned());
    let Some(expected) = slots(json) else {
        assert!(is_refusal(read.err()), "a malformed response was accepted");
        return;
    };
    let times = match read {
        Ok(times) => times,
        Err(error) => panic!("a valid response was refused: {error}"),
    };
    let slots = times.slots().iter();
    let found: Vec<_> = slots.map(|slot| (slot.start_time, slot.is_available, times.object(slot))).collect();
    assert_eq!(found, expected, "different slots");
}

/// The start, availability and object of each slot; of several with one start, the first available one, or else the
/// first.
fn slots(json: &str) -> Option<Vec<(DateTime<Utc>, bool, &str)>> {
    let answer = members(json)?;
    // `pagination` may be anything, but not twice.
    once(&answer, "pagination")?;
    let mut slots: Vec<(DateTime<Utc>, bool, &str)> = Vec::new();
    for object in list(once(&answer, "collection")??)? {
        let slot = members(object.get())?;
        let text = |name| once(&slot, name)?.map(serde_json::from_str::<String>).transpose().ok();
        let start_time = DateTime::parse_from_rfc3339(&text("start_time")??).ok()?.to_utc();
        let is_available = text("status")?.as_deref() == Some("available");
        let at = slots.partition_point(|(other, ..)| *other < start_time);
        match slots.get_mut(at) {
            Some((other, was_available, best)) if *other == start_time => {
                if is_available && !*was_available {
                    (*was_available, *best) = (true, object.get());
                }
            }
            _ => slots.insert(at, (start_time, is_available, object.get())),
        }
    }
    Some(slots)
}

fn is_refusal(error: Option<Error>) -> bool {
    error.is_some_and(|error| error.code() == "calendly_invalid_response")
}
