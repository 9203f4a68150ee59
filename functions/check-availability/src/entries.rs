//! The entries of a collection: slots of any event type, or instants at which all event types are available.

use chrono::{DateTime, Utc};
use shared::calendly::Slot;

use crate::{
    merge::{MergedSlots, SlotList},
    question::{Limit, Match, PointQuery},
};

/// A slot of an entry, with the index of its event type and its JSON object.
#[derive(Debug, Clone, Copy)]
pub struct EntrySlot<'a> {
    /// The index of its event type in the question.
    pub event_type: usize,
    /// The slot.
    pub slot: &'a Slot,
    /// Calendly's JSON object.
    pub object: &'a str,
}

/// The entries of a collection, ascending by start. An entry has one slot, or with [`Match::All`] one of each event type.
/// Entries are computed on each pass and never stored, so that memory does not grow with their number.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'a> {
    lists: &'a [SlotList],
    match_mode: Match,
    filter: Filter,
    limit: usize,
}

/// Which entries are included.
#[derive(Debug, Clone, Copy)]
enum Filter {
    All,
    Available,
    /// Available entries at a moment.
    At(PointQuery),
    /// Available entries after a moment.
    After(PointQuery),
}

impl<'a> Entries<'a> {
    /// All entries. Slots with the same start are in the order of their event types.
    #[must_use]
    pub fn new(lists: &'a [SlotList], match_mode: Match) -> Self {
        let filter = match match_mode {
            Match::Any => Filter::All,
            Match::All => Filter::Available,
        };
        Self { lists, match_mode, filter, limit: usize::MAX }
    }

    /// The first `limit` of these entries.
    #[must_use]
    pub fn first(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The entries that an answer with this limit has.
    #[must_use]
    pub fn limited_to(self, limit: Option<Limit>) -> Self {
        match limit {
            None => self,
            Some(Limit::Entries(limit)) => self.first(limit),
            Some(Limit::AvailableEntries(limit)) => self.available().first(limit),
        }
    }

    /// Whether an answer with this limit needs no entries after `until`.
    pub(crate) fn reach(self, limit: Limit, until: DateTime<Utc>) -> bool {
        let mut count = 0;
        self.limited_to(Some(limit)).for_each(|entry| {
            count += usize::from(entry.iter().all(|slot| slot.slot.start_time <= until));
        });
        count >= limit.max()
    }

    /// The available entries.
    #[must_use]
    pub fn available(self) -> Self {
        Self { filter: Filter::Available, ..self }
    }

    /// The available entries at the moment of `point`.
    #[must_use]
    pub fn at(self, point: PointQuery) -> Self {
        Self { filter: Filter::At(point), ..self }
    }

    /// The available entries that follow the moment of `point`.
    #[must_use]
    pub fn after(self, point: PointQuery) -> Self {
        Self { filter: Filter::After(point), ..self }
    }

    /// Calls `each` with the slots of each entry.
    pub fn for_each(&self, mut each: impl FnMut(&[EntrySlot<'a>])) {
        // Most questions are about one event type and have nothing to merge.
        if let [list] = self.lists {
            let all = list.iter().map(|(slot, object)| [EntrySlot { event_type: 0, slot, object }]);
            all.filter(|entry| self.includes(entry)).take(self.limit).for_each(|entry| each(&entry));
            return;
        }
        let mut lists: Vec<MergedSlots<'a>> = self.lists.iter().map(SlotList::iter).collect();
        let entry_length = match self.match_mode {
            Match::Any => 1,
            Match::All => lists.len(),
        };
        let mut instant = Vec::with_capacity(lists.len());
        let mut left = self.limit;
        while left > 0 && next_instant(&mut lists, &mut instant) {
            for entry in instant.chunks_exact(entry_length).filter(|entry| self.includes(entry)).take(left) {
                each(entry);
                left -= 1;
            }
        }
    }

    fn includes(&self, entry: &[EntrySlot<'_>]) -> bool {
        let includes = |slot: &Slot| match self.filter {
            Filter::All => true,
            Filter::Available => slot.is_available,
            Filter::At(point) => slot.is_available && slot.start_time == point.moment(),
            Filter::After(point) => slot.is_available && point.includes_in_next(slot.start_time),
        };
        entry.iter().all(|entry| includes(entry.slot))
    }
}

/// Moves the slots of the next instant into `instant`, at most one per list; `false` at the end.
fn next_instant<'a>(lists: &mut [MergedSlots<'a>], instant: &mut Vec<EntrySlot<'a>>) -> bool {
    instant.clear();
    let starts = lists.iter().filter_map(|slots| Some(slots.peek()?.0.start_time));
    let Some(start_time) = starts.min() else { return false };
    for (event_type, slots) in lists.iter_mut().enumerate() {
        if slots.peek().is_some_and(|(slot, _)| slot.start_time == start_time)
            && let Some((slot, object)) = slots.next()
        {
            instant.push(EntrySlot { event_type, slot, object });
        }
    }
    true
}

impl EntrySlot<'_> {
    /// Whether the slot is available.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.slot.is_available
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        sync::Arc,
    };

