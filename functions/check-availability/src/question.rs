//! What a caller asks: one value that cannot contradict itself, made of the query.

use chrono::{DateTime, TimeDelta, Utc};
use shared::{Error, Query};

use crate::{
    aligned::Aligned,
    at::At,
    event_type::EventTypeRef,
    moment::{self, Edge},
    range::{Part, TimeRange},
    zone::Zone,
};

/// How many event types one question may be about.
const MOST_EVENT_TYPES: usize = 10;

/// The largest `limit`.
const LARGEST_LIMIT: usize = 1_000;

/// A question about times.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) times: Times,
    /// `event_type`: at least one, none twice.
    pub(crate) event_types: Vec<EventTypeRef>,
    /// `match`.
    pub(crate) matching: Match,
    /// `duration`: how long each of the event types must be.
    pub(crate) duration: Option<TimeDelta>,
    /// `timezone`: also give local times of this zone.
    pub(crate) timezone: Option<Zone>,
}

/// Which times are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    /// `start_time` to `end_time`, and of the slots only the first so many: `limit`.
    Range { range: TimeRange, limit: Option<usize> },
    /// `at`.
    At(At),
}

/// Which slots of several event types are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// Those of any.
    Any,
    /// The instants at which each has an available one.
    All,
}

/// What is asked of Calendly in one call for each event type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Part(Part),
    /// A part in a window that other ranges share.
    Shared(Aligned),
    Around(At),
}

impl Times {
    /// Consecutive parts of the times, each short enough for one call; of a range in windows that other ranges share, if
    /// answers are kept.
    pub(crate) fn parts(&self, are_kept: bool) -> Vec<Asked> {
        match self {
            Self::Range { range, .. } if are_kept => Aligned::of(*range).map(Asked::Shared).collect(),
            Self::Range { range, .. } => range.parts().map(Asked::Part).collect(),
            Self::At(at) => vec![Asked::Around(*at)],
        }
    }

    pub(crate) fn limit(&self) -> Option<usize> {
        match self {
            Self::Range { limit, .. } => *limit,
            Self::At(_) => None,
        }
    }
}

impl Question {
    /// Understands a query that comes at the moment `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub(crate) fn parse(query: &Query, now: DateTime<Utc>) -> Result<Self, Error> {
        let times = match query.get("at")? {
            Some(at) => WrittenTimes::At(exclusive(query, at)?),
            None => WrittenTimes::Range {
                start: query.require("start_time", "2026-12-01T09:00:00Z")?,
                end: query.require("end_time", "2026-12-02T09:00:00Z")?,
                limit: query.get("limit")?.map(parse_limit).transpose()?,
            },
        };
        let timezone = query.get("timezone")?.map(parse_timezone).transpose()?;
        let event_types = parse_event_types(&query.all("event_type")?)?;
        let matching = query.get("match")?.map_or(Ok(Match::Any), parse_match)?;
        let duration = query.get("duration")?.map(parse_duration).transpose()?;
        let zone = timezone.as_ref();
        let times = match times {
            WrittenTimes::At(at) => Times::At(At::new(moment::parse(Edge::At, at, zone)?, now)?),
            WrittenTimes::Range { start, end, limit } => {
                let start_time = moment::parse(Edge::Start, start, zone)?;
                let end_time = moment::parse(Edge::End, end, zone)?;
                Times::Range { range: TimeRange::new(start_time, end_time, now)?, limit }
            }
        };
        Ok(Self { times, event_types, matching, duration, timezone })
    }
}

/// The times before their zone is known.
enum WrittenTimes<'a> {
    Range { start: &'a str, end: &'a str, limit: Option<usize> },
    At(&'a str),
}

