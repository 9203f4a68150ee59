//! Parses `start_time`, `end_time` and `at`: an RFC 3339 date-time, a local date-time, or a bare date.

use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc,
};
use shared::Error;

use super::zone::Zone;

/// The parameter that a text belongs to. Determines what a bare date and a repeated local time mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeParameter {
    Start,
    End,
    At,
}

impl TimeParameter {
    /// The parameter's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start_time",
            Self::End => "end_time",
            Self::At => "at",
        }
    }
}

/// Parses `text`. `zone` is the `timezone` parameter.
pub(crate) fn parse(
    parameter: TimeParameter,
    text: &str,
    zone: Option<&Zone>,
) -> Result<DateTime<Utc>, Error> {
    let refuse = |reason: &str| Error::invalid_value(parameter.name(), text, reason);
    let Some(parsed) = ParsedTime::parse(text) else {
        return Err(refuse(
            "is neither a date-time nor a date: send for example 2026-12-01T09:00:00Z or 2026-12-01.",
        ));
    };
    let time = match (parsed, zone, parameter) {
        (ParsedTime::Date(_), _, TimeParameter::At) => {
            return Err(refuse("is a date: send a moment, for example 2026-12-01T09:00:00Z."));
        }
        (ParsedTime::Date(date), zone, TimeParameter::Start) => start_of_day(date, zone),
        (ParsedTime::Date(date), zone, TimeParameter::End) => {
            date.succ_opt().and_then(|next| start_of_day(next, zone))
        }
        (ParsedTime::DateTime(local, Some(offset)), ..) => {
            offset.from_local_datetime(&local).single().map(|time| time.to_utc())
        }
        (ParsedTime::DateTime(_, None), None, _) => {
            return Err(refuse(r#"has no offset: add "Z" or "+01:00", or send timezone."#));
        }
        (ParsedTime::DateTime(local, None), Some(zone), parameter) => match zone.instants_of(local) {
            Some(MappedLocalTime::None) => {
                return Err(refuse(&format!(
                    "does not exist in {zone}: the clocks skip it. Send a time before or after that, or one with an offset."
                )));
            }
            Some(instants) if parameter == TimeParameter::End => instants.latest(),
            Some(instants) => instants.earliest(),
            None => None,
        },
    };
    // RFC 3339 has no later years.
    time.filter(|time| time.year() <= 9999).ok_or_else(|| refuse("is too far away: send a year up to 9999."))
}

/// Whether a text is a bare date.
pub(crate) fn is_date(text: &str) -> bool {
    matches!(ParsedTime::parse(text), Some(ParsedTime::Date(_)))
}

/// A text's date, time and offset.
#[derive(Debug, PartialEq)]
enum ParsedTime {
    Date(NaiveDate),
    DateTime(NaiveDateTime, Option<FixedOffset>),
}

impl ParsedTime {
    /// `2026-12-01`, `2026-12-01T09:00[:00[.000]]`, and the latter with `Z` or an offset.
    fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let date = parse_date(date)?;
        let Some(separator) = rest.chars().next() else { return Some(Self::Date(date)) };
        if !matches!(separator, 'T' | 't' | ' ') {
            return None;
        }
        let rest = rest.get(1..)?;
        // A + that the client did not percent-encode arrives as a space.
        let (time, offset) = match rest.find(['Z', 'z', '+', '-', ' ']) {
            Some(at) => (rest.get(..at)?, Some(parse_offset(rest.get(at..)?)?)),
            None => (rest, None),
        };
        Some(Self::DateTime(date.and_time(parse_time_of_day(time)?), offset))
    }
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    NaiveDate::from_ymd_opt(i32::try_from(digits(year, 4)?).ok()?, digits(month, 2)?, digits(day, 2)?)
}

fn parse_time_of_day(text: &str) -> Option<NaiveTime> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':').unwrap_or((rest, "00"));
    let (second, fraction) =
        second.split_once('.').map_or((second, None), |(second, fraction)| (second, Some(fraction)));
    let nanosecond = match fraction {
        None => 0,
        // Digits after the ninth are dropped.
        Some(fraction) if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{fraction:0<9.9}").parse().ok()?
        }
        Some(_) => return None,
    };
    NaiveTime::from_hms_nano_opt(digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?, nanosecond)
}

