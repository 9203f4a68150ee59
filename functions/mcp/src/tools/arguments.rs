//! The arguments of `check_availability`, as a question of check-availability.

use std::fmt;

use check_availability::{
    Question,
    question::{Limit, MAX_EVENT_TYPES, RequestedTimes, Zone, parse_start_time, parse_timezone},
};
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Number, value::RawValue};
use shared::{Error, Query, calendly::utc};

use super::{Tool, argument_names::with_argument_names};

/// `max_times` if it is absent.
const DEFAULT_MAX_TIMES: usize = 20;

/// The largest `max_times`.
const MAX_MAX_TIMES: usize = 100;

/// Stands in for an absent `start`: the earliest date, so that an `end` in the past is not before it. `TimeRange` moves it
/// to now.
const EARLIEST_START: &str = "0000-01-01";

/// The last second of the year 9999: RFC 3339 has no later years.
const LAST_SECOND: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).unwrap();

/// The length of a range without `end`, in days.
const DEFAULT_DAYS: i64 = 14;

/// The arguments of a call, in the order in which they were sent.
#[derive(Debug)]
pub struct Arguments<'a>(Vec<(String, &'a RawValue)>);

/// A question about times, and how many of them to list.
#[derive(Debug)]
pub struct TimesRequest {
    /// The question, with `timezone` UTC if there is none.
    pub question: Question,
    /// The maximum number of times to list.
    pub max_times: usize,
}

impl<'a> Arguments<'a> {
    /// Parses `arguments`; `None` if they are not an object.
    #[must_use]
    pub fn parse(arguments: Option<&'a RawValue>) -> Option<Self> {
        let Some(arguments) = arguments else { return Some(Self(Vec::new())) };
        let mut deserializer = serde_json::Deserializer::from_str(arguments.get());
        deserializer.deserialize_map(Members).ok().map(Self)
    }

