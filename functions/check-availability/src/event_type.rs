//! Which event type is meant, and finding it in the user's list.

use std::{fmt, ops::ControlFlow};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use shared::{
    Error, RawValue,
    calendly::{Calendly, EventTypeUri},
    quoted,
};

/// What the `event_type` parameter says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum EventTypeRef {
    /// This one: a URI or a UUID goes to Calendly as it is, since some types are missing from its list.
    Uri(EventTypeUri),
    /// One that is found in Calendly's list.
    Listed(Listed),
}

/// Which one of the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Listed {
    /// The first bookable one by name.
    First,
    /// The bookable one with this slug.
    Slug(String),
}

/// The event type that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) uri: EventTypeUri,
    /// How long a meeting lasts, where that is known.
    pub(crate) duration: Option<TimeDelta>,
    /// How long it may last instead: Calendly's `duration_options`.
    pub(crate) duration_options: Vec<TimeDelta>,
}

/// The fields of an event type that decide.
#[derive(Deserialize)]
struct Row {
    uri: String,
    slug: Option<String>,
    active: Option<bool>,
    deleted_at: Option<IgnoredAny>,
    booking_method: Option<String>,
}

/// How long meetings of an event type last.
#[derive(Deserialize)]
struct Lengths {
    #[serde(default)]
    duration: Duration,
    #[serde(default)]
    duration_options: DurationOptions,
}

/// The lengths that an invitee may choose from, where there are any.
#[derive(Deserialize)]
#[serde(untagged)]
enum DurationOptions {
    Some(Vec<Duration>),
    Unknown(IgnoredAny),
}

impl Default for DurationOptions {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

/// A length as Calendly sends it: a number of minutes, or something else, which is not known.
#[derive(Deserialize)]
#[serde(untagged)]
enum Duration {
    Minutes(f64),
    Unknown(IgnoredAny),
}

impl Default for Duration {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

impl EventTypeRef {
    /// What is looked for in the list, if it is.
    pub(crate) fn listed(&self) -> Option<&Listed> {
        match self {
            Self::Uri(_) => None,
            Self::Listed(listed) => Some(listed),
        }
    }

    /// Understands the parameter.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a URI that is not an event type's.
    pub(crate) fn parse(event_type: Option<&str>) -> Result<Self, Error> {
        match event_type {
            None => Ok(Self::Listed(Listed::First)),
            // A slug is one segment of a path: it has neither of these.
            Some(uri) if uri.contains(['/', ':']) => {
                EventTypeUri::parse(uri).map(Self::Uri).ok_or_else(|| {
                    Error::invalid_value(
                        "event_type",
                        uri,
                        "is not the URI of an event type: send https://api.calendly.com/event_types/<id>, a UUID \
                         or a slug.",
                    )
                })
            }
            Some(text) => Ok(match EventTypeUri::from_id(text) {
                Some(uri) if is_uuid(text) => Self::Uri(uri),
                _ => Self::Listed(Listed::Slug(text.to_owned())),
            }),
        }
    }
}

/// 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

impl Choice {
    /// One that was named by URI: its duration is not known.
    pub(crate) fn of_uri(uri: EventTypeUri) -> Self {
        Self { uri, duration: None, duration_options: Vec::new() }
    }

    fn with_lengths(uri: EventTypeUri, lengths: &Lengths) -> Self {
        let duration_options = match &lengths.duration_options {
            DurationOptions::Some(options) => options.iter().filter_map(Duration::known).collect(),
            DurationOptions::Unknown(_) => Vec::new(),
        };
        Self { uri, duration: lengths.duration.known(), duration_options }
    }

    /// One with its lengths, as its own object at Calendly has them.
    ///
    /// # Errors
    ///
    /// Those of calls to Calendly.
    pub(crate) async fn of_calendly(uri: EventTypeUri, calendly: &Calendly<'_>) -> Result<Self, Error> {
        let lengths = calendly.event_type(&uri, Lengths::read).await?;
        Ok(Self::with_lengths(uri, &lengths))
    }

    /// Whether any length of it is known.
    pub(crate) fn has_lengths(&self) -> bool {
        self.lengths().next().is_some()
    }

