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
    available_only: bool,
    limit: usize,
}

/// Which entries are included.
#[derive(Debug, Clone, Copy)]
enum Filter {
    All,
    /// Available entries at a moment.
    At(PointQuery),
    /// Available entries after a moment.
    After(PointQuery),
}

impl<'a> Entries<'a> {
    /// All entries. Slots with the same start are in the order of their event types.
    #[must_use]
    pub fn new(lists: &'a [SlotList], match_mode: Match) -> Self {
        Self { lists, match_mode, filter: Filter::All, available_only: false, limit: usize::MAX }
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

    /// Whether there are as many entries as an answer with this limit has.
    pub(crate) fn reach(self, limit: Limit) -> bool {
        self.limited_to(Some(limit)).count() >= limit.max()
    }

    /// Keeps only the available entries.
    #[must_use]
    pub fn available(self) -> Self {
        Self { available_only: true, ..self }
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
        let mut instant = Vec::with_capacity(lists.len());
        let mut left = self.limit;
        while left > 0 && next_instant(&mut lists, &mut instant) {
            let entry_length = match self.match_mode {
                Match::Any => 1,
                Match::All => {
                    instant.retain(EntrySlot::is_available);
                    lists.len()
                }
            };
            for entry in instant.chunks_exact(entry_length).filter(|entry| self.includes(entry)).take(left) {
                each(entry);
                left -= 1;
            }
        }
    }

    fn includes(&self, entry: &[EntrySlot<'_>]) -> bool {
        let must_be_available = self.available_only || self.match_mode == Match::All;
        (!must_be_available || entry.iter().all(EntrySlot::is_available)) && self.filter.includes(entry)
    }

    /// The number of entries.
    #[must_use]
    pub fn count(&self) -> usize {
        let mut count = 0;
        self.for_each(|_| count += 1);
        count
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

impl Filter {
    fn includes(self, entry: &[EntrySlot<'_>]) -> bool {
        let all_available = |is_wanted: &dyn Fn(DateTime<Utc>) -> bool| {
            entry.iter().all(|slot| slot.is_available() && is_wanted(slot.slot.start_time))
        };
        match self {
            Self::All => true,
            Self::At(point) => all_available(&|start_time| start_time == point.moment()),
            Self::After(point) => all_available(&|start_time| point.includes_in_next(start_time)),
        }
    }
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
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::TimeDelta;
    use proptest::prelude::*;
    use shared::calendly::{Availability, AvailableTimes, TimeWindow};

    use super::*;
    use crate::{
        merge::WindowSlots,
        question::{PointQuery, SlotRange, TimeParameter, Zone, parse_time},
    };

    /// From 2026-10-24: two years from there have clock changes in many zones.
    const START: i64 = 1_792_800_000;
    const DAY: i64 = 86_400;

    fn time(quarters: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(START + quarters * 900, 0).unwrap()
    }

    /// A zone, and the quarter-hours from `START` to a day on which its clocks change, or to any day if they never do.
    fn place() -> impl Strategy<Value = (Zone, i64)> {
        let zone = prop::sample::select(&chrono_tz::TZ_VARIANTS[..]);
        (zone, any::<prop::sample::Index>()).prop_map(|(zone, nth)| {
            let zone = Zone::named(zone.name()).unwrap();
            let mut offsets = zone.offsets();
            let mut offset = |day: i64| offsets.at(time(day * DAY / 900));
            let changes: Vec<i64> = (0..730).filter(|day| offset(*day) != offset(day + 1)).collect();
            let day = if changes.is_empty() { nth.index(730) as i64 } else { *nth.get(&changes) };
            (zone, day * DAY / 900)
        })
    }

    /// Slots by quarter-hour, each with whether it is available. Their start times are written in the zone's local
    /// time.
    fn open_times(slots: &BTreeMap<i64, bool>, zone: &Zone) -> SlotList {
        let mut offsets = zone.offsets();
        let mut slot = |(quarters, is_available): (&i64, &bool)| {
            let start_time = time(*quarters);
            let start_time = start_time.with_timezone(&offsets.at(start_time)).to_rfc3339();
            let status = if *is_available { "available" } else { "unavailable" };
            format!(r#"{{"start_time":"{start_time}","status":"{status}"}}"#)
        };
        let slots: Vec<String> = slots.iter().map(&mut slot).collect();
        let mut list = SlotList::default();
        let json = format!(r#"{{"collection":[{}]}}"#, slots.join(","));
        let window = TimeWindow { start_time: time(0), end_time: time(2_000) };
        let times = AvailableTimes::parse(json).unwrap();
        let availability = Availability { times, window, as_of: time(0) };
        let range = SlotRange {
            start_time: DateTime::<Utc>::MIN_UTC,
            end_time: DateTime::<Utc>::MAX_UTC,
            includes_end: true,
        };
        list.add(WindowSlots { availability: availability.into(), range, is_cached: false });
        list
    }

    fn keys(entries: &Entries<'_>) -> Vec<(DateTime<Utc>, Vec<usize>)> {
        let mut keys = Vec::new();
        entries.for_each(|entry| {
            keys.push((entry[0].slot.start_time, entry.iter().map(|slot| slot.event_type).collect()));
        });
        keys
    }

    proptest! {
        // 25 hours, across a clock change if there is one; the lists are in two zones.
        #[test]
        fn questions_agree_with_single_answers(
            (zone, day) in place(),
            (other_zone, _) in place(),
            lists in prop::collection::vec(prop::collection::btree_map(0i64..100, any::<bool>(), 0..60), 1..5),
            limit in 1usize..80,
            moment in 0i64..100,
        ) {
            let lists: Vec<BTreeMap<i64, bool>> = lists
                .into_iter()
                .map(|slots| slots.into_iter().map(|(quarters, is_available)| (day + quarters, is_available)).collect())
                .collect();
            let zones = [&zone, &other_zone];
            let times: Vec<_> = zones.iter().cycle().zip(&lists).map(|(zone, slots)| open_times(slots, zone)).collect();
            // The local time at that moment. A repeated local time means the earlier moment.
            let offset = zone.offsets().at(time(day + moment));
            let local = time(day + moment).with_timezone(&offset).naive_local().format("%Y-%m-%dT%H:%M:%S").to_string();
            let parse = |bound| parse_time(bound, &local, Some(&zone)).unwrap();
            let (shown, moment) = (time(day + moment), parse(TimeParameter::At));
            prop_assert!(moment <= shown && shown <= parse(TimeParameter::End));
            let any = Entries::new(&times, Match::Any);
            let all = Entries::new(&times, Match::All);
            let mut union = BTreeSet::new();
            for (event_type, slots) in lists.iter().enumerate() {
                union.extend(slots.keys().map(|quarters| (time(*quarters), vec![event_type])));
            }
            prop_assert_eq!(keys(&any), union.into_iter().collect::<Vec<_>>());
            let everyone: Vec<usize> = (0..lists.len()).collect();
            let is_free = |quarters: &i64| lists.iter().all(|slots| slots.get(quarters) == Some(&true));
            let intersection = (day..day + 100).filter(is_free).map(|quarters| (time(quarters), everyone.clone()));
            prop_assert_eq!(keys(&all), intersection.collect::<Vec<_>>());

            for matching in [Match::Any, Match::All] {
                let whole = Entries::new(&times, matching);
                prop_assert_eq!(whole.count(), keys(&whole).len());
                let first = keys(&whole.first(limit));
                prop_assert_eq!(&first[..], &keys(&whole)[..limit.min(whole.count())]);

                let is_available = |(start, event_types): &(DateTime<Utc>, Vec<usize>)| {
                    let quarters = (start.timestamp() - START) / 900;
                    event_types.iter().all(|event_type| lists[*event_type].get(&quarters) == Some(&true))
                };
                let available: Vec<_> = keys(&whole).into_iter().filter(is_available).collect();
                prop_assert_eq!(&keys(&whole.available()), &available);
                prop_assert_eq!(&keys(&whole.first(limit).available())[..], &available[..limit.min(available.len())]);

                let at = PointQuery::new(moment, moment - TimeDelta::days(1)).unwrap();
                let is_free = |(start, event_types): &(DateTime<Utc>, Vec<usize>)| {
                    event_types.iter().all(|event_type| {
                        lists[*event_type].get(&((start.timestamp() - START) / 900)) == Some(&true)
                    })
                };
                let free: Vec<_> = keys(&whole).into_iter().filter(is_free).collect();
                let expected: Vec<_> = free.iter().filter(|(start, _)| *start == at.moment()).cloned().collect();
                prop_assert_eq!(keys(&whole.at(at)), expected);
                let expected: Vec<_> = free.iter().filter(|(start, _)| *start > at.moment()).take(3).cloned().collect();
                prop_assert_eq!(keys(&whole.after(at).first(3)), expected);
            }
        }

        #[test]
        fn a_local_moment_is_the_start_of_a_range_there(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            quarters in 0i64..70_000,
        ) {
            let zone = Zone::named(zone.name()).unwrap();
            let local = time(quarters).naive_utc().format("%Y-%m-%dT%H:%M:%S").to_string();
            let parse = |bound| parse_time(bound, &local, Some(&zone)).ok();
            prop_assert_eq!(parse(TimeParameter::At), parse(TimeParameter::Start));
            if let Some(at) = parse(TimeParameter::At) {
                prop_assert!(parse(TimeParameter::End).is_some_and(|end| at <= end));
            }
        }
    }
}