    /// Checks that a tool takes these arguments, and none of them twice.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownArgument`], [`Error::InvalidParameter`].
    pub fn check(&self, tool: Tool) -> Result<(), Error> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let Some(known) = tool.arguments().iter().find(|known| *known == name) else {
                return Err(Error::UnknownArgument { sent_as: name.clone(), known: tool.arguments() });
            };
            if self.0.iter().skip(index + 1).any(|(other, _)| other == name) {
                let detail = format!("{known} is given more than once: send it once.");
                return Err(Error::invalid_parameter(known, detail));
            }
        }
        Ok(())
    }

    /// The question that these arguments ask at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`], which names the argument.
    pub fn to_times_request(&self, now: DateTime<Utc>) -> Result<TimesRequest, Error> {
        let max_times = self.max_times()?;
        let mut parameters = Vec::new();
        let mut push = |name: &str, value: Option<String>| {
            parameters.extend(value.map(|value| (name.to_owned(), value)));
        };
        for event_type in self.event_types()? {
            push("event_type", Some(event_type));
        }
        let timezone = self.text("timezone", "Europe/Lisbon")?;
        push("match", self.text("match", "all")?);
        push("duration", self.number("duration_minutes", "30")?);
        let mut start = self.text("start", "2026-12-01")?;
        let mut end = self.text("end", "2026-12-04")?;
        let at = self.text("at", "2026-12-01T14:00")?;
        if at.is_none() {
            let start = start.get_or_insert_with(|| EARLIEST_START.to_owned());
            end.get_or_insert_with(|| default_end(start, timezone.as_deref(), now));
        }
        push("timezone", timezone);
        push("start_time", start);
        push("end_time", end);
        push("at", at);
        let mut question =
            Question::parse(&Query::from_iter(parameters), now).map_err(with_argument_names)?;
        if let RequestedTimes::Range { limit, .. } = &mut question.times {
            // One more shows whether there are more.
            *limit = Some(Limit::AvailableEntries(max_times + 1));
        }
        // Without `timezone`, days are those of UTC, and durations are looked up as with one.
        question.timezone = question.timezone.or_else(|| Zone::named("UTC"));
        Ok(TimesRequest { question, max_times })
    }

    /// The value of an argument. `null` counts as absent, as clients with strict schemas send it.
    fn value(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(other, _)| other == name)?;
        Some(value.get()).filter(|json| *json != "null")
    }

    fn text(&self, name: &'static str, example: &str) -> Result<Option<String>, Error> {
        let Some(json) = self.value(name) else { return Ok(None) };
        let text = serde_json::from_str(json);
        text.map(Some).map_err(|_| wrong_type(name, "a string", &format!("{example:?}")))
    }

    /// A number as text. A number without a fraction is an integer, however it is written.
    fn number(&self, name: &'static str, example: &str) -> Result<Option<String>, Error> {
        let Some(json) = self.value(name) else { return Ok(None) };
        let number: Number = serde_json::from_str(json).map_err(|_| wrong_type(name, "a number", example))?;
        Ok(Some(match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
            _ => number.to_string(),
        }))
    }

    fn max_times(&self) -> Result<usize, Error> {
        let Some(text) = self.number("max_times", "3")? else { return Ok(DEFAULT_MAX_TIMES) };
        text.parse().ok().filter(|number| (1..=MAX_MAX_TIMES).contains(number)).ok_or_else(|| {
            Error::invalid_value(
                "max_times",
                &text,
                format!("is not a whole number from 1 to {MAX_MAX_TIMES}."),
            )
        })
    }

    fn event_types(&self) -> Result<Vec<String>, Error> {
        const NAME: &str = "event_types";
        let Some(json) = self.value(NAME) else { return Ok(Vec::new()) };
        let texts: Vec<String> = serde_json::from_str(json)
            .map_err(|_| wrong_type(NAME, "an array of strings", r#"["intro-call"]"#))?;
        let detail = match texts.len() {
            0 => format!("{NAME} is empty: give it a value, or leave it out."),
            1..=MAX_EVENT_TYPES => return Ok(texts),
            _ => format!("{NAME} has more than {MAX_EVENT_TYPES} event types: send fewer."),
        };
        Err(Error::invalid_parameter(NAME, detail))
    }
}

fn wrong_type(name: &'static str, expected: &str, example: &str) -> Error {
    Error::invalid_parameter(name, format!("{name} is not {expected}: send for example {example}."))
}

/// The end of a range without `end`: 14 days after its start, or after now if those days are past. The range of a bare date
/// has 14 whole days.
fn default_end(start: &str, timezone: Option<&str>, now: DateTime<Utc>) -> String {
    // The text is parsed again with the question, which reports a wrong time zone or start first.
    let parsed =
        timezone.map(parse_timezone).transpose().and_then(|zone| parse_start_time(start, zone.as_ref()));
    let Ok(start_time) = parsed else { return start.to_owned() };
    let end_time = start_time + TimeDelta::days(DEFAULT_DAYS);
    if end_time <= now + TimeDelta::minutes(1) {
        return utc(now.trunc_subsecs(0) + TimeDelta::days(DEFAULT_DAYS));
    }
    match start.parse::<NaiveDate>() {
        Ok(date) if end_time < LAST_SECOND => (date + TimeDelta::days(DEFAULT_DAYS - 1)).to_string(),
        _ => utc(end_time.min(LAST_SECOND)),
    }
}

/// Collects the members of an object in order.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use check_availability::question::Match;
    use serde_json::{Value, json};

    use super::*;

    /// A Saturday noon, UTC.
    const NOW: &str = "2026-11-28T12:00:00Z";

    fn parse(arguments: &Value) -> Result<TimesRequest, Error> {
        let raw = RawValue::from_string(arguments.to_string()).unwrap();
        let arguments = Arguments::parse(Some(&raw)).unwrap();
        question(&arguments)
    }

    fn question(arguments: &Arguments<'_>) -> Result<TimesRequest, Error> {
        arguments.check(Tool::CheckAvailability)?;
        arguments.to_times_request(DateTime::parse_from_rfc3339(NOW).unwrap().to_utc())
    }

    fn range(arguments: &Value) -> (String, String) {
        match parse(arguments).unwrap().question.times {
            RequestedTimes::Range { range, .. } => (utc(range.start_time()), utc(range.end_time())),
            RequestedTimes::Point(_) => panic!("{arguments}"),
        }
    }

    #[test]
    fn ranges_have_defaults() {
        let soon = "2026-11-28T12:01:00Z";
        for (arguments, start, end) in [
            (json!({}), soon, "2026-12-12T12:00:00Z"),
            (json!({"start": null, "timezone": "Europe/Madrid"}), soon, "2026-12-12T12:00:00Z"),
            // A date has whole days, in the time zone.
            (json!({"start": "2026-12-01"}), "2026-12-01T00:00:00Z", "2026-12-15T00:00:00Z"),
            (
                json!({"start": "2027-03-20", "timezone": "Europe/Madrid"}),
                "2027-03-19T23:00:00Z",
                "2027-04-02T22:00:00Z",
            ),
            (
                json!({"start": "2026-12-01T09:00", "timezone": "Europe/Madrid"}),
                "2026-12-01T08:00:00Z",
                "2026-12-15T08:00:00Z",
            ),
            // The 14 days of a past start count from it, if any of them are left.
            (json!({"start": "2026-11-28"}), soon, "2026-12-12T00:00:00Z"),
            (json!({"start": "2026-11-20T15:00:00Z"}), soon, "2026-12-04T15:00:00Z"),
            (json!({"start": "2026-11-14"}), soon, "2026-12-12T12:00:00Z"),
            (json!({"start": "2026-11-14T12:01:00Z"}), soon, "2026-12-12T12:00:00Z"),
            (json!({"start": "2026-11-14T12:02:00Z"}), soon, "2026-11-28T12:02:00Z"),
            (json!({"start": "9999-12-25"}), "9999-12-25T00:00:00Z", "9999-12-31T23:59:59Z"),
            (json!({"start": "9999-12-20T10:00:00Z"}), "9999-12-20T10:00:00Z", "9999-12-31T23:59:59Z"),
            (json!({"end": "2026-11-30"}), soon, "2026-12-01T00:00:00Z"),
            (
                json!({"start": "2026-12-01", "end": "2026-12-01"}),
                "2026-12-01T00:00:00Z",
                "2026-12-02T00:00:00Z",
            ),
        ] {
            assert_eq!(range(&arguments), (start.to_owned(), end.to_owned()), "{arguments}");
        }
    }

    #[test]
    fn questions_are_those_of_check_availability() {
        let request = parse(&json!({
            "event_types": ["intro-call", "demo", "demo"], "match": "all", "duration_minutes": 30.0, "max_times": 100,
            "at": "2026-12-01T10:00", "timezone": "Europe/Madrid",
        }))
        .unwrap();
        assert_eq!(request.max_times, 100);
        let question = request.question;
        assert_eq!((question.event_types.len(), question.match_mode), (2, Match::All));
        assert_eq!(question.duration, Some(TimeDelta::minutes(30)));
        assert_eq!(question.timezone.unwrap().to_string(), "Europe/Madrid");
        assert!(
            matches!(question.times, RequestedTimes::Point(point) if utc(point.moment()) == "2026-12-01T09:00:00Z")
        );

        let request = parse(&json!({})).unwrap();
        assert_eq!(
            (request.max_times, request.question.times.limit()),
            (20, Some(Limit::AvailableEntries(21)))
        );
        assert_eq!(request.question.timezone.unwrap().to_string(), "UTC");
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (arguments, parameter, detail) in [
            (json!({"tz": "UTC"}), "tz", "\"tz\" is not an argument of this tool. It takes timezone, start,"),
            (json!({"start": 5}), "start", "start is not a string: send for example \"2026-12-01\"."),
            (json!({"start": ""}), "start", "start is empty: give it a value, or leave it out."),
            (json!({"end": ""}), "end", "end is empty"),
            (json!({"at": ""}), "at", "at is empty"),
            (json!({"timezone": ""}), "timezone", "timezone is empty"),
            (json!({"match": ""}), "match", "match is empty"),
            (json!({"start": "soon"}), "start", "start \"soon\" is neither a date-time nor a date"),
            (json!({"start": "2026-12-01T09:00"}), "start", "or send timezone."),
            (json!({"end": "end_time"}), "end", "end \"end_time\" is neither"),
            (json!({"end": "2026-11-01"}), "end", "end 2026-11-02T00:00:00Z is in the past"),
            (json!({"end": "0001-01-01", "timezone": "Asia/Tokyo"}), "end", "is in the past (it is now"),
            (json!({"start": "2026-12-02", "end": "2026-12-01"}), "end", "is not after start"),
            (
                json!({"at": "2026-12-01T09:00:00Z", "start": "2026-12-01"}),
                "at",
                "at cannot be combined with start: send either at, or start and end.",
            ),
            (json!({"at": "2026-12-01"}), "at", "is a date: send a moment"),
            (json!({"timezone": "Lisbon", "start": "x"}), "timezone", "is not an IANA time zone name"),
            (json!({"event_types": "intro"}), "event_types", "event_types is not an array of strings"),
            (json!({"event_types": [1]}), "event_types", "event_types is not an array of strings"),
            (json!({"event_types": []}), "event_types", "event_types is empty"),
            (json!({"event_types": [""]}), "event_types", "event_types is empty"),
            (json!({"event_types": vec!["a"; 11]}), "event_types", "has more than 10 event types"),
            (json!({"event_types": ["a/b"]}), "event_types", "event_types \"a/b\" is neither the URI"),
            (json!({"match": "both"}), "match", "is neither any nor all"),
            (
                json!({"duration_minutes": 1.5}),
                "duration_minutes",
                "duration_minutes \"1.5\" is not a whole number",
            ),
            (json!({"duration_minutes": "30"}), "duration_minutes", "duration_minutes is not a number"),
            (json!({"max_times": 0}), "max_times", "is not a whole number from 1 to 100"),
            (json!({"max_times": 101}), "max_times", "is not a whole number from 1 to 100"),
            (json!({"max_times": -1}), "max_times", "is not a whole number from 1 to 100"),
        ] {
            let error = parse(&arguments).unwrap_err();
            assert!(error.to_string().contains(detail), "{arguments}: {error}");
            let named = match &error {
                Error::InvalidParameter { parameter, .. } => *parameter,
                Error::UnknownArgument { sent_as, .. } => sent_as,
                other => panic!("{arguments}: {other}"),
            };
            assert_eq!(named, parameter, "{arguments}");
        }
    }

    #[test]
    fn arguments_are_an_object() {
        for other in ["[]", "null", "5", "\"{}\""] {
            assert!(Arguments::parse(serde_json::from_str(other).ok()).is_none(), "{other}");
        }
        assert!(Arguments::parse(None).unwrap().check(Tool::GetUser).is_ok());
    }

    #[test]
    fn duplicate_and_unreadable_arguments_are_named() {
        let nested = format!(r#"{{"start":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        for (json, detail) in [
            (
                r#"{"start":"2026-12-01","start":"2026-12-02"}"#,
                "start is given more than once: send it once.",
            ),
            (r#"{"max_times":1e999}"#, "max_times is not a number: send for example 3."),
            (&nested, "start is not a string: send for example \"2026-12-01\"."),
        ] {
            let arguments = Arguments::parse(serde_json::from_str(json).ok()).unwrap();
            assert_eq!(question(&arguments).unwrap_err().to_string(), detail);
        }
    }
}
