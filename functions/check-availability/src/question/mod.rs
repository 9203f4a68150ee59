//! A question about times, parsed from the query parameters into a value that cannot contradict itself.

mod parse_time;
mod point_query;
pub(crate) mod time_range;
mod zone;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{Error, Query};

use crate::event_type::EventTypeRef;

pub use point_query::{MAX_NEXT, PointQuery};
pub(crate) use time_range::SlotRange;
pub use time_range::TimeRange;
pub use zone::{Offsets, Zone};

pub(crate) use parse_time::TimeParameter;
#[cfg(any(test, fuzzing))]
pub(crate) use parse_time::parse as parse_time;

/// The maximum number of event types.
pub const MAX_EVENT_TYPES: usize = 10;

/// The largest `limit`.
const MAX_LIMIT: usize = 1_000;

/// A question about times.
#[derive(Debug)]
pub struct Question {
    /// The requested times.
    pub times: RequestedTimes,
    /// `event_type`: at least one, without duplicates.
    pub event_types: Vec<EventTypeRef>,
    /// `match`.
    pub match_mode: Match,
    /// `duration`: a duration that every event type must offer.
    pub duration: Option<TimeDelta>,
    /// `timezone`: slots also have local times of this zone.
    pub timezone: Option<Zone>,
}

/// The times that a question is about.
#[derive(Debug, Clone, Copy)]
pub enum RequestedTimes {
    /// `start_time` to `end_time`, in UTC. A slot may start at the end, unless that is the end of a bare date.
    Range {
        /// The range.
        range: TimeRange,
        /// How many entries the answer needs; `None` for all.
        limit: Option<Limit>,
    },
    /// `at`.
    Point(PointQuery),
}

/// How many entries an answer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `limit`: entries, available or not.
    Entries(usize),
    /// Available entries.
    AvailableEntries(usize),
}

/// Which slots of several event types are in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Those of any event type.
    Any,
    /// The instants at which every event type has an available slot.
    All,
}

impl Limit {
    /// The number of entries.
    #[must_use]
    pub fn max(self) -> usize {
        match self {
            Self::Entries(max) | Self::AvailableEntries(max) => max,
        }
    }
}

impl RequestedTimes {
    /// The limit of a range, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::Range { limit, .. } => *limit,
            Self::Point(_) => None,
        }
    }
}

impl Question {
    /// Parses the query of a request that arrives at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub fn parse(query: &Query, now: DateTime<Utc>) -> Result<Self, Error> {
        let times = match query.get("at")? {
            Some(at) => TimeTexts::At(reject_range_parameters(query, at)?),
            None => TimeTexts::Range {
                start: query.require("start_time", "2026-12-01T09:00:00Z")?,
                end: query.require("end_time", "2026-12-02T09:00:00Z")?,
                limit: query.get("limit")?.map(parse_limit).transpose()?.map(Limit::Entries),
            },
        };
        let timezone = query.get("timezone")?.map(parse_timezone).transpose()?;
        let event_types = parse_event_types(&query.all("event_type")?)?;
        let match_mode = query.get("match")?.map_or(Ok(Match::Any), parse_match)?;
        let duration = query.get("duration")?.map(parse_duration).transpose()?;
        let zone = timezone.as_ref();
        let times = match times {
            TimeTexts::At(at) => {
                RequestedTimes::Point(PointQuery::new(parse_time::parse(TimeParameter::At, at, zone)?, now)?)
            }
            TimeTexts::Range { start, end, limit } => {
                let start_time = parse_time::parse(TimeParameter::Start, start, zone)?;
                let end_time = parse_time::parse(TimeParameter::End, end, zone)?;
                let range = TimeRange::new(start_time, end_time, !parse_time::is_date(end), now)?;
                RequestedTimes::Range { range, limit }
            }
        };
        Ok(Self { times, event_types, match_mode, duration, timezone })
    }
}

/// Parses a `start_time` in the time zone of `timezone`.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub fn parse_start_time(text: &str, timezone: Option<&Zone>) -> Result<DateTime<Utc>, Error> {
    parse_time::parse(TimeParameter::Start, text, timezone)
}

/// The times as texts, before `timezone` is known.
enum TimeTexts<'a> {
    Range { start: &'a str, end: &'a str, limit: Option<Limit> },
    At(&'a str),
}

/// Returns `at`, or an error if a parameter of a range is also present.
fn reject_range_parameters<'a>(query: &Query, at: &'a str) -> Result<&'a str, Error> {
    for range in ["start_time", "end_time"] {
        if !query.all(range)?.is_empty() {
            return Err(Error::invalid_parameter(
                "at",
                format!("at cannot be combined with {range}: send either at, or start_time and end_time."),
            ));
        }
    }
    if !query.all("limit")?.is_empty() {
        return Err(Error::invalid_parameter(
            "limit",
            "limit cannot be combined with at: send only one of them.",
        ));
    }
    Ok(at)
}

