//! Merges the slots of an event type's windows into one ascending list.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared::calendly::{Availability, AvailableTimes, Slot};

use crate::question::SlotRange;

/// The slots of one event type, ascending by start.
#[derive(Debug, Default)]
pub struct SlotList {
    start_time: Option<DateTime<Utc>>,
    as_of: Option<DateTime<Utc>>,
    windows: Vec<WindowSlots>,
}

/// The wanted slots of one response.
#[derive(Debug)]
pub(crate) struct WindowSlots {
    availability: Arc<Availability>,
    range: SlotRange,
    /// Whether the response may have been cached.
    is_cached: bool,
}

impl WindowSlots {
    /// The slots in a range of a response that was just received.
    pub(crate) fn new(availability: Availability, range: SlotRange) -> Self {
        Self { availability: Arc::new(availability), range, is_cached: false }
    }

    /// The slots in a range of a response that may have been cached.
    pub(crate) fn cached(availability: Arc<Availability>, range: SlotRange) -> Self {
        Self { availability, range, is_cached: true }
    }

    fn slots(&self) -> &[Slot] {
        let slots = self.availability.times.slots();
        let start = slots.partition_point(|slot| slot.start_time < self.range.start_time);
        let end = slots.partition_point(|slot| !self.range.is_before(slot.start_time));
        slots.get(start..end).unwrap_or_default()
    }
}

impl SlotList {
    /// The start of the first window.
    pub(crate) fn start_time(&self) -> Option<DateTime<Utc>> {
        self.start_time
    }

    /// When Calendly provided the oldest part; `None` if no part may have been cached.
    pub(crate) fn as_of(&self) -> Option<DateTime<Utc>> {
        self.as_of
    }

    /// Adds the next window.
    pub(crate) fn add(&mut self, window: WindowSlots) {
        let WindowSlots { availability, range, is_cached } = &window;
        self.start_time.get_or_insert(range.start_time);
        if *is_cached {
            self.as_of = Some(self.as_of.map_or(availability.as_of, |as_of| as_of.min(availability.as_of)));
        }
        self.windows.push(window);
    }

    /// The slots with their JSON objects, without duplicate starts: adjacent windows may share a slot at their
    /// boundary.
    pub(crate) fn iter(&self) -> MergedSlots<'_> {
        let mut windows = Vec::with_capacity(self.windows.len());
        for window in &self.windows {
            windows.push(Remaining { times: &window.availability.times, slots: window.slots() });
        }
        MergedSlots { windows }
    }
}

/// Merges several windows lazily, without copying slots.
#[derive(Debug, Clone)]
pub(crate) struct MergedSlots<'a> {
    windows: Vec<Remaining<'a>>,
}

/// The slots of a window that are not merged yet.
#[derive(Debug, Clone, Copy)]
struct Remaining<'a> {
    times: &'a AvailableTimes,
    slots: &'a [Slot],
}

impl<'a> MergedSlots<'a> {
    /// The next slot, without taking it.
    pub(crate) fn peek(&self) -> Option<(&'a Slot, &'a str)> {
        let firsts = self.windows.iter().filter_map(|window| Some((window.slots.first()?, window.times)));
        // Of slots with the same start, prefers an available one, then the first.
        let (slot, times) = firsts.min_by_key(|(slot, _)| slot.merge_key())?;
        Some((slot, times.object(slot)))
    }
}

