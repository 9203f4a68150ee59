//! The open times of one event type, put together of the windows that Calendly answers at once.

use std::{ops::RangeInclusive, sync::Arc};

use chrono::{DateTime, Utc};
use shared::calendly::{Answered, AvailableTimes, Slot};

/// The slots of an event type, ascending.
#[derive(Debug, Default)]
pub(crate) struct OpenTimes {
    start_time: Option<DateTime<Utc>>,
    as_of: Option<DateTime<Utc>>,
    windows: Vec<Window>,
}

/// What of an answer of Calendly's is meant.
#[derive(Debug)]
pub(crate) struct Window {
    answered: Arc<Answered>,
    /// Both ends count; `None` for all of it.
    range: Option<RangeInclusive<DateTime<Utc>>>,
}

impl Window {
    /// All that Calendly answered, just now.
    pub(crate) fn whole(answered: Answered) -> Self {
        Self { answered: Arc::new(answered), range: None }
    }

    /// The part that is in a range, of an answer that may be older.
    pub(crate) fn cut(answered: Arc<Answered>, range: RangeInclusive<DateTime<Utc>>) -> Self {
        Self { answered, range: Some(range) }
    }

    fn slots(&self) -> &[Slot] {
        let slots = self.answered.times.slots();
        let Some(range) = &self.range else { return slots };
        let start = slots.partition_point(|slot| slot.start_time < *range.start());
        let end = slots.partition_point(|slot| slot.start_time <= *range.end());
        slots.get(start..end).unwrap_or_default()
    }
}

impl OpenTimes {
    /// From when on they were asked for.
    pub(crate) fn start_time(&self) -> Option<DateTime<Utc>> {
        self.start_time
    }

    /// When Calendly said the oldest part; `None` if it said all of it just now.
    pub(crate) fn as_of(&self) -> Option<DateTime<Utc>> {
        self.as_of
    }

    /// Adds the next window.
    pub(crate) fn add(&mut self, window: Window) {
        let Window { answered, range } = &window;
        let start_time = range.as_ref().map_or(answered.asked.start_time, |range| *range.start());
        self.start_time.get_or_insert(start_time);
        if range.is_some() {
            self.as_of = Some(self.as_of.map_or(answered.as_of, |as_of| as_of.min(answered.as_of)));
        }
        self.windows.push(window);
    }

    /// The slots, and Calendly's object for each: no two at one instant. Whether the ends of a window belong to it is
    /// not documented, so two may have the same one.
    pub(crate) fn iter(&self) -> Slots<'_> {
        let windows = self.windows.iter();
        Slots { windows: windows.map(|it| Rest { times: &it.answered.times, slots: it.slots() }).collect() }
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
        // What is usual has nothing to be merged with.
        if let [Rest { times, slots }] = self.windows.as_mut_slice() {
            let (slot, others) = slots.split_first()?;
            *slots = others;
            return Some((slot, times.object(slot)));
        }
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
    use shared::calendly::{TimeWindow, utc};

    use super::*;

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// As of so many seconds.
    fn answered(times: AvailableTimes, as_of: i64) -> Answered {
        let asked = TimeWindow { start_time: time(0), end_time: time(10_000) };
        Answered { times, asked, as_of: time(as_of) }
    }

    fn merged(windows: Vec<AvailableTimes>) -> OpenTimes {
        let mut times = OpenTimes::default();
        for window in windows {
            times.add(Window::whole(answered(window, 0)));
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

    #[test]
    fn what_is_cut_keeps_both_ends_and_is_as_old_as_its_oldest_part() {
        let cut = |seconds: &[i64], as_of, range: RangeInclusive<i64>| {
            let answered = answered(window(seconds.iter().copied()), as_of);
            Window::cut(Arc::new(answered), time(*range.start())..=time(*range.end()))
        };
        let mut times = OpenTimes::default();
        times.add(cut(&[1, 2, 3, 4], 70, 2..=5));
        assert_eq!(times.as_of(), Some(time(70)));
        times.add(cut(&[4, 5, 6, 7, 8], 60, 5..=7));
        times.add(cut(&[9], 80, 10..=20));
        let seconds: Vec<i64> = times.iter().map(|(slot, _)| slot.start_time.timestamp()).collect();
        assert_eq!(seconds, [2, 3, 4, 5, 6, 7]);
        assert_eq!((times.start_time(), times.as_of()), (Some(time(2)), Some(time(60))));
        times.add(Window::whole(answered(window([11].into_iter()), 50)));
        assert_eq!(times.as_of(), Some(time(60)));
        assert_eq!(merged(vec![window([1].into_iter())]).as_of(), None);
    }
}
