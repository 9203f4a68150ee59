//! The open times of one event type, put together of the windows that Calendly answers at once.

use chrono::{DateTime, Utc};
use shared::calendly::{AvailableTimes, Slot, TimeWindow};

/// The slots of an event type, ascending.
#[derive(Debug, Default)]
pub(crate) struct OpenTimes {
    start_time: Option<DateTime<Utc>>,
    windows: Vec<AvailableTimes>,
    /// Each slot by its window and its place there.
    order: Vec<(u32, Slot)>,
}

impl OpenTimes {
    /// From when Calendly was asked.
    pub(crate) fn start_time(&self) -> Option<DateTime<Utc>> {
        self.start_time
    }

    /// Adds what Calendly answered about a window: the list stays ascending and without doubles. Neither the order of
    /// Calendly's answer nor whether the ends of a window belong to it is documented, so both are made certain here.
    pub(crate) fn add(&mut self, times: AvailableTimes, asked: TimeWindow) {
        self.start_time.get_or_insert(asked.start_time);
        let window = u32::try_from(self.windows.len()).unwrap_or(u32::MAX);
        self.order.extend(times.slots().iter().map(|slot| (window, *slot)));
        self.windows.push(times);
        // Stable, and of what is in order already it costs one look.
        self.order.sort_by_key(|(_, slot)| slot.start_time);
        self.order.dedup_by_key(|(_, slot)| slot.start_time);
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The slots, and Calendly's object for each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Slot, &str)> {
        self.order.iter().filter_map(|(window, slot)| {
            let times = self.windows.get(usize::try_from(*window).ok()?)?;
            Some((slot, times.object(slot)))
        })
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