impl<'a> Iterator for MergedSlots<'a> {
    type Item = (&'a Slot, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // Most answers have one window and nothing to merge.
        if let [Remaining { times, slots }] = self.windows.as_mut_slice() {
            let (slot, others) = slots.split_first()?;
            *slots = others;
            return Some((slot, times.object(slot)));
        }
        let (slot, object) = self.peek()?;
        for window in &mut self.windows {
            if let Some((first, others)) = window.slots.split_first()
                && first.start_time == slot.start_time
            {
                window.slots = others;
            }
        }
        Some((slot, object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::calendly::{TimeWindow, utc};

    use super::*;

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn range(start: i64, end: i64, includes_end: bool) -> SlotRange {
        SlotRange { start_time: time(start), end_time: time(end), includes_end }
    }

    fn availability(times: AvailableTimes, as_of: i64) -> Availability {
        let window = TimeWindow { start_time: time(0), end_time: time(10_000) };
        Availability { times, window, as_of: time(as_of) }
    }

    fn merged(windows: Vec<AvailableTimes>) -> SlotList {
        let mut times = SlotList::default();
        for window in windows {
            times.add(WindowSlots::new(availability(window, 0), range(0, 10_000, true)));
        }
        times
    }

    fn window(seconds: impl Iterator<Item = i64>) -> AvailableTimes {
        let slots: Vec<String> =
            seconds.map(|seconds| format!(r#"{{"start_time":"{}"}}"#, utc(time(seconds)))).collect();
        AvailableTimes::parse(format!(r#"{{"collection":[{}]}}"#, slots.join(","))).unwrap()
    }

    proptest! {
        #[test]
        fn merging_any_split_restores_the_slots(
            set in prop::collection::btree_set(0i64..10_000, 0..200),
            windows in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..80), 0..6),
        ) {
            let all: Vec<i64> = set.iter().copied().collect();
            // Windows that overlap, repeat and are out of order, and one that completes the set.
            let mut split: Vec<AvailableTimes> = windows
                .iter()
                .map(|indices| window(indices.iter().filter(|_| !all.is_empty()).map(|index| *index.get(&all))))
                .collect();
            split.push(window(all.iter().rev().copied()));
            let merged = merged(split);
            let seconds: Vec<i64> = merged.iter().map(|(slot, _)| slot.start_time.timestamp()).collect();
            prop_assert_eq!(seconds, all);
            for (slot, object) in merged.iter() {
                prop_assert_eq!(object, format!(r#"{{"start_time":"{}"}}"#, utc(slot.start_time)));
            }
        }
    }

    #[test]
    fn ranges_include_both_ends_and_as_of_is_the_oldest() {
        let within = |seconds: &[i64], as_of, start: i64, end: i64| {
            let availability = availability(window(seconds.iter().copied()), as_of);
            WindowSlots::cached(Arc::new(availability), range(start, end, true))
        };
        let mut times = SlotList::default();
        times.add(within(&[1, 2, 3, 4], 70, 2, 5));
        assert_eq!(times.as_of(), Some(time(70)));
        times.add(within(&[4, 5, 6, 7, 8], 60, 5, 7));
        times.add(within(&[9], 80, 10, 20));
        let seconds: Vec<i64> = times.iter().map(|(slot, _)| slot.start_time.timestamp()).collect();
        assert_eq!(seconds, [2, 3, 4, 5, 6, 7]);
        assert_eq!((times.start_time(), times.as_of()), (Some(time(2)), Some(time(60))));
        times.add(WindowSlots::new(availability(window([11].into_iter()), 50), range(11, 11, true)));
        assert_eq!(times.as_of(), Some(time(60)));
        assert_eq!(merged(vec![window([1].into_iter())]).as_of(), None);
    }

    #[test]
    fn the_end_of_a_range_may_be_excluded() {
        for (includes_end, expected) in [(true, &[2, 3, 4][..]), (false, &[2, 3])] {
            let mut list = SlotList::default();
            let availability = availability(window([1, 2, 3, 4, 5].into_iter()), 0);
            list.add(WindowSlots::new(availability, range(2, 4, includes_end)));
            let seconds: Vec<i64> = list.iter().map(|(slot, _)| slot.start_time.timestamp()).collect();
            assert_eq!(seconds, expected);
        }
    }

    #[test]
    fn an_available_slot_of_any_window_wins() {
        let window = |status: &str| {
            let json =
                format!(r#"{{"collection":[{{"start_time":"1970-01-01T00:00:05Z","status":"{status}"}}]}}"#);
            let times = AvailableTimes::parse(json).unwrap();
            WindowSlots::new(availability(times, 0), range(0, 10, true))
        };
        for statuses in [["unavailable", "available"], ["available", "unavailable"]] {
            let mut list = SlotList::default();
            statuses.map(window).into_iter().for_each(|window| list.add(window));
            let available: Vec<bool> = list.iter().map(|(slot, _)| slot.is_available).collect();
            assert_eq!(available, [true]);
        }
    }
}
