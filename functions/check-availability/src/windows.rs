//! The time windows in which a question's slots are requested: each is short enough for one call.

use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use shared::{
    Error,
    calendly::{TimeWindow, WindowRequest},
};

use crate::question::{
    PointQuery, RequestedTimes, SlotRange, TimeRange,
    time_range::{latest_arrival, move_past_start, moved_start},
};

/// The grids on which aligned windows start, the coarsest first. Grid weeks start on Thursday (the epoch), so a calendar
/// week falls into one window in every time zone.
const GRIDS: [TimeDelta; 3] = [TimeDelta::days(7), TimeDelta::days(1), HOUR];

const HOUR: TimeDelta = TimeDelta::hours(1);

/// A time window of a question.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Window {
    Part(RangePart),
    /// A part that starts on a grid and is as long as Calendly allows. Nearby ranges share it, and thus its cached
    /// response.
    Aligned(RangePart),
    Point(PointQuery),
}

/// A part of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangePart {
    /// The start, which may be past.
    pub(crate) start_time: DateTime<Utc>,
    pub(crate) end_time: DateTime<Utc>,
    range: TimeRange,
}

impl Window {
    /// The windows of a question, in order. With a cache they are aligned.
    pub(crate) fn all(times: &RequestedTimes, is_cached: bool) -> Vec<Self> {
        match times {
            RequestedTimes::Range { range, .. } if is_cached => {
                RangePart::all_aligned(*range).map(Self::Aligned).collect()
            }
            RequestedTimes::Range { range, .. } => RangePart::all(*range).map(Self::Part).collect(),
            RequestedTimes::Point(point) => vec![Self::Point(*point)],
        }
    }

    /// The start of the slots that a response at `now` has to hold. Fails if nothing is left of the range.
    pub(crate) fn wanted_from(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        match self {
            Self::Part(part) | Self::Aligned(part) => part.wanted_from(now),
            Self::Point(point) => Ok(point.slot_range().start_time),
        }
    }

    /// The wanted slots of a response that holds those from `wanted_from` on.
    pub(crate) fn slot_range(&self, wanted_from: DateTime<Utc>) -> SlotRange {
        match self {
            Self::Part(part) | Self::Aligned(part) => part.slot_range(wanted_from),
            Self::Point(point) => point.slot_range(),
        }
    }

    /// The end of the window. Up to it, the slots of this and all earlier windows are complete.
    pub(crate) fn end_time(&self) -> DateTime<Utc> {
        match self {
            Self::Part(part) | Self::Aligned(part) => part.end_time,
            Self::Point(point) => point.slot_range().end_time,
        }
    }
}

impl WindowRequest for Window {
    fn window(&self, now: DateTime<Utc>) -> Result<TimeWindow, Error> {
        let (start_time, end_time) = match self {
            Self::Part(part) => (part.wanted_from(now)?, part.end_time),
            Self::Aligned(part) => (part.aligned_start(now)?, part.end_time),
            Self::Point(point) => return point.window(now),
        };
        Ok(TimeWindow { start_time, end_time })
    }
}

impl RangePart {
    /// Consecutive parts of a range.
    fn all(range: TimeRange) -> impl Iterator<Item = Self> {
        let end_time = range.end_time();
        window_starts(range.start_time(), end_time).map(move |start_time| Self {
            start_time,
            end_time: window_end(start_time).min(end_time),
            range,
        })
    }

    /// Consecutive parts of the maximum length that hold a range, on the coarsest of the grids that yield the fewest.
    fn all_aligned(range: TimeRange) -> impl Iterator<Item = Self> {
        let (start_time, end_time) = (range.start_time(), range.end_time());
        let starts = GRIDS.iter().map(|grid| start_time.duration_trunc(*grid).unwrap_or(start_time));
        // The first of several minima.
        let first = starts.min_by_key(|start| window_starts(*start, end_time).count()).unwrap_or(start_time);
        window_starts(first, end_time).map(move |start_time| Self {
            start_time,
            end_time: window_end(start_time),
            range,
        })
    }

    fn wanted_from(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        move_past_start(self.start_time.max(self.range.start_time()), self.range.end_time(), now)
    }

    /// Slots of earlier windows are in the range, too.
    fn slot_range(&self, wanted_from: DateTime<Utc>) -> SlotRange {
        let range_start = self.range.start_time();
        let is_first = self.start_time <= range_start;
        self.range.slot_range_from(if is_first { wanted_from } else { range_start })
    }

