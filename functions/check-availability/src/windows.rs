//! The open times of a range that may be longer than Calendly answers at once.

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    Error,
    calendly::{Calendly, EventTypeUri, Slot},
};

use crate::range::TimeRange;

/// How many windows are asked for at a time: a dozen at once have been seen to meet Calendly's rate limit.
const IN_FLIGHT: usize = 4;

/// All open times, ascending. If one window fails all do: a part is never passed off as the whole.
///
/// # Errors
///
/// Those of calls to Calendly.
pub(crate) async fn slots(
    range: &TimeRange,
    event_type: &EventTypeUri,
    calendly: &Calendly<'_>,
) -> Result<Vec<Slot>, Error> {
    let calls = range
        .windows()
        .map(|window| calendly.available_times(event_type, window.start_time(), window.end_time()));
    let windows: Vec<Vec<Slot>> = stream::iter(calls).buffered(IN_FLIGHT).try_collect().await?;
    Ok(merge(windows))
}

/// One ascending list without doubles. Neither the order of Calendly's answer nor whether the ends of a
/// window belong to it is documented, so both are made certain here.
fn merge(windows: Vec<Vec<Slot>>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = windows.into_iter().flatten().collect();
    slots.sort_by_key(|slot| slot.start_time);
    slots.dedup_by_key(|slot| slot.start_time);
    slots
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn slot(seconds: i64) -> Slot {
        Slot {
            json: serde_json::value::to_raw_value(&seconds).unwrap(),
            start_time: DateTime::from_timestamp(seconds, 0).unwrap(),
            is_available: true,
        }
    }

    proptest! {
        #[test]
        fn merging_any_split_gives_the_set(
            set in prop::collection::btree_set(0i64..10_000, 0..200),
            windows in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..80), 0..6),
        ) {
            let all: Vec<i64> = set.iter().copied().collect();
            // Windows that overlap, repeat and are out of order, and one that makes the set whole.
            let mut split: Vec<Vec<Slot>> = windows
                .iter()
                .map(|window| {
                    window.iter().filter(|_| !all.is_empty()).map(|index| slot(*index.get(&all))).collect()
                })
                .collect();
            split.push(all.iter().rev().map(|seconds| slot(*seconds)).collect());
            let merged: Vec<i64> = merge(split).iter().map(|slot| slot.start_time.timestamp()).collect();
            prop_assert_eq!(merged, all);
        }
    }
}
