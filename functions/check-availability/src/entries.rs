//! What stands in a collection: slots of any event type, or instants at which all are free.

use chrono::{DateTime, Utc};
use shared::calendly::Slot;

use crate::{open_times::OpenTimes, question::Match};

/// A slot, whose event type it is by its place among those asked, and Calendly's object for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) event_type: usize,
    pub(crate) slot: &'a Slot,
    pub(crate) object: &'a str,
}

/// Entries, ascending by start. Each has as many slots as the next: one, or with [`Match::All`] one of each event type.
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    slots: Vec<Placed<'a>>,
    slots_each: usize,
}

impl<'a> Entries<'a> {
    /// Those of all the event types, in whose order the slots of one instant come.
    pub(crate) fn of(times: &'a [OpenTimes], matching: Match) -> Self {
        let mut slots: Vec<Placed<'a>> = Vec::with_capacity(times.iter().map(OpenTimes::len).sum());
        for (event_type, times) in times.iter().enumerate() {
            slots.extend(times.iter().map(|(slot, object)| Placed { event_type, slot, object }));
        }
        if matching == Match::All {
            slots.retain(|placed| placed.slot.is_available);
        }
        if times.len() > 1 {
            // Stable, so that slots of one instant stay in the order of their event types.
            slots.sort_by_key(Placed::start_time);
        }
        if matching == Match::Any {
            return Self { slots, slots_each: 1 };
        }
        // An event type has no two slots at one instant.
        let is_whole = |instant: &&[Placed<'a>]| instant.len() == times.len();
        let slots = slots
            .chunk_by(|one, other| one.start_time() == other.start_time())
            .filter(is_whole)
            .flatten()
            .copied()
            .collect();
        Self { slots, slots_each: times.len() }
    }

    /// Only the first so many.
    pub(crate) fn first(mut self, limit: usize) -> Self {
        self.slots.truncate(limit.saturating_mul(self.slots_each));
        self
    }

    /// Only those with available slots that start when they are wanted.
    pub(crate) fn available(&self, is_wanted: impl Fn(DateTime<Utc>) -> bool) -> Self {
        let is_wanted = |placed: &&Placed<'a>| placed.slot.is_available && is_wanted(placed.start_time());
        Self { slots: self.slots.iter().filter(is_wanted).copied().collect(), slots_each: self.slots_each }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() / self.slots_each.max(1)
    }

    pub(crate) fn is_any_available(&self) -> bool {
        self.slots.iter().any(|placed| placed.slot.is_available)
    }

    pub(crate) fn slots(&self) -> &[Placed<'a>] {
        &self.slots
    }

    /// The slots of each entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Placed<'a>]> {
        self.slots.chunks(self.slots_each.max(1))
    }
}

impl Placed<'_> {
    fn start_time(&self) -> DateTime<Utc> {
        self.slot.start_time
    }
}
