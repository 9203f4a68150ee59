//! Times as Calendly writes them.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
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
            DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Rfc3339)
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
}
