//! The open times of a range that may be longer than Calendly answers at once.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    Error,
    calendly::{AvailableTimes, Calendly, EventTypeUri, Slot},
};

use crate::range::TimeRange;

/// How many windows are asked for at a time: a dozen at once have been seen to meet Calendly's rate limit.
const IN_FLIGHT: usize = 4;

/// The slots of a range, ascending.
#[derive(Debug)]
pub(crate) struct OpenTimes {
    /// From when Calendly was asked.
    pub(crate) start_time: DateTime<Utc>,
    windows: Vec<AvailableTimes>,
    /// Each slot by its window and its place there.
    order: Vec<(u32, Slot)>,
}

impl OpenTimes {
    /// All of an event type's. If one window fails all do: a part is never passed off as the whole.
    ///
    /// # Errors
    ///
    /// Those of calls to Calendly, and [`Error::InvalidParameter`] if no time is left to ask for.
    pub(crate) async fn of(
        range: &TimeRange,
        event_type: &EventTypeUri,
        calendly: &Calendly<'_>,
    ) -> Result<Self, Error> {
        let calls =
            range.parts().map(|part| calendly.available_times(event_type, move || part.window(Utc::now())));
        let windows: Vec<_> = stream::iter(calls).buffered(IN_FLIGHT).try_collect().await?;
        let start_time = windows.first().map(|(_, asked)| asked.start_time);
        let start_time = start_time.ok_or(Error::Internal { reason: "a range without a window" })?;
        Ok(Self::merged(start_time, windows.into_iter().map(|(times, _)| times).collect()))
    }

    /// One ascending list without doubles. Neither the order of Calendly's answer nor whether the ends of a
    /// window belong to it is documented, so both are made certain here.
    pub(crate) fn merged(start_time: DateTime<Utc>, windows: Vec<AvailableTimes>) -> Self {
        let mut order = Vec::with_capacity(windows.iter().map(|times| times.slots().len()).sum());
        for (window, times) in (0..).zip(&windows) {
            order.extend(times.slots().iter().map(|slot| (window, *slot)));
        }
        // Stable, and of what is in order already it costs one look.
        order.sort_by_key(|(_, slot)| slot.start_time);
        order.dedup_by_key(|(_, slot)| slot.start_time);
        Self { start_time, windows, order }
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
            let merged = OpenTimes::merged(time(0), split);
            let seconds: Vec<i64> = merged.iter().map(|(slot, _)| slot.start_time.timestamp()).collect();
            prop_assert_eq!(seconds, all);
            for (slot, object) in merged.iter() {
                prop_assert_eq!(object, format!(r#"{{"start_time":"{}"}}"#, utc(slot.start_time)));
            }
        }
    }
}
