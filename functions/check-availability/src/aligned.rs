//! Windows that many ranges share, so that what Calendly says of one serves for others.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use shared::{Error, calendly::TimeWindow};

use crate::range::{TimeRange, on_the_way, shortly};

/// The grids on which windows may start, the coarsest first. Weeks start on Thursdays, as 1970 did: nobody's week does, so
/// that the same week in several time zones is in one window.
const GRIDS: [TimeDelta; 3] = [TimeDelta::days(7), TimeDelta::days(1), HOUR];

const HOUR: TimeDelta = TimeDelta::hours(1);

/// A window that starts on a grid, is as long as Calendly allows, and holds a part of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aligned {
    start_time: DateTime<Utc>,
    range: TimeRange,
    is_first: bool,
}

impl Aligned {
    /// The windows of a range: as few as can be, and on the coarsest grid that costs no more of them.
    pub(crate) fn of(range: TimeRange) -> impl Iterator<Item = Self> {
        let count =
            |start: DateTime<Utc>| windows_from(start).take_while(|start| *start < range.end_time()).count();
        let starts = GRIDS.map(|grid| range.start_time().duration_trunc(grid).unwrap_or(range.start_time()));
        let fewest = starts.iter().map(|start| count(*start)).min().unwrap_or_default();
        let first = starts.into_iter().find(|start| count(*start) == fewest).unwrap_or(range.start_time());
        windows_from(first).take_while(move |start| *start < range.end_time()).map(move |start_time| Self {
            start_time,
            range,
            is_first: start_time == first,
        })
    }

    /// Where it starts and ends, also if that start is past.
    pub(crate) fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.start_time, self.start_time + TimeWindow::LONGEST)
    }

    /// From when on its slots are wanted, at the moment `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if nothing is left of the range.
    pub(crate) fn wanted_from(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        if self.is_first { self.range.start_time_at(now) } else { Ok(self.start_time) }
    }

    /// Until when.
    pub(crate) fn wanted_until(&self) -> DateTime<Utc> {
        self.range.end_time()
    }

    /// What to ask of Calendly at the moment `now`: from the start on if that is to come, else from the next hour on if
    /// no more is wanted, else from the present on.
    ///
    /// # Errors
    ///
    /// As [`Self::wanted_from`].
    pub(crate) fn window(&self, now: DateTime<Utc>) -> Result<TimeWindow, Error> {
        let (start_time, end_time) = self.span();
        let wanted_from = self.wanted_from(now)?;
        let earliest = on_the_way(now);
        let next_hour = earliest.duration_round_up(HOUR).unwrap_or(wanted_from);
        let start_time = if start_time > earliest {
            start_time
        } else if next_hour > earliest && wanted_from >= next_hour {
            next_hour
        } else {
            wanted_from.min(shortly(now))
        };
        Ok(TimeWindow { start_time, end_time })
    }
}