    /// How long it may last.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = TimeDelta> {
        self.duration.iter().chain(&self.duration_options).copied()
    }
}

impl fmt::Display for EventTypeRef {
    /// Its URI or its slug; empty for the default.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(uri) => uri.fmt(formatter),
            Self::Listed(Listed::Slug(slug)) => formatter.write_str(slug),
            Self::Listed(Listed::First) => Ok(()),
        }
    }
}

impl Listed {
    /// Looks through the user's event types, sorted by name, until each of these has its first match.
    ///
    /// # Errors
    ///
    /// Those of calls to Calendly.
    pub(crate) async fn look_up(
        all: &[&Self],
        calendly: &Calendly<'_>,
    ) -> Result<Vec<Option<Choice>>, Error> {
        let mut search = Search { all, found: vec![None; all.len()] };
        let visit = |event_type: &RawValue| {
            search.look_at(event_type)?;
            Ok(if search.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        calendly.event_types(Some(true), visit).await?;
        Ok(search.found)
    }

    fn is(&self, row: &Row) -> bool {
        row.is_bookable()
            && match self {
                Self::First => true,
                Self::Slug(slug) => row.slug.as_ref() == Some(slug),
            }
    }

    /// That there is no such event type.
    pub(crate) fn not_found(&self) -> Error {
        let (detail, reason) = match self {
            Self::First => (
                "This user has no bookable event type: activate one in Calendly.".to_owned(),
                "the PAT's user has no bookable event type",
            ),
            Self::Slug(slug) => (
                format!(
                    "No bookable event type has the slug {}: /calendly/user-event-types lists them.",
                    quoted(slug)
                ),
                "no bookable event type of the PAT's user has the slug that was asked for",
            ),
        };
        Error::NoEventType { detail, reason }
    }
}

/// A look through a list for several event types.
struct Search<'a> {
    all: &'a [&'a Listed],
    /// Of each the first match.
    found: Vec<Option<Choice>>,
}

