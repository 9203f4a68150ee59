//! What stands in a collection: slots of any event type, or instants at which all are free.

use chrono::{DateTime, Utc};
use shared::calendly::Slot;

use crate::{
    at::At,
    open_times::{OpenTimes, Slots},
    question::Match,
};

/// A slot, whose event type it is by its place among those asked, and Calendly's object for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) event_type: usize,
    pub(crate) slot: &'a Slot,
    pub(crate) object: &'a str,
}

/// Entries, ascending by start: of one slot each, or with [`Match::All`] of one of each event type. They are put
/// together anew each time that they are looked through, so that they take no memory however many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entries<'a> {
    times: &'a [OpenTimes],
    matching: Match,
    only: Only,
    first: usize,
}

/// Which entries are meant.
#[derive(Debug, Clone, Copy)]
enum Only {
    Every,
    /// Available ones at this moment.
    At(At),
    /// Available ones of the time after it.
    After(At),
}

impl<'a> Entries<'a> {
    /// Those of all the event types, in whose order the slots of one instant come.
    pub(crate) fn of(times: &'a [OpenTimes], matching: Match) -> Self {
        Self { times, matching, only: Only::Every, first: usize::MAX }
    }

    /// Only the first so many.
    pub(crate) fn first(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// Only those with available slots at the moment.
    pub(crate) fn at(self, at: At) -> Self {
        Self { only: Only::At(at), ..self }
    }

    /// Only those with available slots in the time after the moment.
    pub(crate) fn after(self, at: At) -> Self {
        Self { only: Only::After(at), ..self }
    }

    /// Shows `each` the slots of each entry.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&[Placed<'a>])) {
        // What is usual has nothing to be merged with.
        if let [times] = self.times {
            let all = times.iter().map(|(slot, object)| [Placed { event_type: 0, slot, object }]);
            let is_meant = |entry: &[Placed<'a>; 1]| self.matches(entry) && self.only.means(entry);
            all.filter(is_meant).take(self.first).for_each(|entry| each(&entry));
            return;
        }
        let mut calendars: Vec<Slots<'a>> = self.times.iter().map(OpenTimes::iter).collect();
        let mut instant = Vec::with_capacity(calendars.len());
        let mut left = self.first;
        while left > 0 && take_instant(&mut calendars, &mut instant) {
            let entry_length = match self.matching {
                Match::Any => 1,
                Match::All => {
                    instant.retain(Placed::is_available);
                    calendars.len()
                }
            };
            for entry in instant.chunks_exact(entry_length).filter(|entry| self.only.means(entry)).take(left)
            {
                each(entry);
                left -= 1;
            }
        }
    }

    /// Whether an entry is one, by which slots match.
    fn matches(&self, entry: &[Placed<'_>]) -> bool {
        self.matching == Match::Any || entry.iter().all(Placed::is_available)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        let mut count = 0;
        self.for_each(|_| count += 1);
        count
    }
}

/// Takes the slots of the next instant, one of each calendar that has one then; `false` if there is none.
fn take_instant<'a>(calendars: &mut [Slots<'a>], instant: &mut Vec<Placed<'a>>) -> bool {
    instant.clear();
    let starts = calendars.iter().filter_map(|slots| Some(slots.peek()?.0.start_time));
    let Some(start_time) = starts.min() else { return false };
    for (event_type, slots) in calendars.iter_mut().enumerate() {
        if slots.peek().is_some_and(|(slot, _)| slot.start_time == start_time)
            && let Some((slot, object)) = slots.next()
        {
            instant.push(Placed { event_type, slot, object });
        }
    }
    true
}