/// The starts of consecutive windows.
fn windows_from(first: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    std::iter::successors(Some(first), |start| start.checked_add_signed(TimeWindow::LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::calendly::utc;

    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// A Wednesday.
    const NOW: &str = "2026-11-25T12:20:30Z";

    fn aligned(start: &str, end: &str) -> Vec<Aligned> {
        Aligned::of(TimeRange::new(time(start), time(end), time(NOW)).unwrap()).collect()
    }

    fn starts(start: &str, end: &str) -> Vec<String> {
        aligned(start, end).iter().map(|window| utc(window.span().0)).collect()
    }

    #[test]
    fn near_ranges_share_a_window_and_none_costs_more_of_them() {
        for (start, end, expected) in [
            // Within three weeks of the start of a week, whatever their lengths.
            ("2026-12-03T09:10:00Z", "2026-12-03T17:00:00Z", &["2026-12-03T00:00:00Z"][..]),
            ("2026-12-09T23:59:59Z", "2026-12-10T00:00:01Z", &["2026-12-03T00:00:00Z"]),
            ("2026-12-09T10:00:00Z", "2027-01-03T00:00:00Z", &["2026-12-03T00:00:00Z"]),
            // Longer ones start with their day or their hour, so as not to need another.
            ("2026-12-09T10:00:00Z", "2027-01-03T00:00:01Z", &["2026-12-09T00:00:00Z"]),
            ("2026-12-09T10:20:00Z", "2027-01-09T10:00:00Z", &["2026-12-09T10:00:00Z"]),
            // No hour holds this one.
            (
                "2026-12-09T10:20:00Z",
                "2027-01-09T10:20:00Z",
                &["2026-12-03T00:00:00Z", "2027-01-03T00:00:00Z"],
            ),
            ("2026-12-03T00:00:00Z", "2027-01-03T00:00:00Z", &["2026-12-03T00:00:00Z"]),
            // The present.
            ("2020-01-01T00:00:00Z", "2026-11-26T00:00:00Z", &["2026-11-19T00:00:00Z"]),
        ] {
            assert_eq!(starts(start, end), expected, "{start} to {end}");
        }
    }

    #[test]
    fn what_is_asked_starts_on_the_hour_or_in_the_present_one() {
        let asked = |start: &str, now: &str| {
            let window = aligned(start, "2026-12-02T00:00:00Z")[0].window(time(now)).unwrap();
            assert_eq!(utc(window.end_time), "2026-12-20T00:00:00Z");
            utc(window.start_time)
        };
        assert_eq!(asked("2026-11-25T18:10:00Z", NOW), "2026-11-25T13:00:00Z");
        assert_eq!(asked("2026-11-25T13:00:00Z", NOW), "2026-11-25T13:00:00Z");
        // Nobody knows what was free earlier in the present hour; what is asked covers what is wanted.
        assert_eq!(asked("2026-11-25T12:59:59Z", NOW), "2026-11-25T12:21:30Z");
        assert_eq!(asked("2020-01-01T00:00:00Z", NOW), "2026-11-25T12:21:30Z");
        assert_eq!(asked("2026-11-25T12:20:40Z", NOW), "2026-11-25T12:20:40Z", "less than a minute away");
        // It has become past while it was asked for.
        assert_eq!(asked("2026-11-25T12:20:40Z", "2026-11-25T12:20:39Z"), "2026-11-25T12:21:39Z");
        assert_eq!(asked("2026-11-25T13:00:00Z", "2026-11-25T12:59:59Z"), "2026-11-25T13:00:59Z");
    }

    #[test]
    fn a_start_that_will_be_past_on_arrival_is_not_asked_for() {
        // The window starts at midnight, and so does the next hour.
        let [window] = aligned("2026-12-03T09:00:00Z", "2026-12-04T00:00:00Z")[..] else { panic!() };
        let asked = |now: &str| utc(window.window(time(now)).unwrap().start_time);
        assert_eq!(asked("2026-12-02T23:59:57Z"), "2026-12-03T00:00:00Z");
        assert_eq!(asked("2026-12-02T23:59:58Z"), "2026-12-03T00:00:58Z");
        assert_eq!(asked("2026-12-02T23:59:59Z"), "2026-12-03T01:00:00Z");
    }

    proptest! {
        #[test]
        fn windows_hold_the_range_and_are_no_more_than_without_a_grid(
            start in 0i64..4_000_000_000,
            length in 1i64..31_622_400,
        ) {
            let now = DateTime::from_timestamp(start - 3_600, 0).unwrap();
            let [start, end] = [start, start + length].map(|it| DateTime::from_timestamp(it, 0).unwrap());
            let range = TimeRange::new(start, end, now).unwrap();
            let windows: Vec<_> = Aligned::of(range).collect();
            prop_assert!(windows[0].span().0 <= start && windows[windows.len() - 1].span().1 >= end);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].span().1, pair[1].span().0);
            }
            let without = range.parts().count();
            let is_on_the_hour = start.timestamp() % 3_600 == 0;
            prop_assert!(windows.len() <= without + usize::from(!is_on_the_hour));
            for window in windows {
                let asked = window.window(now).unwrap();
                prop_assert!(asked.start_time > now && asked.start_time <= window.wanted_from(now).unwrap());
                prop_assert!(asked.end_time - asked.start_time <= TimeWindow::LONGEST);
                prop_assert_eq!(asked.end_time.timestamp() % 3_600, 0);
            }
        }
    }
}