fn parse_offset(text: &str) -> Option<FixedOffset> {
    let (sign, rest) = text.split_at_checked(1)?;
    if matches!(sign, "Z" | "z") {
        return if rest.is_empty() { FixedOffset::east_opt(0) } else { None };
    }
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3_600 + minutes * 60).ok()?;
    if sign == "-" { FixedOffset::west_opt(seconds) } else { FixedOffset::east_opt(seconds) }
}

/// A number of exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The start of a day in a zone, or else in UTC. Where the clocks skip midnight, it is the first time after that.
fn start_of_day(date: NaiveDate, zone: Option<&Zone>) -> Option<DateTime<Utc>> {
    match zone {
        Some(zone) => zone.start_of_day(date),
        None => Some(date.and_time(NaiveTime::MIN).and_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(parameter: TimeParameter, text: &str, zone: &str) -> Result<String, String> {
        let zone = (!zone.is_empty()).then(|| Zone::named(zone).unwrap());
        parse(parameter, text, zone.as_ref()).map(shared::calendly::utc).map_err(|error| error.to_string())
    }

    fn start(text: &str, zone: &str) -> String {
        time(TimeParameter::Start, text, zone).unwrap()
    }

    fn end(text: &str, zone: &str) -> String {
        time(TimeParameter::End, text, zone).unwrap()
    }

    #[test]
    fn date_times_with_an_offset() {
        for (text, expected) in [
            ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01t09:00:00z", "2026-12-01T09:00:00Z"),
            ("2026-12-01 09:00:00Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T09:00Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T09:00:00.000000Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T09:00:00.25Z", "2026-12-01T09:00:00.250Z"),
            ("2026-12-01T09:00:00.1234567891Z", "2026-12-01T09:00:00.123456789Z"),
            ("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z"),
            ("2026-12-01T09:00:00 01:00", "2026-12-01T08:00:00Z"),
            ("2026-12-01T09:00:00-05:30", "2026-12-01T14:30:00Z"),
            ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"),
            ("2026-12-01T09:00:00+23:59", "2026-11-30T09:01:00Z"),
            ("2026-12-01T09:00:00-23:59", "2026-12-02T08:59:00Z"),
            ("2028-02-29T00:00:00-00:00", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(start(text, ""), expected, "{text}");
            assert_eq!(start(text, "Asia/Tokyo"), expected, "an offset wins over the zone: {text}");
        }
    }

    #[test]
    fn refused_texts() {
        for text in [
            "tomorrow",
            "2026",
            "2026-12",
            "2026-12-1",
            "26-12-01",
            "2026-13-01",
            "2026-02-29",
            "2026-12-01T",
            "2026-12-01X09:00",
            "2026-12-01T9:00Z",
            "2026-12-01T09Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T09:60:00Z",
            "2026-12-01T09:00:60Z",
            "2026-12-01T09:00:00.Z",
            "2026-12-01T09:00:00.5x",
            "2026-12-01T09:00:00+1:00",
            "2026-12-01T09:00:00+0100",
            "2026-12-01T09:00:00+24:00",
            "2026-12-01T09:00:00+01:60",
            "2026-12-01T09:00:00Z+01:00",
            "2026-12-01T09:00:00ZZ",
            "2026-12-01T09:00:00Z01:00",
            "2026-12-01T09:00:00z01:00",
            "2026-12-01T09:00:00Z ",
            " 2026-12-01",
            "+2026-12-01",
            "2026-12-01T+9:00:00Z",
            "２０２６-12-01",
            "20261201T090000Z",
            "1796119200",
            "2026-12-01T09:00:00 Europe",
            "éééééé",
        ] {
            let message = time(TimeParameter::End, text, "Europe/Lisbon").unwrap_err();
            assert!(
                message.starts_with("end_time \"") && message.contains("is neither a date-time nor a date"),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn a_local_time_needs_a_zone() {
        assert_eq!(
            time(TimeParameter::Start, "2026-12-01T10:00", "").unwrap_err(),
            r#"start_time "2026-12-01T10:00" has no offset: add "Z" or "+01:00", or send timezone."#
        );
        assert_eq!(start("2026-12-01T10:00", "Europe/Madrid"), "2026-12-01T09:00:00Z");
        assert_eq!(start("2026-07-01T10:00:00", "Europe/Madrid"), "2026-07-01T08:00:00Z");
    }

    #[test]
    fn skipped_local_times_are_refused() {
        for parameter in [TimeParameter::Start, TimeParameter::End, TimeParameter::At] {
            let message = time(parameter, "2027-03-28T01:30", "Europe/Lisbon").unwrap_err();
            assert!(message.contains("does not exist in Europe/Lisbon: the clocks skip it"), "{message}");
        }
        assert_eq!(start("2027-03-28T00:59", "Europe/Lisbon"), "2027-03-28T00:59:00Z");
        assert_eq!(start("2027-03-28T02:00", "Europe/Lisbon"), "2027-03-28T01:00:00Z");
    }

    #[test]
    fn repeated_local_times_make_the_range_wide() {
        for (local, zone, first, second) in [
            ("2026-10-25T01:30", "Europe/Lisbon", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            // Lord Howe Island repeats half an hour.
            ("2027-04-04T01:45", "Australia/Lord_Howe", "2027-04-03T14:45:00Z", "2027-04-03T15:15:00Z"),
        ] {
            assert_eq!(start(local, zone), first);
            assert_eq!(end(local, zone), second);
            assert_eq!(time(TimeParameter::At, local, zone).unwrap(), first);
        }
    }

    #[test]
    fn a_date_is_its_whole_day() {
        for (zone, date, from, to) in [
            ("", "2026-12-01", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
            ("Asia/Kolkata", "2026-12-01", "2026-11-30T18:30:00Z", "2026-12-01T18:30:00Z"),
            // 23 and 25 hours.
            ("Europe/Lisbon", "2027-03-28", "2027-03-28T00:00:00Z", "2027-03-28T23:00:00Z"),
            ("Europe/Lisbon", "2026-10-25", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"),
            // Midnight is skipped: the day starts at 01:00.
            ("Africa/Cairo", "2027-04-30", "2027-04-29T22:00:00Z", "2027-04-30T21:00:00Z"),
            ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
            // The first hour of the day is repeated.
            ("America/Havana", "2027-11-07", "2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z"),
            // Samoa skipped this day.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
        ] {
            assert_eq!((&*start(date, zone), &*end(date, zone)), (from, to), "{zone} {date}");
        }
        let message = time(TimeParameter::At, "2026-12-01", "").unwrap_err();
        assert!(message.contains("is a date: send a moment"), "{message}");
    }

    #[test]
    fn the_ends_of_the_calendar() {
        for zone in ["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Europe/Lisbon"] {
            let message = time(TimeParameter::End, "9999-12-31", zone).unwrap_err();
            assert!(message.contains("is too far away"), "{zone}: {message}");
            for text in ["0000-01-01", "0000-01-01T00:00", "9999-12-30", "9999-12-31T00:00"] {
                assert!(
                    time(TimeParameter::Start, text, zone).is_ok()
                        && time(TimeParameter::End, text, zone).is_ok(),
                    "{zone} {text}"
                );
            }
        }
        for (text, zone) in [
            ("9999-12-31", ""),
            ("9999-12-31T23:30:00-01:00", ""),
            ("9999-12-31T23:59:59.999999999", "America/Los_Angeles"),
        ] {
            let message = time(TimeParameter::End, text, zone).unwrap_err();
            assert!(message.contains("is too far away"), "{text}: {message}");
        }
        assert_eq!(end("9999-12-30", "Pacific/Pago_Pago"), "9999-12-31T11:00:00Z");
        assert_eq!(start("9999-12-31T22:59", "Europe/Lisbon"), "9999-12-31T22:59:00Z");
        assert_eq!(start("9999-12-31", ""), "9999-12-31T00:00:00Z");
        assert_eq!(start("9999-12-31T23:59:59Z", "Europe/Lisbon"), "9999-12-31T23:59:59Z");
    }
}