fn parse_event_types(texts: &[&str]) -> Result<Vec<EventTypeRef>, Error> {
    if texts.len() > MAX_EVENT_TYPES {
        return Err(Error::invalid_parameter(
            "event_type",
            format!("event_type is given more than {MAX_EVENT_TYPES} times: send fewer."),
        ));
    }
    if texts.is_empty() {
        return Ok(vec![EventTypeRef::parse(None)?]);
    }
    let mut event_types = Vec::with_capacity(texts.len());
    for text in texts {
        let event_type = EventTypeRef::parse(Some(text))?;
        if !event_types.contains(&event_type) {
            event_types.push(event_type);
        }
    }
    Ok(event_types)
}

fn parse_match(text: &str) -> Result<Match, Error> {
    match text {
        "any" => Ok(Match::Any),
        "all" => Ok(Match::All),
        _ => Err(Error::invalid_value("match", text, "is neither any nor all: send one of them.")),
    }
}

fn parse_limit(text: &str) -> Result<usize, Error> {
    whole_number(text)
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit <= MAX_LIMIT)
        .ok_or_else(|| {
            Error::invalid_value("limit", text, format!("is not a whole number from 1 to {MAX_LIMIT}."))
        })
}

fn parse_duration(text: &str) -> Result<TimeDelta, Error> {
    whole_number(text).map(|minutes| TimeDelta::minutes(minutes.into())).ok_or_else(|| {
        Error::invalid_value("duration", text, "is not a whole number of minutes: send for example 30.")
    })
}

/// A number above zero, of digits alone.
fn whole_number(text: &str) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_digits && *number > 0)
}

/// Parses an IANA name. A + that the client did not percent-encode arrives as a space.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub fn parse_timezone(name: &str) -> Result<Zone, Error> {
    Zone::named(&name.replace(' ', "+")).ok_or_else(|| {
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
    fn time_zones_are_iana_names() {
        for good in [
            "Europe/Lisbon",
            "UTC",
            "America/Argentina/Buenos_Aires",
            "Asia/Calcutta",
            "Etc/GMT+5",
            "Etc/GMT 5",
        ] {
            assert!(parse_timezone(good).is_ok(), "{good}");
        }
        for bad in ["europe/lisbon", "Lisbon", "+01:00", "WEST", "Europe/Lisbon ", "Europe / Lisbon"] {
            let error = parse_timezone(bad).unwrap_err();
            assert!(error.to_string().contains("is not an IANA time zone name"), "{bad}: {error}");
        }
    }

    const DAY: &str = "start_time=2026-12-01&end_time=2026-12-01";

    fn parse(query: &str) -> Result<Question, String> {
        let now = DateTime::from_timestamp_secs(1_790_000_000).unwrap();
        Question::parse(&query.parse().unwrap(), now).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_from_1_to_1000() {
        let limit =
            |limit: &str| parse(&format!("{DAY}&limit={limit}")).map(|question| question.times.limit());
        for (text, number) in [("1", 1), ("2", 2), ("1000", 1_000), ("0007", 7)] {
            assert_eq!(limit(text), Ok(Some(Limit::Entries(number))), "{text}");
        }
        for text in ["0", "1001", "-1", "%2B5", "1.0", "5%20", "five", "99999999999999999999"] {
            let message = limit(text).unwrap_err();
            assert!(message.ends_with("is not a whole number from 1 to 1000."), "{text}: {message}");
        }
        assert_eq!(parse(DAY).unwrap().times.limit(), None);
        assert_eq!(parse("at=2026-12-01T09:00Z").unwrap().times.limit(), None);
    }

    #[test]
    fn durations_are_whole_minutes() {
        let duration =
            |text: &str| parse(&format!("{DAY}&duration={text}")).map(|question| question.duration);
        for (text, minutes) in [("1", 1), ("30", 30), ("4294967295", 4_294_967_295)] {
            assert_eq!(duration(text), Ok(Some(TimeDelta::minutes(minutes))), "{text}");
        }
        for text in ["0", "%2B30", "-30", "30m", "4294967296"] {
            let message = duration(text).unwrap_err();
            assert!(message.contains("is not a whole number of minutes"), "{text}: {message}");
        }
    }

    #[test]
    fn up_to_ten_distinct_event_types() {
        let slugs = |numbers: &[u32]| -> String {
            numbers.iter().map(|number| format!("&event_type=slug-{number}")).collect()
        };
        let requested = |numbers: &[u32]| {
            parse(&format!("{DAY}{}", slugs(numbers)))
                .map(|question| question.event_types.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(requested(&[]).unwrap(), [""]);
        assert_eq!(requested(&[2, 1, 2]).unwrap(), ["slug-2", "slug-1"]);
        assert_eq!(requested(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap().len(), 10);
        for too_many in [&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[0; 11], &[1; 12][..]] {
            let message = requested(too_many).unwrap_err();
            assert_eq!(message, "event_type is given more than 10 times: send fewer.");
        }
    }
}
