//! The open times of one event type, put together of the windows that Calendly answers at once.

use chrono::{DateTime, Utc};
use shared::calendly::{AvailableTimes, Slot, TimeWindow};

/// The slots of an event type, ascending.
#[derive(Debug, Default)]
pub(crate) struct OpenTimes {
    start_time: Option<DateTime<Utc>>,
    windows: Vec<AvailableTimes>,
}

impl OpenTimes {
    /// From when Calendly was asked.
    pub(crate) fn start_time(&self) -> Option<DateTime<Utc>> {
        self.start_time
    }

    /// Adds what Calendly answered about a window.
    pub(crate) fn add(&mut self, times: AvailableTimes, asked: TimeWindow) {
        self.start_time.get_or_insert(asked.start_time);
        self.windows.push(times);
    }

    /// The slots, and Calendly's object for each: no two at one instant. Whether the ends of a window belong to it is
    /// not documented, so two may have the same one.
    pub(crate) fn iter(&self) -> Slots<'_> {
        let windows = self.windows.iter().map(|times| Rest { times, slots: times.slots() });
        Slots { windows: windows.collect() }
    }
}

/// Slots of several windows, merged as they are asked for: however many there are, they are not kept a second time.
#[derive(Debug, Clone)]
pub(crate) struct Slots<'a> {
    windows: Vec<Rest<'a>>,
}

/// What of a window is still to come.
#[derive(Debug, Clone, Copy)]
struct Rest<'a> {
    times: &'a AvailableTimes,
    slots: &'a [Slot],
}

impl<'a> Slots<'a> {
    /// The next one, which stays the next.
    pub(crate) fn peek(&self) -> Option<(&'a Slot, &'a str)> {
        let rests = self.windows.iter().filter_map(|rest| Some((rest.slots.first()?, rest.times)));
        // Of several at one instant the first.
        let (slot, times) = rests.min_by_key(|(slot, _)| slot.start_time)?;
        Some((slot, times.object(slot)))
    }
}

impl<'a> Iterator for Slots<'a> {
    type Item = (&'a Slot, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (slot, object) = self.peek()?;
        for rest in &mut self.windows {
            if let Some((first, others)) = rest.slots.split_first()
                && first.start_time == slot.start_time
            {
                rest.slots = others;
            }
        }
        Some((slot, object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::calendly::utc;

    use super::*;

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn merged(windows: Vec<AvailableTimes>) -> OpenTimes {
        let mut times = OpenTimes::default();
        for window in windows {
            times.add(window, TimeWindow { start_time: time(0), end_time: time(10_000) });
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
        fn merging_any_split_gives_the_set(
            set in prop::collection::btree_set(0i64..10_000, 0..200),
            windows in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..80), 0..6),
        ) {
            let all: Vec<i64> = set.iter().copied().collect();
            // Windows that overlap, repeat and are out of order, and one that makes the set whole.
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
}
