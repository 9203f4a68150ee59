//! Times as Calendly writes them.

use std::fmt;

use chrono::{DateTime, Days, NaiveTime, ParseError, SecondsFormat, Utc};
use serde::{
    Deserializer,
    de::{self, Visitor},
};

/// RFC 3339 in UTC with `Z`, and with fractions of a second only if there are any.
#[must_use]
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Deserializes an RFC 3339 date-time. chrono's own `Deserialize` accepts more and takes longer.
pub(super) fn rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    struct Rfc3339;

    impl Visitor<'_> for Rfc3339 {
        type Value = DateTime<Utc>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an RFC 3339 date-time")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
            parse(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Rfc3339)
}

/// Parses an RFC 3339 date-time, or one with ISO 8601's `24:00:00`, which examples in Calendly's documentation have.
fn parse(text: &str) -> Result<DateTime<Utc>, ParseError> {
    let end_of_day = |error| {
        let (date, rest) = text.split_once("T24:00:00").ok_or(error)?;
        let start_of_day = DateTime::parse_from_rfc3339(&format!("{date}T00:00:00{rest}"))?;
        let end = start_of_day.checked_add_days(Days::new(1));
        end.filter(|end| end.time() == NaiveTime::MIN).ok_or(error)
    };
    DateTime::parse_from_rfc3339(text).or_else(end_of_day).map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let time = |text: &str| utc(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        assert_eq!(time("2026-12-01T10:00:00+01:00"), "2026-12-01T09:00:00Z");
        assert_eq!(time("2026-12-01T10:00:00.5Z"), "2026-12-01T10:00:00.500Z");
    }

    #[test]
    fn hour_24_is_the_end_of_the_day() {
        for (text, expected) in [
            ("2026-12-01T11:00:00+01:00", Some("2026-12-01T10:00:00Z")),
            ("2026-12-01T24:00:00.000000Z", Some("2026-12-02T00:00:00Z")),
            ("2026-12-01T24:00:00-00:00", Some("2026-12-02T00:00:00Z")),
            ("2026-12-01T24:00:00.5Z", None),
            ("2026-12-01T24:00:01Z", None),
        ] {
            assert_eq!(parse(text).ok().map(utc).as_deref(), expected, "{text}");
        }
    }
}