/// `at` without what contradicts it.
fn exclusive<'a>(query: &Query, at: &'a str) -> Result<&'a str, Error> {
    for range in ["start_time", "end_time"] {
        if !query.all(range)?.is_empty() {
            return Err(Error::invalid_parameter(
                "at",
                format!("at contradicts {range}: send either at, or start_time and end_time."),
            ));
        }
    }
    if !query.all("limit")?.is_empty() {
        return Err(Error::invalid_parameter(
            "limit",
            "limit contradicts at, which asks about one moment: leave one of them out.",
        ));
    }
    Ok(at)
}

fn parse_event_types(texts: &[&str]) -> Result<Vec<EventTypeRef>, Error> {
    if texts.len() > MOST_EVENT_TYPES {
        return Err(Error::invalid_parameter(
            "event_type",
            format!("event_type is given more than {MOST_EVENT_TYPES} times: ask about fewer."),
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
        _ => Err(Error::invalid_value("match", text, "is neither of any and all: send one of them.")),
    }
}

fn parse_limit(text: &str) -> Result<usize, Error> {
    whole_number(text)
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit <= LARGEST_LIMIT)
        .ok_or_else(|| Error::invalid_value("limit", text, "is not a whole number from 1 to 1000: send one."))
}

fn parse_duration(text: &str) -> Result<TimeDelta, Error> {
    whole_number(text).map(|minutes| TimeDelta::minutes(minutes.into())).ok_or_else(|| {
        Error::invalid_value("duration", text, "is not a whole number of minutes: send for example 30.")
    })
}

/// Digits alone, and not zero.
fn whole_number(text: &str) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_digits && *number > 0)
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

    const DAY: &str = "start_time=2026-12-01&end_time=2026-12-01";

    fn parse(query: &str) -> Result<Question, String> {
        let now = DateTime::from_timestamp_secs(1_790_000_000).unwrap();
        Question::parse(&query.parse().unwrap(), now).map_err(|error| error.to_string())
    }

    #[test]
    fn a_limit_is_from_1_to_1000() {
        let limit =
            |limit: &str| parse(&format!("{DAY}&limit={limit}")).map(|question| question.times.limit());
        for (text, number) in [("1", 1), ("2", 2), ("1000", 1_000), ("0007", 7)] {
            assert_eq!(limit(text), Ok(Some(number)), "{text}");
        }
        for text in ["0", "1001", "-1", "%2B5", "1.0", "5%20", "five", "99999999999999999999"] {
            let message = limit(text).unwrap_err();
            assert!(
                message.ends_with("is not a whole number from 1 to 1000: send one."),
                "{text}: {message}"
            );
        }
        assert_eq!(parse(DAY).unwrap().times.limit(), None);
        assert_eq!(parse("at=2026-12-01T09:00Z").unwrap().times.limit(), None);
    }

    #[test]
    fn a_duration_is_a_whole_number_of_minutes() {
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
    fn ten_event_types_are_asked_about_each_once() {
        let slugs = |numbers: &[u32]| -> String {
            numbers.iter().map(|number| format!("&event_type=slug-{number}")).collect()
        };
        let asked = |numbers: &[u32]| {
            parse(&format!("{DAY}{}", slugs(numbers)))
                .map(|question| question.event_types.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(asked(&[]).unwrap(), [""]);
        assert_eq!(asked(&[2, 1, 2]).unwrap(), ["slug-2", "slug-1"]);
        assert_eq!(asked(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap().len(), 10);
        for too_many in [&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[0; 11], &[1; 12][..]] {
            let message = asked(too_many).unwrap_err();
            assert_eq!(message, "event_type is given more than 10 times: ask about fewer.");
        }
    }

    #[test]
    fn windows_are_shared_where_answers_are_kept() {
        let range = parse("start_time=2026-12-01&end_time=2026-12-20").unwrap().times;
        assert!(matches!(range.parts(true)[..], [Asked::Shared(_), ..]));
        assert!(matches!(range.parts(false)[..], [Asked::Part(_)]));
        let moment = parse("at=2026-12-01T09:00Z").unwrap().times;
        assert!(matches!(moment.parts(true)[..], [Asked::Around(_)]));
    }
}
