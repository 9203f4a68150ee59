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
    /// The response.
    pub(crate) availability: Arc<Availability>,
    /// The starts of the wanted slots.
    pub(crate) range: SlotRange,
    /// Whether the response may have been cached.
    pub(crate) is_cached: bool,
}

impl WindowSlots {
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

    fn window_slots(times: AvailableTimes, range: SlotRange) -> WindowSlots {
        let window = TimeWindow { start_time: time(0), end_time: time(10_000) };
        let availability = Arc::new(Availability { times, window, as_of: time(0) });
        WindowSlots { availability, range, is_cached: false }
    }

    fn list(windows: impl IntoIterator<Item = WindowSlots>) -> SlotList {
        let mut list = SlotList::default();
        windows.into_iter().for_each(|window| list.add(window));
        list
    }

    fn starts(list: &SlotList) -> Vec<i64> {
        list.iter().map(|(slot, _)| slot.start_time.timestamp()).collect()
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
            let merged = list(split.into_iter().map(|times| window_slots(times, range(0, 10_000, true))));
            prop_assert_eq!(starts(&merged), all);
            for (slot, object) in merged.iter() {
                prop_assert_eq!(object, format!(r#"{{"start_time":"{}"}}"#, utc(slot.start_time)));
            }
        }
    }

    #[test]
    fn slots_outside_of_their_range_are_left_out() {
        for (includes_end, expected) in [(true, &[2, 3, 4][..]), (false, &[2, 3])] {
            let times = window([1, 2, 3, 4, 5].into_iter());
            assert_eq!(starts(&list([window_slots(times, range(2, 4, includes_end))])), expected);
        }
    }

    #[test]
    fn a_list_starts_with_its_first_window_and_is_as_old_as_the_oldest_that_may_be_cached() {
        let as_of = |as_of: i64, is_cached| {
            let WindowSlots { availability, range, .. } =
                window_slots(window([].into_iter()), range(as_of, 100, true));
            let availability = Availability { as_of: time(as_of), ..Arc::into_inner(availability).unwrap() };
            WindowSlots { availability: availability.into(), range, is_cached }
        };
        let mut list = list([as_of(50, false)]);
        assert_eq!(list.as_of(), None);
        for (second, oldest) in [(70, 70), (60, 60), (80, 60)] {
            list.add(as_of(second, true));
            assert_eq!(list.as_of(), Some(time(oldest)));
        }
        assert_eq!(list.start_time(), Some(time(50)));
    }

    #[test]
    fn an_available_slot_of_any_window_wins() {
        let window = |status: &str| {
            let json =
                format!(r#"{{"collection":[{{"start_time":"1970-01-01T00:00:05Z","status":"{status}"}}]}}"#);
            window_slots(AvailableTimes::parse(json).unwrap(), range(0, 10, true))
        };
        for statuses in [["unavailable", "available"], ["available", "unavailable"]] {
            let list = list(statuses.map(window));
            assert_eq!(list.iter().map(|(slot, _)| slot.is_available).collect::<Vec<_>>(), [true]);
        }
    }
}