    use chrono::{FixedOffset, TimeDelta};
    use proptest::prelude::*;
    use shared::calendly::{Availability, AvailableTimes, TimeWindow};

    use super::*;
    use crate::{merge::WindowSlots, question::SlotRange};

    /// A moment by its quarter-hour.
    fn time(quarter: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_792_800_000 + quarter * 900, 0).unwrap()
    }

    /// Slots by quarter-hour, each with whether it is available. Their start times are written with an offset.
    fn slot_list(slots: &BTreeMap<i64, bool>, offset: FixedOffset) -> SlotList {
        let slots = slots.iter().map(|(quarter, is_available)| {
            let start_time = time(*quarter).with_timezone(&offset).to_rfc3339();
            let status = if *is_available { "available" } else { "unavailable" };
            format!(r#"{{"start_time":"{start_time}","status":"{status}"}}"#)
        });
        let json = format!(r#"{{"collection":[{}]}}"#, slots.collect::<Vec<_>>().join(","));
        let window = TimeWindow { start_time: time(0), end_time: time(100) };
        let range = SlotRange { start_time: time(0), end_time: time(100), includes_end: true };
        let times = AvailableTimes::parse(json).unwrap();
        let availability = Arc::new(Availability { times, window, as_of: time(0) });
        let mut list = SlotList::default();
        list.add(WindowSlots { availability, range, is_cached: false });
        list
    }

    /// The start and the event types of each entry.
    fn keys(entries: &Entries<'_>) -> Vec<(DateTime<Utc>, Vec<usize>)> {
        let mut keys = Vec::new();
        entries.for_each(|entry| {
            keys.push((entry[0].slot.start_time, entry.iter().map(|slot| slot.event_type).collect()));
        });
        keys
    }

    proptest! {
        #[test]
        fn entries_agree_with_sets_of_slots(
            slots in prop::collection::vec(
                prop::collection::btree_map(0i64..100, any::<bool>(), 0..60), 1..5
            ),
            limit in 1usize..80,
            moment in 0i64..100,
        ) {
            let offsets = [0, 20_700, -12_600].map(|seconds| FixedOffset::east_opt(seconds).unwrap());
            let lists = slots.iter().zip(offsets.into_iter().cycle());
            let lists: Vec<_> = lists.map(|(slots, offset)| slot_list(slots, offset)).collect();
            let point = PointQuery::new(time(moment), time(moment) - TimeDelta::days(1)).unwrap();
            let is_available = |(quarter, event_types): &&(i64, Vec<usize>)| {
                event_types.iter().all(|event_type| slots[*event_type].get(quarter) == Some(&true))
            };
            let of_one = |one: usize| slots[one].keys().map(move |quarter| (*quarter, vec![one]));
            let any: BTreeSet<_> = (0..slots.len()).flat_map(of_one).collect();
            let all: BTreeSet<_> = (0..100).map(|quarter| (quarter, Vec::from_iter(0..slots.len()))).collect();
            for (match_mode, expected) in [(Match::Any, any), (Match::All, all)] {
                let available: Vec<_> = expected.iter().filter(is_available).cloned().collect();
                let expected: Vec<_> = match match_mode {
                    Match::Any => expected.into_iter().collect(),
                    Match::All => available.clone(),
                };
                let entries = Entries::new(&lists, match_mode);
                let at = |(quarter, _): &&(i64, Vec<usize>)| *quarter == moment;
                let after = |(quarter, _): &&(i64, Vec<usize>)| *quarter > moment;
                for (entries, expected) in [
                    (entries, expected.clone()),
                    (entries.first(limit), expected.into_iter().take(limit).collect()),
                    (entries.available(), available.clone()),
                    (entries.first(limit).available(), available.iter().take(limit).cloned().collect()),
                    (entries.at(point), available.iter().filter(at).cloned().collect()),
                    (entries.after(point).first(3), available.iter().filter(after).take(3).cloned().collect()),
                ] {
                    let expected: Vec<_> =
                        expected.into_iter().map(|(quarter, event_types)| (time(quarter), event_types)).collect();
                    prop_assert_eq!(keys(&entries), expected);
                }
            }
        }
    }
}