impl Search<'_> {
    fn look_at(&mut self, event_type: &RawValue) -> Result<(), Error> {
        let row: Row = serde_json::from_str(event_type.get()).map_err(|_| not_documented())?;
        for (listed, found) in self.all.iter().zip(&mut self.found).filter(|(_, found)| found.is_none()) {
            if listed.is(&row) {
                let uri = EventTypeUri::parse(&row.uri).ok_or_else(not_documented)?;
                *found = Some(Choice::with_lengths(uri, &Lengths::read(event_type)?));
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }
}

fn not_documented() -> Error {
    Error::CalendlyInvalidResponse("an event type is not what Calendly documents".to_owned())
}

impl Lengths {
    fn read(event_type: &RawValue) -> Result<Self, Error> {
        serde_json::from_str(event_type.get()).map_err(|_| not_documented())
    }
}

impl Row {
    fn is_bookable(&self) -> bool {
        self.active == Some(true)
            && self.deleted_at.is_none()
            && self.booking_method.as_deref() == Some("instant")
    }
}

impl Duration {
    /// Calendly documents a number, not a whole one. No meeting lasts a week.
    fn known(&self) -> Option<TimeDelta> {
        match *self {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
            Self::Minutes(minutes) if minutes > 0.0 && minutes <= 10_080.0 => {
                Some(TimeDelta::seconds((minutes * 60.0).round() as i64))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const UUID: &str = "b2a9c1d4-0f7e-4a51-8c3d-9e8f7a6b5c4d";

    #[test]
    fn a_parameter_is_a_uri_a_uuid_or_a_slug() {
        let uri = EventTypeUri::from_id(UUID).unwrap();
        assert_eq!(EventTypeRef::parse(None).unwrap(), EventTypeRef::Listed(Listed::First));
        assert_eq!(EventTypeRef::parse(Some(UUID)).unwrap(), EventTypeRef::Uri(uri.clone()));
        assert_eq!(EventTypeRef::parse(Some(uri.as_str())).unwrap(), EventTypeRef::Uri(uri));
        for slug in [
            "intro-call",
            "30min",
            "AAAAAAAAAAAAAAAA",
            "b2a9c1d4-0f7e-4a51-8c3d",
            "g2a9c1d4-0f7e-4a51-8c3d-9e8f7a6b5c4d",
            "é",
        ] {
            assert_eq!(
                EventTypeRef::parse(Some(slug)).unwrap(),
                EventTypeRef::Listed(Listed::Slug(slug.to_owned()))
            );
        }
    }

    #[test]
    fn other_uris_are_refused() {
        for bad in [
            "https://calendly.com/robin/intro",
            "https://api.calendly.com/users/x",
            "http://api.calendly.com/event_types/x",
            "https://evil.example/event_types/x",
            "https://api.calendly.com/event_types/",
            "https://api.calendly.com/event_types/x/",
            "https://api.calendly.com/event_types/x?y=z",
            "//x",
            "a/b",
            "mailto:x",
        ] {
            let error = EventTypeRef::parse(Some(bad)).unwrap_err();
            assert!(error.to_string().starts_with("event_type \""), "{bad}: {error}");
        }
    }

    fn search(all: &[&Listed], rows: &[Value]) -> Result<Vec<Option<Choice>>, Error> {
        let mut search = Search { all, found: vec![None; all.len()] };
        for row in rows {
            search.look_at(&serde_json::value::to_raw_value(row).unwrap())?;
        }
        Ok(search.found)
    }

    fn found(listed: &Listed, rows: &[Value]) -> Option<Choice> {
        search(&[listed], rows).unwrap().remove(0)
    }

    fn row(id: &str, changes: Value) -> Value {
        let mut row = json!({
            "uri": format!("https://api.calendly.com/event_types/{id}"), "slug": "intro", "active": true,
            "deleted_at": null, "booking_method": "instant", "duration": 30,
        });
        for (name, value) in changes.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    }

    #[test]
    fn only_bookable_ones_are_found() {
        let rows = [
            row("inactive", json!({"active": false})),
            row("deleted", json!({"deleted_at": "2026-01-01T00:00:00.000000Z"})),
            row("poll", json!({"booking_method": "poll"})),
            row("good", json!({"duration": 22.5})),
            row("second", json!({})),
        ];
        let good = Choice {
            uri: EventTypeUri::from_id("good").unwrap(),
            duration: Some(TimeDelta::seconds(1_350)),
            duration_options: Vec::new(),
        };
        assert_eq!(found(&Listed::First, &rows), Some(good.clone()));
        assert_eq!(found(&Listed::Slug("intro".to_owned()), &rows), Some(good));
        assert_eq!(found(&Listed::Slug("intro".to_owned()), &rows[..3]), None);
        assert_eq!(found(&Listed::Slug("Intro".to_owned()), &rows), None);
        assert_eq!(found(&Listed::First, &[]), None);
    }

    #[test]
    fn one_look_finds_several() {
        let slug = |slug: &str| Listed::Slug(slug.to_owned());
        let rows = ["a", "b", "a"].map(|text| row(text, json!({"slug": text})));
        let found = search(&[&slug("b"), &Listed::First, &slug("c"), &slug("a")], &rows).unwrap();
        let ids: Vec<_> = found.iter().map(|choice| choice.as_ref().map(|choice| choice.uri.id())).collect();
        assert_eq!(ids, [Some("b"), Some("a"), None, Some("a")]);
    }

    #[test]
    fn a_duration_that_makes_no_sense_is_not_known() {
        for duration in [json!(null), json!(0), json!(-5), json!(1e300), json!("30"), json!({}), json!(true)]
        {
            let choice = found(&Listed::First, &[row("a", json!({"duration": duration}))]).unwrap();
            assert_eq!(choice.duration, None, "{duration}");
        }
        let mut without = row("a", json!({}));
        without.as_object_mut().unwrap().remove("duration");
        assert_eq!(found(&Listed::First, &[without]).unwrap().duration, None);
    }

    #[test]
    fn a_row_that_is_not_documented_is_an_error() {
        for row in [json!({}), json!({"uri": 5}), row("a/b", json!({})), row("a", json!({"active": "yes"}))] {
            let error = search(&[&Listed::First], std::slice::from_ref(&row)).unwrap_err();
            assert_eq!(error.code(), "calendly_invalid_response", "{row}");
        }
    }
}
