//! The time range of a question.

use chrono::{DateTime, DurationRound, SubsecRound, TimeDelta, Utc};
use shared::{Error, calendly::utc};

use super::parse_time::TimeParameter;

/// The longest range.
const MAX_RANGE: TimeDelta = TimeDelta::days(366);

/// How far ahead of now a past start is moved.
const LEAD_TIME: TimeDelta = TimeDelta::seconds(60);

/// Upper bound of the time until a call reaches Calendly: a start this close to now is past on arrival.
const MAX_TRANSIT_TIME: TimeDelta = TimeDelta::seconds(2);

/// A range that Calendly accepts: it starts in the future, ends after its start, and spans at most 366 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange(SlotRange);

/// The range of the slot starts in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotRange {
    pub(crate) start_time: DateTime<Utc>,
    pub(crate) end_time: DateTime<Utc>,
    /// Whether a slot that starts at the end is in the answer. A bare end date excludes the midnight after it, which
    /// belongs to the next day.
    pub(crate) includes_end: bool,
}

impl SlotRange {
    /// Whether the range ends before this moment.
    pub(crate) fn is_before(&self, start_time: DateTime<Utc>) -> bool {
        if self.includes_end { self.end_time < start_time } else { self.end_time <= start_time }
    }
}

impl TimeRange {
    /// The range of a question that arrives at `now`. A past start is moved ahead. `includes_end` says whether a slot may
    /// start at the end.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for `end_time`, the parameter to change in each case.
    pub fn new(
        start_time: DateTime<Utc>,
        end_time: DateTime<Utc>,
        includes_end: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        if end_time <= start_time {
            let start_time = utc(start_time);
            let detail = format!("is not after start_time {start_time}: send a later end_time.");
            return Err(refuse(end_time, &detail, "is not after start_time"));
        }
        if end_time <= now {
            return Err(refuse_now(end_time, now, "is in the past", "send one in the future."));
        }
        let start_time = move_past_start(start_time, end_time, now)?;
        if end_time - start_time > MAX_RANGE {
            let detail = format!("is more than 366 days after {}: send an earlier one.", utc(start_time));
            return Err(refuse(end_time, &detail, "is more than 366 days after start_time"));
        }
        Ok(Self(SlotRange { start_time, end_time, includes_end }))
    }

    /// The start of the range.
    #[must_use]
    pub fn start_time(&self) -> DateTime<Utc> {
        self.0.start_time
    }

    /// The starts of the wanted slots, from `start_time` on.
    pub(crate) fn slot_range_from(&self, start_time: DateTime<Utc>) -> SlotRange {
        SlotRange { start_time, ..self.0 }
    }

    /// The end of the range.
    #[must_use]
    pub fn end_time(&self) -> DateTime<Utc> {
        self.0.end_time
    }
}

/// The start to request at `now`: a start that is past, or past when the call reaches Calendly, is moved ahead.
/// Fails if `end_time` is less than a minute from `now`.
pub(crate) fn move_past_start(
    start_time: DateTime<Utc>,
    end_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Error> {
    let start_time = if start_time <= latest_arrival(now) { moved_start(now) } else { start_time };
    if end_time <= start_time || end_time <= now + LEAD_TIME {
        return Err(refuse_now(end_time, now, "is less than a minute away", "send a later one."));
    }
    Ok(start_time)
}

/// The latest arrival at Calendly of a call that is sent at `now`.
pub(crate) fn latest_arrival(now: DateTime<Utc>) -> DateTime<Utc> {
    now + MAX_TRANSIT_TIME
}

/// Where a past start is moved to: a whole second.
pub(crate) fn moved_start(now: DateTime<Utc>) -> DateTime<Utc> {
    let time = now + LEAD_TIME;
    time.duration_round_up(TimeDelta::seconds(1)).unwrap_or(time)
}

/// The detail includes the current time, since the client's clock may be wrong.
fn refuse_now(end_time: DateTime<Utc>, now: DateTime<Utc>, problem: &str, remedy: &str) -> Error {
    let now = utc(now.trunc_subsecs(0));
    refuse(end_time, &format!("{problem} (it is now {now}): {remedy}"), problem)
}

/// The error for `end_time`, the parameter to change in each case.
fn refuse(end_time: DateTime<Utc>, detail: &str, problem: &str) -> Error {
    Error::InvalidParameter {
        parameter: TimeParameter::End.name(),
        detail: format!("end_time {} {detail}", utc(end_time)),
        reason: format!("end_time {problem}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    const NOW: &str = "2026-11-22T12:00:00.400Z";

    fn range(start: &str, end: &str) -> Result<(String, String), String> {
        TimeRange::new(time(start), time(end), true, time(NOW))
            .map(|range| (utc(range.start_time()), utc(range.end_time())))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn future_ranges_are_unchanged() {
        for (start, end) in [
            ("2026-12-01T09:00:00Z", "2026-12-01T09:00:01Z"),
            ("2026-11-22T12:00:30Z", "2026-11-22T12:02:00Z"),
            ("2026-12-01T00:00:00.500Z", "2027-12-02T00:00:00.500Z"),
        ] {
            assert_eq!(range(start, end), Ok((start.to_owned(), end.to_owned())));
        }
    }

    #[test]
    fn past_starts_are_moved() {
        for start in [
            "2020-01-01T00:00:00Z",
            "2026-11-22T12:00:00Z",
            "2026-11-22T12:00:00.400Z",
            "2026-11-22T12:00:02Z",
        ] {
            let moved = ("2026-11-22T12:01:01Z".to_owned(), "2026-11-23T00:00:00Z".to_owned());
            assert_eq!(range(start, "2026-11-23T00:00:00Z"), Ok(moved), "{start}");
            assert!(range(start, "2027-11-23T12:01:01Z").is_ok(), "the maximum counts from the moved start");
        }
    }

    #[test]
    fn refused_ranges() {
        for (start, end, expected) in [
            ("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z", "is not after start_time"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "is not after start_time"),
            ("2020-01-02T00:00:00Z", "2020-01-01T00:00:00Z", "is not after start_time"),
            (
                "2020-01-01T00:00:00Z",
                "2020-01-02T00:00:00Z",
                "is in the past (it is now 2026-11-22T12:00:00Z)",
            ),
            ("2020-01-01T00:00:00Z", NOW, "is in the past"),
            ("2020-01-01T00:00:00Z", "2026-11-22T12:01:00Z", "less than a minute away"),
            ("2020-01-01T00:00:00Z", "2026-11-22T12:01:00.900Z", "less than a minute away"),
            ("2026-11-22T12:00:10Z", "2026-11-22T12:00:40Z", "less than a minute away"),
            ("2000-01-01T00:00:00Z", "2027-11-23T12:01:02Z", "more than 366 days after 2026-11-22T12:01:01Z"),
            ("2026-12-01T00:00:00Z", "2027-12-02T00:00:01Z", "more than 366 days"),
        ] {
            let message = range(start, end).unwrap_err();
            assert!(
                message.starts_with("end_time ") && message.contains(expected),
                "{start} to {end}: {message}"
            );
        }
    }
}