impl Only {
    fn means(self, entry: &[Placed<'_>]) -> bool {
        let is_free = |is_wanted: &dyn Fn(DateTime<Utc>) -> bool| {
            entry.iter().all(|placed| placed.is_available() && is_wanted(placed.slot.start_time))
        };
        match self {
            Self::Every => true,
            Self::At(at) => is_free(&|start_time| start_time == at.moment()),
            Self::After(at) => is_free(&|start_time| at.has_next(start_time)),
        }
    }
}

impl Placed<'_> {
    pub(crate) fn is_available(&self) -> bool {
        self.slot.is_available
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::TimeDelta;
    use proptest::prelude::*;
    use shared::calendly::{Answered, AvailableTimes, TimeWindow};

    use super::*;
    use crate::{
        at::At,
        moment::{self, Edge},
        open_times::Window,
        zone::Zone,
    };

    /// From 2026-10-24: two years from there have clock changes in many zones.
    const START: i64 = 1_792_800_000;
    const DAY: i64 = 86_400;

    fn time(quarters: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(START + quarters * 900, 0).unwrap()
    }

    /// A zone and the quarters of an hour from `START` to a day on which its clocks change, or to any if they don't.
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

    /// Slots by their quarter of an hour; whether each is available. Their texts are those of a zone's clocks.
    fn open_times(slots: &BTreeMap<i64, bool>, zone: &Zone) -> OpenTimes {
        let mut offsets = zone.offsets();
        let mut slot = |(quarters, is_available): (&i64, &bool)| {
            let start_time = time(*quarters);
            let start_time = start_time.with_timezone(&offsets.at(start_time)).to_rfc3339();
            let status = if *is_available { "available" } else { "unavailable" };
            format!(r#"{{"start_time":"{start_time}","status":"{status}"}}"#)
        };
        let slots: Vec<String> = slots.iter().map(&mut slot).collect();
        let mut times = OpenTimes::default();
        let json = format!(r#"{{"collection":[{}]}}"#, slots.join(","));
        let asked = TimeWindow { start_time: time(0), end_time: time(2_000) };
        let answered = Answered { times: AvailableTimes::parse(json).unwrap(), asked, as_of: time(0) };
        times.add(Window::whole(answered));
        times
    }

    fn keys(entries: &Entries<'_>) -> Vec<(DateTime<Utc>, Vec<usize>)> {
        let mut keys = Vec::new();
        entries.for_each(|entry| {
            keys.push((entry[0].slot.start_time, entry.iter().map(|placed| placed.event_type).collect()));
        });
        keys
    }

    proptest! {
        // 25 hours, over a change of the clocks where there is one; the calendars are in two zones.
        #[test]
        fn questions_agree_with_single_answers(
            (zone, day) in place(),
            (other_zone, _) in place(),
            calendars in prop::collection::vec(prop::collection::btree_map(0i64..100, any::<bool>(), 0..60), 1..5),
            limit in 1usize..80,
            moment in 0i64..100,
        ) {
            let calendars: Vec<BTreeMap<i64, bool>> = calendars
                .into_iter()
                .map(|slots| slots.into_iter().map(|(quarters, is_available)| (day + quarters, is_available)).collect())
                .collect();
            let zones = [&zone, &other_zone];
            let times: Vec<_> = zones.iter().cycle().zip(&calendars).map(|(zone, slots)| open_times(slots, zone)).collect();
            // What the clocks show then; of two such moments it means the earlier.
            let offset = zone.offsets().at(time(day + moment));
            let local = time(day + moment).with_timezone(&offset).naive_local().format("%Y-%m-%dT%H:%M:%S").to_string();
            let parse = |edge| moment::parse(edge, &local, Some(&zone)).unwrap();
            let (shown, moment) = (time(day + moment), parse(Edge::At));
            prop_assert!(moment <= shown && shown <= parse(Edge::End));
            let any = Entries::of(&times, Match::Any);
            let all = Entries::of(&times, Match::All);
            let mut union = BTreeSet::new();
            for (event_type, slots) in calendars.iter().enumerate() {
                union.extend(slots.keys().map(|quarters| (time(*quarters), vec![event_type])));
            }
            prop_assert_eq!(keys(&any), union.into_iter().collect::<Vec<_>>());
            let everyone: Vec<usize> = (0..calendars.len()).collect();
            let is_free = |quarters: &i64| calendars.iter().all(|slots| slots.get(quarters) == Some(&true));
            let intersection = (day..day + 100).filter(is_free).map(|quarters| (time(quarters), everyone.clone()));
            prop_assert_eq!(keys(&all), intersection.collect::<Vec<_>>());

            for matching in [Match::Any, Match::All] {
                let whole = Entries::of(&times, matching);
                prop_assert_eq!(whole.count(), keys(&whole).len());
                let first = keys(&whole.first(limit));
                prop_assert_eq!(&first[..], &keys(&whole)[..limit.min(whole.count())]);

                let at = At::new(moment, moment - TimeDelta::days(1)).unwrap();
                let is_free = |(start, event_types): &(DateTime<Utc>, Vec<usize>)| {
                    event_types.iter().all(|event_type| {
                        calendars[*event_type].get(&((start.timestamp() - START) / 900)) == Some(&true)
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
            let parse = |edge| moment::parse(edge, &local, Some(&zone)).ok();
            prop_assert_eq!(parse(Edge::At), parse(Edge::Start));
            if let Some(at) = parse(Edge::At) {
                prop_assert!(parse(Edge::End).is_some_and(|end| at <= end));
            }
        }
    }
}
