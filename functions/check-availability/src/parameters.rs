//! The query parameters, understood.

use chrono::{DateTime, Utc};
use shared::{Error, Query};

use crate::{
    event_type::EventTypeRef,
    moment::{self, Edge},
    range::TimeRange,
    zone::Zone,
};

/// What a caller asks for.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// `start_time` and `end_time`.
    pub(crate) range: TimeRange,
    /// `event_type`.
    pub(crate) event_type: EventTypeRef,
    /// `timezone`: also give local times of this zone.
    pub(crate) timezone: Option<Zone>,
}

impl Parameters {
    /// Understands a query that comes at the moment `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub(crate) fn parse(query: &Query, now: DateTime<Utc>) -> Result<Self, Error> {
        let start_time = query.require("start_time", "2026-12-01T09:00:00Z")?;
        let end_time = query.require("end_time", "2026-12-02T09:00:00Z")?;
        let timezone = query.get("timezone")?.map(parse_timezone).transpose()?;
        let event_type = EventTypeRef::parse(query.get("event_type")?)?;
        let start_time = moment::parse(Edge::Start, start_time, timezone.as_ref())?;
        let end_time = moment::parse(Edge::End, end_time, timezone.as_ref())?;
        Ok(Self { range: TimeRange::new(start_time, end_time, now)?, event_type, timezone })
    }
}

/// An IANA name, letter for letter.
fn parse_timezone(name: &str) -> Result<Zone, Error> {
    Zone::named(name).ok_or_else(|| {
        Error::invalid_value(
            "timezone",
            name,
            "is not an IANA time zone name: send one like Europe/Lisbon or UTC.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zone_names_are_ianas() {
        for good in ["Europe/Lisbon", "UTC", "America/Argentina/Buenos_Aires", "Asia/Calcutta", "Etc/GMT+5"] {
            assert!(parse_timezone(good).is_ok(), "{good}");
        }
        for bad in ["europe/lisbon", "Lisbon", "+01:00", "WEST", "Europe/Lisbon ", "Europe / Lisbon"] {
            let error = parse_timezone(bad).unwrap_err();
            assert!(error.to_string().contains("is not an IANA time zone name"), "{bad}: {error}");
        }
    }
}
