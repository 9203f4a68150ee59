//! Merges the slots of an event type's windows into one ascending list.

use std::{ops::RangeInclusive, sync::Arc};

use chrono::{DateTime, Utc};
use shared::calendly::{Availability, AvailableTimes, Slot};

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
    /// The wanted range, both ends included; `None` for all slots.
    range: Option<RangeInclusive<DateTime<Utc>>>,
}

impl WindowSlots {
    /// All slots of a response of this moment.
    pub(crate) fn all(availability: Availability) -> Self {
        Self { availability: Arc::new(availability), range: None }
    }

    /// The slots within a range, of a response that may have been cached.
    pub(crate) fn within(availability: Arc<Availability>, range: RangeInclusive<DateTime<Utc>>) -> Self {
        Self { availability, range: Some(range) }
    }

    fn slots(&self) -> &[Slot] {
        let slots = self.availability.times.slots();
        let Some(range) = &self.range else { return slots };
        let start = slots.partition_point(|slot| slot.start_time < *range.start());
        let end = slots.partition_point(|slot| slot.start_time <= *range.end());
        slots.get(start..end).unwrap_or_default()
    }
}

impl SlotList {
    /// The start of the first window.
    pub(crate) fn start_time(&self) -> Option<DateTime<Utc>> {
        self.start_time
    }

    /// When Calendly stated the oldest part; `None` if all of it is of this moment.
    pub(crate) fn as_of(&self) -> Option<DateTime<Utc>> {
        self.as_of
    }

    /// Adds the next window.
    pub(crate) fn add(&mut self, window: WindowSlots) {
        let WindowSlots { availability, range } = &window;
        let start_time = range.as_ref().map_or(availability.window.start_time, |range| *range.start());
        self.start_time.get_or_insert(start_time);
        if range.is_some() {
            self.as_of = Some(self.as_of.map_or(availability.as_of, |as_of| as_of.min(availability.as_of)));
        }
        self.windows.push(window);
    }

    /// The slots with their JSON objects, no two with the same start: two windows may both hold a slot at their common
    /// end.
    pub(crate) fn iter(&self) -> MergedSlots<'_> {
        let mut windows = Vec::with_capacity(self.windows.len());
        for window in &self.windows {
            windows.push(Remaining { times: &window.availability.times, slots: window.slots() });
        }
        MergedSlots { windows }
    }
}

/// A lazy merge of several windows: slots are not copied, however many there are.
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
        // Of several with one start, the first.
        let (slot, times) = firsts.min_by_key(|(slot, _)| slot.start_time)?;
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

    fn availability(times: AvailableTimes, as_of: i64) -> Availability {
        let window = TimeWindow { start_time: time(0), end_time: time(10_000) };
        Availability { times, window, as_of: time(as_of) }
    }

    fn merged(windows: Vec<AvailableTimes>) -> SlotList {
        let mut times = SlotList::default();
        for window in windows {
            times.add(WindowSlots::all(availability(window, 0)));
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
        let within = |seconds: &[i64], as_of, range: RangeInclusive<i64>| {
            let availability = availability(window(seconds.iter().copied()), as_of);
            WindowSlots::within(Arc::new(availability), time(*range.start())..=time(*range.end()))
        };
        let mut times = SlotList::default();
        times.add(within(&[1, 2, 3, 4], 70, 2..=5));
        assert_eq!(times.as_of(), Some(time(70)));
        times.add(within(&[4, 5, 6, 7, 8], 60, 5..=7));
        times.add(within(&[9], 80, 10..=20));
        let seconds: Vec<i64> = times.iter().map(|(slot, _)| slot.start_time.timestamp()).collect();
        assert_eq!(seconds, [2, 3, 4, 5, 6, 7]);
        assert_eq!((times.start_time(), times.as_of()), (Some(time(2)), Some(time(60))));
        times.add(WindowSlots::all(availability(window([11].into_iter()), 50)));
        assert_eq!(times.as_of(), Some(time(60)));
        assert_eq!(merged(vec![window([1].into_iter())]).as_of(), None);
    }
}
