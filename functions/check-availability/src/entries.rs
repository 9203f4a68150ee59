//! What stands in a collection: slots of any event type, or instants at which all are free.

use chrono::{DateTime, Utc};
use shared::calendly::Slot;

use crate::{open_times::OpenTimes, question::Match};

/// A slot, whose event type it is by its place among those asked, and Calendly's object for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) event_type: usize,
    pub(crate) slot: &'a Slot,
    pub(crate) object: &'a str,
}

/// Entries, ascending by start. Each has as many slots as the next: one, or with [`Match::All`] one of each event type.
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    slots: Vec<Placed<'a>>,
    slots_each: usize,
}

impl<'a> Entries<'a> {
    /// Those of all the event types, in whose order the slots of one instant come.
    pub(crate) fn of(times: &'a [OpenTimes], matching: Match) -> Self {
        let mut slots: Vec<Placed<'a>> = Vec::with_capacity(times.iter().map(OpenTimes::len).sum());
        for (event_type, times) in times.iter().enumerate() {
            slots.extend(times.iter().map(|(slot, object)| Placed { event_type, slot, object }));
        }
        if matching == Match::All {
            slots.retain(|placed| placed.slot.is_available);
        }
        if times.len() > 1 {
            // Stable, so that slots of one instant stay in the order of their event types.
            slots.sort_by_key(Placed::start_time);
        }
        if matching == Match::Any {
            return Self { slots, slots_each: 1 };
        }
        // An event type has no two slots at one instant.
        let is_whole = |instant: &&[Placed<'a>]| instant.len() == times.len();
        let slots = slots
            .chunk_by(|one, other| one.start_time() == other.start_time())
            .filter(is_whole)
            .flatten()
            .copied()
            .collect();
        Self { slots, slots_each: times.len() }
    }

    /// Only the first so many.
    pub(crate) fn first(mut self, limit: usize) -> Self {
        self.slots.truncate(limit.saturating_mul(self.slots_each));
        self
    }

    /// Only those with available slots that start when they are wanted.
    pub(crate) fn available(&self, is_wanted: impl Fn(DateTime<Utc>) -> bool) -> Self {
        let is_wanted = |placed: &&Placed<'a>| placed.slot.is_available && is_wanted(placed.start_time());
        Self { slots: self.slots.iter().filter(is_wanted).copied().collect(), slots_each: self.slots_each }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() / self.slots_each.max(1)
    }

    pub(crate) fn is_any_available(&self) -> bool {
        self.slots.iter().any(|placed| placed.slot.is_available)
    }

    pub(crate) fn slots(&self) -> &[Placed<'a>] {
        &self.slots
    }

    /// The slots of each entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Placed<'a>]> {
        self.slots.chunks(self.slots_each.max(1))
    }
}

impl Placed<'_> {
    fn start_time(&self) -> DateTime<Utc> {
        self.slot.start_time
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use shared::calendly::{AvailableTimes, TimeWindow};

    use super::*;
    use crate::{
        at::At,
        moment::{self, Edge},
        zone::Zone,
    };

    /// From 2026-10-24: two years from there have clock changes in many zones.
    const START: i64 = 1_792_800_000;

    fn time(quarters: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(START + quarters * 900, 0).unwrap()
    }

    /// Slots by their quarter of an hour; whether each is available. The offset of their texts differs.
    fn open_times(slots: &BTreeMap<i64, bool>, hours: i32) -> OpenTimes {
        let zone = chrono::FixedOffset::east_opt(hours * 3_600).unwrap();
        let slot = |(quarters, is_available): (&i64, &bool)| {
            let start_time = time(*quarters).with_timezone(&zone).to_rfc3339();
            let status = if *is_available { "available" } else { "unavailable" };
            format!(r#"{{"start_time":"{start_time}","status":"{status}"}}"#)
        };
        let slots: Vec<String> = slots.iter().map(slot).collect();
        let mut times = OpenTimes::default();
        let json = format!(r#"{{"collection":[{}]}}"#, slots.join(","));
        let window = TimeWindow { start_time: time(0), end_time: time(2_000) };
        times.add(AvailableTimes::parse(json).unwrap(), window);
        times
    }

    fn keys(entries: &Entries<'_>) -> Vec<(DateTime<Utc>, Vec<usize>)> {
        let key = |entry: &[Placed<'_>]| {
            (entry[0].start_time(), entry.iter().map(|placed| placed.event_type).collect())
        };
        entries.iter().map(key).collect()
    }

    proptest! {
        #[test]
        fn questions_agree_with_single_answers(
            calendars in prop::collection::vec(prop::collection::btree_map(0i64..60, any::<bool>(), 0..60), 1..5),
            limit in 1usize..80,
            moment in 0i64..60,
        ) {
            let times: Vec<_> = (-2..).zip(&calendars).map(|(hours, slots)| open_times(slots, hours)).collect();
            let any = Entries::of(&times, Match::Any);
            let all = Entries::of(&times, Match::All);
            let mut union = BTreeSet::new();
            for (event_type, slots) in calendars.iter().enumerate() {
                union.extend(slots.keys().map(|quarters| (time(*quarters), vec![event_type])));
            }
            prop_assert_eq!(keys(&any), union.into_iter().collect::<Vec<_>>());
            let everyone: Vec<usize> = (0..calendars.len()).collect();
            let is_free = |quarters: &i64| calendars.iter().all(|slots| slots.get(quarters) == Some(&true));
            let intersection = (0..60).filter(is_free).map(|quarters| (time(quarters), everyone.clone()));
            prop_assert_eq!(keys(&all), intersection.collect::<Vec<_>>());

            for matching in [Match::Any, Match::All] {
                let whole = Entries::of(&times, matching);
                prop_assert_eq!(whole.len(), keys(&whole).len());
                let first = keys(&Entries::of(&times, matching).first(limit));
                prop_assert_eq!(&first[..], &keys(&whole)[..limit.min(whole.len())]);

                let at = At::new(time(moment), time(-100)).unwrap();
                let available = keys(&whole.available(|_| true));
                let expected: Vec<_> = available.iter().filter(|(start, _)| *start == at.moment()).cloned().collect();
                prop_assert_eq!(keys(&whole.available(|start| start == at.moment())), expected);
                let expected: Vec<_> =
                    available.iter().filter(|(start, _)| *start > at.moment()).take(3).cloned().collect();
                prop_assert_eq!(keys(&whole.available(|start| at.has_next(start)).first(3)), expected);
            }
        }

        #[test]
        fn a_local_moment_is_the_start_of_a_range_there(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            quarters in 0i64..70_000,
        ) {
            let zone = Zone::named(zone.name()).unwrap();
            let local = time(quarters).naive_utc().format("%Y-%m-%dT%H:%M:%S").to_string();
            let parse = |edge| moment::parse(edge, &local, Some(&zone)).ok();
            prop_assert_eq!(parse(Edge::At), parse(Edge::Start));
            if let Some(at) = parse(Edge::At) {
                prop_assert!(parse(Edge::End).is_some_and(|end| at <= end));
            }
        }
    }
}
