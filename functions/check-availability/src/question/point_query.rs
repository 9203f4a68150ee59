//! A question about one moment (`at`), and the slots that follow it.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use shared::{
    Error,
    calendly::{TimeWindow, utc},
};

use super::SlotRange;

/// How far ahead of now the moment may be.
const MIN_LEAD_TIME: TimeDelta = TimeDelta::seconds(60);
const MAX_LEAD_TIME: TimeDelta = TimeDelta::days(366);

/// The period after the moment in which the next slots are searched.
const NEXT_PERIOD: TimeDelta = TimeDelta::days(7);

/// The maximum number of entries in `next`.
pub const MAX_NEXT: usize = 3;

/// A margin at both ends of the window, because Calendly does not document whether they are inclusive.
const MARGIN: TimeDelta = TimeDelta::seconds(1);

/// The moment of `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointQuery(DateTime<Utc>);

impl PointQuery {
    /// The query of a question that arrives at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Error> {
        let refuse = |problem: &str, remedy: &str| {
            let detail = format!("{problem} (it is now {}): {remedy}", utc(now.trunc_subsecs(0)));
            Err(Error::invalid_value("at", &utc(at), detail))
        };
        if at <= now {
            refuse("is in the past", "send a moment in the future.")
        } else if at - now < MIN_LEAD_TIME {
            refuse("is less than a minute away", "send a later moment.")
        } else if at - now > MAX_LEAD_TIME {
            refuse("is more than 366 days away", "send an earlier moment.")
        } else {
            Ok(Self(at))
        }
    }

    /// The moment.
    #[must_use]
    pub fn moment(self) -> DateTime<Utc> {
        self.0
    }

    /// The slots that the query needs.
    pub(crate) fn slot_range(self) -> SlotRange {
        SlotRange { start_time: self.0, end_time: self.0 + NEXT_PERIOD, includes_end: true }
    }

    /// Whether a slot with this start belongs in `next`: at most seven days after the moment.
    pub(crate) fn includes_in_next(self, start_time: DateTime<Utc>) -> bool {
        start_time > self.0 && start_time - self.0 <= NEXT_PERIOD
    }

    /// The window to request at `now`: it starts just before the moment, and never in the past.
    /// Fails if the moment became past during the request.
    pub(crate) fn window(self, now: DateTime<Utc>) -> Result<TimeWindow, Error> {
        let start_time = self.0 - MARGIN;
        if start_time - now < MARGIN {
            return Err(Error::invalid_value(
                "at",
                &utc(self.0),
                "became past during the request: send a later moment.",
            ));
        }
        Ok(TimeWindow { start_time, end_time: self.0 + NEXT_PERIOD + MARGIN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn a_moment_is_between_a_minute_and_366_days_ahead() {
        let now = time("2026-11-22T12:00:00Z");
        for good in ["2026-11-22T12:01:00Z", "2027-11-23T12:00:00Z"] {
            assert!(PointQuery::new(time(good), now).is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("2026-11-22T12:00:00Z", "is in the past (it is now 2026-11-22T12:00:00Z)"),
            ("2026-11-22T12:00:59.999Z", "less than a minute away"),
            ("2027-11-23T12:00:00.001Z", "more than 366 days"),
        ] {
            let error = PointQuery::new(time(bad), now).unwrap_err().to_string();
            assert!(error.starts_with("at ") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_window_holds_the_moment_and_the_seven_days_after_it() {
        let at = PointQuery::new(time("2026-11-22T12:01:00Z"), time("2026-11-22T12:00:00Z")).unwrap();
        let window = at.window(time("2026-11-22T12:00:58Z")).unwrap();
        assert!(window.start_time < at.moment());
        assert!(window.end_time > time("2026-11-29T12:01:00Z"));
        assert!(at.window(time("2026-11-22T12:00:59Z")).is_err());
        assert!(
            at.includes_in_next(time("2026-11-29T12:01:00Z"))
                && !at.includes_in_next(time("2026-11-29T12:01:01Z"))
        );
        assert!(!at.includes_in_next(at.moment()));
    }
}
