//! The range that is asked of Calendly.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use shared::{Error, calendly::utc};

use crate::moment::Edge;

/// The longest range.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// The longest range of one call to Calendly, since 2026-07-09:
/// <https://developer.calendly.com/release-notes/2026/7/9.md>
const LONGEST_WINDOW: TimeDelta = TimeDelta::days(31);

/// Where a start in the past is moved to, counted from now.
const HEAD_START: TimeDelta = TimeDelta::seconds(60);

/// A start that is not past yet will be when the call arrives.
const ON_THE_WAY: TimeDelta = TimeDelta::seconds(2);

/// A range that Calendly takes: it starts in the future, ends later, and lasts 366 days at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
}

impl TimeRange {
    /// From what the caller asks for at the moment `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for `end_time`, the one to be changed in each case.
    pub(crate) fn new(
        start_time: DateTime<Utc>,
        end_time: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::invalid_parameter(Edge::End.parameter(), reason));
        if end_time <= start_time {
            return refuse(format!(
                "end_time {} is not after start_time {}: send a later end_time.",
                utc(end_time),
                utc(start_time)
            ));
        }
        if end_time <= now {
            return refuse(format!("end_time {} is in the past: send one in the future.", utc(end_time)));
        }
        let earliest = now + HEAD_START;
        if end_time <= earliest {
            return refuse(format!(
                "end_time {} is less than a minute away, which leaves nothing to ask for: send a later one.",
                utc(end_time)
            ));
        }
        let start_time =
            if start_time <= now + ON_THE_WAY { whole_second(earliest).min(end_time) } else { start_time };
        if end_time <= start_time {
            return refuse(format!(
                "end_time {} is less than a minute away, which leaves nothing to ask for: send a later one.",
                utc(end_time)
            ));
        }
        if end_time - start_time > LONGEST {
            return refuse(format!(
                "end_time {} is more than 366 days after {}: send an earlier one.",
                utc(end_time),
                utc(start_time)
            ));
        }
        Ok(Self { start_time, end_time })
    }

    pub(crate) fn start_time(&self) -> DateTime<Utc> {
        self.start_time
    }

    pub(crate) fn end_time(&self) -> DateTime<Utc> {
        self.end_time
    }

    /// Consecutive parts of the range, each short enough for one call.
    pub(crate) fn windows(&self) -> impl Iterator<Item = TimeRange> + use<> {
        let Self { start_time, end_time } = *self;
        std::iter::successors(Some(start_time), |start| Some(*start + LONGEST_WINDOW))
            .take_while(move |start| *start < end_time)
            .map(move |start_time| TimeRange {
                start_time,
                end_time: end_time.min(start_time + LONGEST_WINDOW),
            })
    }
}

/// The next whole second.
fn whole_second(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_round_up(TimeDelta::seconds(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    const NOW: &str = "2026-11-22T12:00:00.400Z";

    fn range(start: &str, end: &str) -> Result<(String, String), String> {
        TimeRange::new(time(start), time(end), time(NOW))
            .map(|range| (utc(range.start_time), utc(range.end_time)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_range_of_the_future_is_taken_as_it_is() {
        for (start, end) in [
            ("2026-12-01T09:00:00Z", "2026-12-01T09:00:01Z"),
            ("2026-11-22T12:00:30Z", "2026-11-22T12:02:00Z"),
            ("2026-12-01T00:00:00.500Z", "2027-12-02T00:00:00.500Z"),
        ] {
            assert_eq!(range(start, end), Ok((start.to_owned(), end.to_owned())));
        }
    }

    #[test]
    fn a_start_in_the_past_is_moved() {
        for start in [
            "2020-01-01T00:00:00Z",
            "2026-11-22T12:00:00Z",
            "2026-11-22T12:00:00.400Z",
            "2026-11-22T12:00:02Z",
        ] {
            let moved = ("2026-11-22T12:01:01Z".to_owned(), "2026-11-23T00:00:00Z".to_owned());
            assert_eq!(range(start, "2026-11-23T00:00:00Z"), Ok(moved), "{start}");
        }
    }

    #[test]
    fn the_longest_range_is_counted_after_the_start_was_moved() {
        assert!(range("2000-01-01T00:00:00Z", "2027-11-23T12:01:01Z").is_ok());
        assert!(
            range("2000-01-01T00:00:00Z", "2027-11-23T12:01:02Z")
                .unwrap_err()
                .contains("more than 366 days after 2026-11-22T12:01:01Z")
        );
        assert!(
            range("2026-12-01T00:00:00Z", "2027-12-02T00:00:01Z").unwrap_err().contains("more than 366 days")
        );
    }

    #[test]
    fn ranges_that_are_refused() {
        for (start, end, expected) in [
            ("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z", "is not after start_time"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "is not after start_time"),
            ("2020-01-02T00:00:00Z", "2020-01-01T00:00:00Z", "is not after start_time"),
            ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", "is in the past"),
            ("2020-01-01T00:00:00Z", NOW, "is in the past"),
            ("2020-01-01T00:00:00Z", "2026-11-22T12:01:00Z", "less than a minute away"),
            ("2020-01-01T00:00:00Z", "2026-11-22T12:01:00.900Z", "less than a minute away"),
            ("2026-11-22T12:00:10Z", "2026-11-22T12:00:40Z", "less than a minute away"),
        ] {
            let message = range(start, end).unwrap_err();
            assert!(
                message.starts_with("end_time ") && message.contains(expected),
                "{start} to {end}: {message}"
            );
        }
    }

    proptest! {
        #[test]
        fn windows_tile_the_range(start in 0i64..4_000_000_000_000, length in 1i64..31_622_400_000) {
            let start_time = DateTime::from_timestamp_millis(start).unwrap();
            let range = TimeRange { start_time, end_time: start_time + TimeDelta::milliseconds(length) };
            let windows: Vec<_> = range.windows().collect();
            prop_assert_eq!(windows[0].start_time, range.start_time);
            prop_assert_eq!(windows[windows.len() - 1].end_time, range.end_time);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end_time, pair[1].start_time);
                prop_assert_eq!(pair[0].end_time - pair[0].start_time, LONGEST_WINDOW);
            }
            for window in windows {
                prop_assert!(window.start_time < window.end_time);
                prop_assert!(window.end_time - window.start_time <= LONGEST_WINDOW);
            }
        }
    }
}
