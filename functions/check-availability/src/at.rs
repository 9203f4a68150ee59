//! One moment that is asked about, and the time after it.

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    Error,
    calendly::{TimeWindow, utc},
};

/// The least and the most that it may be ahead.
const AHEAD: (TimeDelta, TimeDelta) = (TimeDelta::seconds(60), TimeDelta::days(366));

/// In which the next slots are looked for.
const NEXT: TimeDelta = TimeDelta::days(7);

/// By how much more is asked at both ends: whether Calendly's ends belong to a window is not documented.
const MARGIN: TimeDelta = TimeDelta::seconds(1);

/// The moment of `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(DateTime<Utc>);

impl At {
    /// What the caller asks about at the moment `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub(crate) fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::invalid_value("at", &utc(at), reason));
        let (least, most) = AHEAD;
        if at <= now {
            refuse("is in the past: send a moment in the future.")
        } else if at - now < least {
            refuse("is less than a minute away: send a later moment.")
        } else if at - now > most {
            refuse("is more than 366 days away: send an earlier moment.")
        } else {
            Ok(Self(at))
        }
    }

    pub(crate) fn moment(self) -> DateTime<Utc> {
        self.0
    }

    /// Whether a slot that starts then is one of the next: up to and including the end of the time.
    pub(crate) fn has_next(self, start_time: DateTime<Utc>) -> bool {
        start_time > self.0 && start_time - self.0 <= NEXT
    }

    /// What to ask of Calendly at the moment `now`: it begins just before the moment and is never past.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the moment has become past while the request was worked on.
    pub(crate) fn window(self, now: DateTime<Utc>) -> Result<TimeWindow, Error> {
        let start_time = self.0 - MARGIN;
        if start_time - now < MARGIN {
            return Err(Error::invalid_value(
                "at",
                &utc(self.0),
                "became past while it was looked up: send a later moment.",
            ));
        }
        Ok(TimeWindow { start_time, end_time: self.0 + NEXT + MARGIN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn a_moment_is_a_minute_to_366_days_ahead() {
        let now = time("2026-11-22T12:00:00Z");
        for good in ["2026-11-22T12:01:00Z", "2027-11-23T12:00:00Z"] {
            assert!(At::new(time(good), now).is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("2026-11-22T12:00:00Z", "is in the past"),
            ("2026-11-22T12:00:59.999Z", "less than a minute away"),
            ("2027-11-23T12:00:00.001Z", "more than 366 days"),
        ] {
            let error = At::new(time(bad), now).unwrap_err().to_string();
            assert!(error.starts_with("at ") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_window_surrounds_the_moment_and_its_week() {
        let at = At::new(time("2026-11-22T12:01:00Z"), time("2026-11-22T12:00:00Z")).unwrap();
        let window = at.window(time("2026-11-22T12:00:58Z")).unwrap();
        assert!(window.start_time < at.moment());
        assert!(window.end_time > time("2026-11-29T12:01:00Z"));
        assert!(at.window(time("2026-11-22T12:00:59Z")).is_err());
        assert!(at.has_next(time("2026-11-29T12:01:00Z")) && !at.has_next(time("2026-11-29T12:01:01Z")));
        assert!(!at.has_next(at.moment()));
    }
}
