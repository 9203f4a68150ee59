//! The range that is asked of Calendly.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use shared::{
    Error,
    calendly::{TimeWindow, utc},
};

use crate::moment::Edge;

/// The longest range.
const LONGEST: TimeDelta = TimeDelta::days(366);

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
        let end_of_range = Edge::End.parameter();
        if end_time <= start_time {
            return Err(Error::InvalidParameter {
                parameter: end_of_range,
                detail: format!(
                    "end_time {} is not after start_time {}: send a later end_time.",
                    utc(end_time),
                    utc(start_time)
                ),
                reason: "end_time is not after start_time".into(),
            });
        }
        if end_time <= now {
            return Err(refuse(end_time, "is in the past: send one in the future."));
        }
        let start_time = moved(start_time, end_time, now)?;
        if end_time - start_time > LONGEST {
            return Err(Error::InvalidParameter {
                parameter: end_of_range,
                detail: format!(
                    "end_time {} is more than 366 days after {}: send an earlier one.",
                    utc(end_time),
                    utc(start_time)
                ),
                reason: "end_time is more than 366 days after start_time".into(),
            });
        }
        Ok(Self { start_time, end_time })
    }

    pub(crate) fn start_time(&self) -> DateTime<Utc> {
        self.start_time
    }

    pub(crate) fn end_time(&self) -> DateTime<Utc> {
        self.end_time
    }

    /// The start that Calendly takes at the moment `now`, a while after the range came.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if nothing is left to ask for.
    pub(crate) fn start_time_at(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        moved(self.start_time, self.end_time, now)
    }

    /// Consecutive parts of the range, each short enough for one call.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let Self { start_time, end_time } = *self;
        std::iter::successors(Some(start_time), |start| Some(*start + TimeWindow::LONGEST))
            .take_while(move |start| *start < end_time)
            .map(move |start_time| Part {
                start_time,
                end_time: end_time.min(start_time + TimeWindow::LONGEST),
            })
    }
}

/// A part of a range, for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
}

impl Part {
    /// What to ask of Calendly at the moment `now`: time goes by while an event type is looked up or a call is tried
    /// again, and a start that has become past meanwhile is moved like one that was past on arrival.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if nothing is left to ask for.
    pub(crate) fn window(self, now: DateTime<Utc>) -> Result<TimeWindow, Error> {
        let start_time = moved(self.start_time, self.end_time, now)?;
        Ok(TimeWindow { start_time, end_time: self.end_time })
    }
}

/// A start that Calendly takes at the moment `now`.
fn moved(
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Error> {
    let start_time = if start_time <= on_the_way(now) { shortly(now) } else { start_time };
    if end_time <= start_time || end_time <= now + HEAD_START {
        return Err(refuse(
            end_time,
            "is less than a minute away, which leaves nothing to ask for: send a later one.",
        ));
    }
    Ok(start_time)
}

/// `end_time` is the one to be changed.
fn refuse(end_time: DateTime<Utc>, reason: &'static str) -> Error {
    Error::InvalidParameter {
        parameter: Edge::End.parameter(),
        detail: format!("end_time {} {reason}", utc(end_time)),
        reason: format!("end_time {reason}").into(),
    }
}

/// Until then everything is past when a call that is made `now` arrives.
pub(crate) fn on_the_way(now: DateTime<Utc>) -> DateTime<Utc> {
    now + ON_THE_WAY
}

/// Where a start that is past `now` is moved to; a whole second.
pub(crate) fn shortly(now: DateTime<Utc>) -> DateTime<Utc> {
    let time = now + HEAD_START;
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

    #[test]
    fn a_start_that_becomes_past_meanwhile_is_moved() {
        let arrival = time("2026-11-22T12:00:00Z");
        let range = |end: &str| TimeRange::new(time("2026-11-22T12:00:05Z"), time(end), arrival).unwrap();
        let first = range("2026-11-23T00:00:00Z").parts().next().unwrap();
        let start_at = |now: &str| first.window(time(now)).map(|window| utc(window.start_time)).unwrap();
        assert_eq!(start_at("2026-11-22T12:00:02.9Z"), "2026-11-22T12:00:05Z");
        assert_eq!(start_at("2026-11-22T12:00:03Z"), "2026-11-22T12:01:03Z");
        assert_eq!(start_at("2026-11-22T12:00:20.1Z"), "2026-11-22T12:01:21Z");
        let short = range("2026-11-22T12:01:10Z").parts().next().unwrap();
        let error = short.window(time("2026-11-22T12:00:10Z")).unwrap_err();
        assert_eq!(error.code(), "invalid_parameter");
        assert!(error.to_string().contains("less than a minute away"), "{error}");
    }

    proptest! {
        #[test]
        fn windows_tile_the_range(start in 0i64..4_000_000_000_000, length in 1i64..31_622_400_000) {
            let start_time = DateTime::from_timestamp_millis(start).unwrap();
            let range = TimeRange { start_time, end_time: start_time + TimeDelta::milliseconds(length) };
            let windows: Vec<_> = range.parts().collect();
            prop_assert_eq!(windows[0].start_time, range.start_time);
            prop_assert_eq!(windows[windows.len() - 1].end_time, range.end_time);
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end_time, pair[1].start_time);
                prop_assert_eq!(pair[0].end_time - pair[0].start_time, TimeWindow::LONGEST);
            }
            for window in windows {
                prop_assert!(window.start_time < window.end_time);
                prop_assert!(window.end_time - window.start_time <= TimeWindow::LONGEST);
            }
        }
    }
}