    /// The start to request at `now` for an aligned part: its own start if that is in the future; otherwise the next hour
    /// if the question wants nothing earlier; otherwise the moved start or the first wanted slot, whichever is earlier.
    fn aligned_start(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        let wanted_from = self.wanted_from(now)?;
        let earliest = latest_arrival(now);
        let next_hour = earliest.duration_round_up(HOUR).unwrap_or(wanted_from);
        Ok(if self.start_time > earliest {
            self.start_time
        } else if next_hour > earliest && wanted_from >= next_hour {
            next_hour
        } else {
            moved_start(now).min(wanted_from)
        })
    }
}

/// The end of a window of the maximum length, shortened at the end of the year 9999: RFC 3339 has no later years.
fn window_end(start_time: DateTime<Utc>) -> DateTime<Utc> {
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).and_then(|date| date.and_hms_opt(23, 59, 59));
    let end = start_time.checked_add_signed(TimeWindow::MAX).unwrap_or(DateTime::<Utc>::MAX_UTC);
    last.map_or(end, |last| end.min(last.and_utc()))
}

/// The starts of consecutive windows of the maximum length, up to `end_time`.
fn window_starts(first: DateTime<Utc>, end_time: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    std::iter::successors(Some(first), |start| start.checked_add_signed(TimeWindow::MAX))
        .take_while(move |start| *start < end_time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::calendly::utc;

    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// Wednesday.
    const NOW: &str = "2026-11-25T12:20:30Z";

    fn aligned(start: &str, end: &str) -> Vec<RangePart> {
        RangePart::all_aligned(TimeRange::new(time(start), time(end), true, time(NOW)).unwrap()).collect()
    }

    fn starts(start: &str, end: &str) -> Vec<String> {
        aligned(start, end).iter().map(|part| utc(part.start_time)).collect()
    }

    #[test]
    fn close_ranges_share_a_window() {
        for (start, end, expected) in [
            // Ranges that end within 31 days of the start of their first week.
            ("2026-12-03T09:10:00Z", "2026-12-03T17:00:00Z", &["2026-12-03T00:00:00Z"][..]),
            ("2026-12-09T23:59:59Z", "2026-12-10T00:00:01Z", &["2026-12-03T00:00:00Z"]),
            ("2026-12-09T10:00:00Z", "2027-01-03T00:00:00Z", &["2026-12-03T00:00:00Z"]),
            // Longer ranges start with their day or hour, which saves a window.
            ("2026-12-09T10:00:00Z", "2027-01-03T00:00:01Z", &["2026-12-09T00:00:00Z"]),
            ("2026-12-09T10:20:00Z", "2027-01-09T10:00:00Z", &["2026-12-09T10:00:00Z"]),
            // 31 days that start within an hour need two windows on any grid.
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
    fn requests_start_on_the_hour_or_at_the_present() {
        let requested = |start: &str, now: &str| {
            let part = aligned(start, "2026-12-02T00:00:00Z")[0];
            assert_eq!(utc(part.end_time), "2026-12-20T00:00:00Z");
            utc(part.aligned_start(time(now)).unwrap())
        };
        assert_eq!(requested("2026-11-25T18:10:00Z", NOW), "2026-11-25T13:00:00Z");
        assert_eq!(requested("2026-11-25T13:00:00Z", NOW), "2026-11-25T13:00:00Z");
        // Calendly does not say what was free earlier in the present hour.
        assert_eq!(requested("2026-11-25T12:59:59Z", NOW), "2026-11-25T12:21:30Z");
        assert_eq!(requested("2020-01-01T00:00:00Z", NOW), "2026-11-25T12:21:30Z");
        assert_eq!(requested("2026-11-25T12:20:40Z", NOW), "2026-11-25T12:20:40Z", "less than a minute away");
        // The start became past during a lookup.
        assert_eq!(requested("2026-11-25T12:20:40Z", "2026-11-25T12:20:39Z"), "2026-11-25T12:21:39Z");
        assert_eq!(requested("2026-11-25T13:00:00Z", "2026-11-25T12:59:59Z"), "2026-11-25T13:00:59Z");
    }

    #[test]
    fn windows_end_with_the_year_9999() {
        let [start, end] = [time("9999-12-20T10:00:00Z"), time("9999-12-30T10:00:00Z")];
        let range = TimeRange::new(start, end, true, start - TimeDelta::days(1)).unwrap();
        let [part] = RangePart::all_aligned(range).collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!(utc(part.end_time), "9999-12-31T23:59:59Z");
        assert!(part.start_time <= start);
    }

    #[test]
    fn a_start_that_is_past_on_arrival_is_not_requested() {
        // The window starts at midnight, and so does the next hour.
        let [part] = aligned("2026-12-03T09:00:00Z", "2026-12-04T00:00:00Z")[..] else { panic!() };
        let requested = |now: &str| utc(part.aligned_start(time(now)).unwrap());
        assert_eq!(requested("2026-12-02T23:59:57Z"), "2026-12-03T00:00:00Z");
        assert_eq!(requested("2026-12-02T23:59:58Z"), "2026-12-03T00:00:58Z");
        assert_eq!(requested("2026-12-02T23:59:59Z"), "2026-12-03T01:00:00Z");
    }

    #[test]
    fn a_start_that_becomes_past_during_the_request_is_moved() {
        let arrival = time("2026-11-22T12:00:00Z");
        let range =
            |end: &str| TimeRange::new(time("2026-11-22T12:00:05Z"), time(end), true, arrival).unwrap();
        let first = |end: &str| Window::Part(RangePart::all(range(end)).next().unwrap());
        let long = first("2026-11-23T00:00:00Z");
        let start_at = |now: &str| long.window(time(now)).map(|window| utc(window.start_time)).unwrap();
        assert_eq!(start_at("2026-11-22T12:00:02.9Z"), "2026-11-22T12:00:05Z");
        assert_eq!(start_at("2026-11-22T12:00:03Z"), "2026-11-22T12:01:03Z");
        assert_eq!(start_at("2026-11-22T12:00:20.1Z"), "2026-11-22T12:01:21Z");
        let error = first("2026-11-22T12:01:10Z").window(time("2026-11-22T12:00:10Z")).unwrap_err();
        assert_eq!(error.code(), "invalid_parameter");
        assert!(error.to_string().contains("less than a minute away"), "{error}");
    }

    proptest! {
        #[test]
        fn parts_tile_the_range(start in 0i64..4_000_000_000_000, length in 1i64..31_622_400_000) {
            let start_time = DateTime::from_timestamp_millis(start).unwrap();
            let end_time = start_time + TimeDelta::milliseconds(length);
            let range = TimeRange::new(start_time, end_time, true, start_time - TimeDelta::days(1)).unwrap();
            let windows: Vec<_> = RangePart::all(range).collect();
            prop_assert_eq!(windows[0].start_time, range.start_time());
            prop_assert_eq!(windows[windows.len() - 1].end_time, range.end_time());
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end_time, pair[1].start_time);
                prop_assert_eq!(pair[0].end_time - pair[0].start_time, TimeWindow::MAX);
            }
            for window in windows {
                prop_assert!(window.start_time < window.end_time);
                prop_assert!(window.end_time - window.start_time <= TimeWindow::MAX);
            }
        }
    }

    proptest! {
        #[test]
        fn aligned_windows_hold_the_range_and_are_as_few_as_parts(
            start in 0i64..4_000_000_000,
            length in 1i64..31_622_400,
        ) {
            let now = DateTime::from_timestamp(start - 3_600, 0).unwrap();
            let [start, end] = [start, start + length].map(|it| DateTime::from_timestamp(it, 0).unwrap());
            let range = TimeRange::new(start, end, true, now).unwrap();
            let windows: Vec<_> = RangePart::all_aligned(range).collect();
            prop_assert!(windows[0].start_time <= start && windows[windows.len() - 1].end_time >= end);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end_time, pair[1].start_time);
            }
            let without = RangePart::all(range).count();
            let is_on_the_hour = start.timestamp() % 3_600 == 0;
            prop_assert!(windows.len() <= without + usize::from(!is_on_the_hour));
            for window in windows.into_iter().map(Window::Aligned) {
                let requested = window.window(now).unwrap();
                prop_assert!(requested.start_time > now);
                prop_assert!(requested.start_time <= window.wanted_from(now).unwrap());
                prop_assert!(requested.end_time - requested.start_time <= TimeWindow::MAX);
                prop_assert_eq!(requested.end_time.timestamp() % 3_600, 0);
            }
        }
    }
}
