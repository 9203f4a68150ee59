//! Event types: how a caller refers to one, and the search for it in the user's list.

use std::{fmt, ops::ControlFlow};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use shared::{
    Error, RawValue,
    calendly::{Calendly, EventTypeUri, EventTypeVisitor},
    quoted,
};

/// A reference to an event type: the `event_type` parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum EventTypeRef {
    /// A URI or an id, passed to Calendly unchanged because the list omits some event types.
    Uri(EventTypeUri),
    /// An event type to find in the list.
    Listed(ListedEventType),
}

/// Selects an event type of the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum ListedEventType {
    /// The first bookable event type by name.
    First,
    /// The bookable event type with this slug.
    Slug(String),
    /// The bookable event type with this booking link.
    BookingLink(BookingLink),
}

/// The address of an event type's booking page, in the form `https://calendly.com/<owner>/<slug>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct BookingLink(String);

/// An event type whose URI is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedEventType {
    /// Its URI.
    pub uri: EventTypeUri,
    /// Its length, if known.
    pub duration: Option<TimeDelta>,
    /// The lengths that an invitee may choose from: Calendly's `duration_options`.
    pub duration_options: Vec<TimeDelta>,
}

/// The members of an event type that [`ListedEventType`] matches on.
#[derive(Deserialize)]
struct ListEntry {
    uri: String,
    slug: Option<String>,
    scheduling_url: Option<String>,
    active: Option<bool>,
    deleted_at: Option<IgnoredAny>,
    booking_method: Option<String>,
}

/// The lengths of an event type.
#[derive(Deserialize)]
struct Lengths {
    #[serde(default)]
    duration: Duration,
    #[serde(default)]
    duration_options: DurationOptions,
}

/// `duration_options`: an array, or a value of another type, which is ignored.
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

/// A length: a number of minutes, or a value of another type, which is unknown.
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
    /// The event type to find in the list; `None` for a URI.
    pub(crate) fn listed(&self) -> Option<&ListedEventType> {
        match self {
            Self::Uri(_) => None,
            Self::Listed(listed) => Some(listed),
        }
    }

    /// Parses the parameter; `None` for the default.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a URI that is not an event type's.
    pub fn parse(event_type: Option<&str>) -> Result<Self, Error> {
        match event_type {
            None => Ok(Self::Listed(ListedEventType::First)),
            // A slug is one path segment, without / and :.
            Some(text) if text.contains(['/', ':']) => match EventTypeUri::parse(text) {
                Some(uri) => Ok(Self::Uri(uri)),
                None => BookingLink::parse(text)
                    .map(|link| Self::Listed(ListedEventType::BookingLink(link)))
                    .ok_or_else(|| {
                        Error::invalid_value(
                            "event_type",
                            text,
                            "is neither the URI nor the booking link of an event type: send \
                             https://api.calendly.com/event_types/<id>, https://calendly.com/<owner>/<slug>, \
                             an id or a slug.",
                        )
                    }),
            },
            Some(text) => Ok(match EventTypeUri::from_id(text) {
                Some(uri) if is_uuid(text) || is_old_id(text) => Self::Uri(uri),
                _ => Self::Listed(ListedEventType::Slug(text.to_owned())),
            }),
        }
    }
}

impl BookingLink {
    /// Parses `https://calendly.com/<owner>/<slug>`, also with `www.`, a trailing slash, a query or a fragment.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        let host = host.to_ascii_lowercase();
        if !scheme.eq_ignore_ascii_case("https")
            || host.strip_prefix("www.").unwrap_or(&host) != "calendly.com"
        {
            return None;
        }
        let path = path.split(['?', '#']).next()?;
        let (owner, slug) = path.strip_suffix('/').unwrap_or(path).split_once('/')?;
        let is_part = |part: &str| !part.is_empty() && !part.contains(['/', ':', ' ']);
        (is_part(owner) && is_part(slug)).then(|| Self(format!("https://calendly.com/{owner}/{slug}")))
    }
}

/// The older form of ids: 16 capital letters and digits.
fn is_old_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

impl ResolvedEventType {
    /// An event type of this URI and of unknown length.
    pub(crate) fn from_uri(uri: EventTypeUri) -> Self {
        Self { uri, duration: None, duration_options: Vec::new() }
    }

    fn with_lengths(uri: EventTypeUri, lengths: &Lengths) -> Self {
        let duration_options = match &lengths.duration_options {
            DurationOptions::Some(options) => options.iter().filter_map(Duration::known).collect(),
            DurationOptions::Unknown(_) => Vec::new(),
        };
        Self { uri, duration: lengths.duration.known(), duration_options }
    }

    /// Loads the event type's lengths from Calendly.
    ///
    /// # Errors
    ///
    /// Those of calls to Calendly.
    pub(crate) async fn load(uri: EventTypeUri, calendly: &Calendly<'_>) -> Result<Self, Error> {
        let lengths = calendly.event_type(&uri, Lengths::parse).await?;
        Ok(Self::with_lengths(uri, &lengths))
    }

    /// Whether any length is known.
    pub(crate) fn has_lengths(&self) -> bool {
        self.lengths().next().is_some()
    }

    /// The lengths that a meeting may have.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = TimeDelta> {
        self.duration.iter().chain(&self.duration_options).copied()
    }
}

impl fmt::Display for EventTypeRef {
    /// Writes the URI, the slug or the booking link; nothing for the default.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(uri) => uri.fmt(formatter),
            Self::Listed(ListedEventType::Slug(text) | ListedEventType::BookingLink(BookingLink(text))) => {
                formatter.write_str(text)
            }
            Self::Listed(ListedEventType::First) => Ok(()),
        }
    }
}

impl ListedEventType {
    /// Searches the user's event types, sorted by name, for each of `listed`.
    ///
    /// # Errors
    ///
    /// Those of calls to Calendly. An inner error is an event type that is not found, or a slug that several share.
    pub(crate) async fn search(
        listed: &[&Self],
        calendly: &Calendly<'_>,
    ) -> Result<Vec<Result<ResolvedEventType, Error>>, Error> {
        let mut search = ListSearch::new(listed);
        calendly.event_types(Some(true), &mut search).await?;
        Ok(search.results())
    }

    fn matches(&self, entry: &ListEntry) -> bool {
        entry.is_bookable()
            && match self {
                Self::First => true,
                Self::Slug(slug) => entry.slug.as_ref() == Some(slug),
                Self::BookingLink(link) => {
                    entry.scheduling_url.as_deref().and_then(BookingLink::parse).as_ref() == Some(link)
                }
            }
    }

    /// The error if there is no such event type.
    fn not_found(&self) -> Error {
        let no_match = |what: &str, text: &str| {
            format!(
                "No bookable event type has the {what} {}: /calendly/user-event-types lists them.",
                quoted(text)
            )
        };
        let (detail, reason) = match self {
            Self::First => (
                "This user has no bookable event type: activate one in Calendly.".to_owned(),
                "the PAT's user has no bookable event type",
            ),
            Self::Slug(slug) => {
                (no_match("slug", slug), "no bookable event type of the PAT's user has the requested slug")
            }
            Self::BookingLink(BookingLink(link)) => (
                no_match("booking link", link),
                "no bookable event type of the PAT's user has the requested booking link",
            ),
        };
        Error::NoEventType { detail, reason }
    }
}

/// Whether an event type of the list is bookable.
///
/// # Errors
///
/// [`Error::CalendlyInvalidResponse`] if it does not match Calendly's documentation.
pub fn is_bookable(event_type: &RawValue) -> Result<bool, Error> {
    let entry: ListEntry = serde_json::from_str(event_type.get()).map_err(|_| undocumented())?;
    Ok(entry.is_bookable())
}

/// The error for a slug that several bookable event types share.
fn ambiguous(slug: &str, uris: &[EventTypeUri]) -> Error {
    let uris: Vec<&str> = uris.iter().map(EventTypeUri::as_str).collect();
    let detail = format!(
        "event_type {} is the slug of {} bookable event types: send the URI of one of them, {}.",
        quoted(slug),
        uris.len(),
        uris.join(" or ")
    );
    Error::InvalidParameter {
        parameter: "event_type",
        detail,
        reason: "event_type is the slug of several bookable event types".into(),
    }
}

/// A search of the list for several event types at once.
struct ListSearch<'a> {
    searches: Vec<(&'a ListedEventType, Vec<ResolvedEventType>)>,
}

impl<'a> ListSearch<'a> {
    fn new(listed: &[&'a ListedEventType]) -> Self {
        Self { searches: listed.iter().map(|listed| (*listed, Vec::new())).collect() }
    }

    fn results(self) -> Vec<Result<ResolvedEventType, Error>> {
        let result =
            |(listed, mut found): (&ListedEventType, Vec<ResolvedEventType>)| match (listed, found.len()) {
                (ListedEventType::Slug(slug), 2..) => Err(ambiguous(
                    slug,
                    &found.into_iter().map(|event_type| event_type.uri).collect::<Vec<_>>(),
                )),
                _ if found.is_empty() => Err(listed.not_found()),
                _ => Ok(found.swap_remove(0)),
            };
        self.searches.into_iter().map(result).collect()
    }
}

impl EventTypeVisitor for ListSearch<'_> {
    fn restart(&mut self) {
        self.searches.iter_mut().for_each(|(_, found)| found.clear());
    }

    /// A search for a slug reads the whole list to detect duplicates. The other searches end with the first match.
    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error> {
        let entry: ListEntry = serde_json::from_str(event_type.get()).map_err(|_| undocumented())?;
        let mut is_over = true;
        for (listed, found) in &mut self.searches {
            let is_slug = matches!(listed, ListedEventType::Slug(_));
            if (is_slug || found.is_empty()) && listed.matches(&entry) {
                let uri = EventTypeUri::parse(&entry.uri).ok_or_else(undocumented)?;
                if found.iter().all(|other| other.uri != uri) {
                    found.push(ResolvedEventType::with_lengths(uri, &Lengths::parse(event_type)?));
                }
            }
            is_over &= !is_slug && !found.is_empty();
        }
        Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

fn undocumented() -> Error {
    Error::CalendlyInvalidResponse("an event type does not match Calendly's documentation".to_owned())
}

impl Lengths {
    fn parse(event_type: &RawValue) -> Result<Self, Error> {
        serde_json::from_str(event_type.get()).map_err(|_| undocumented())
    }
}

impl ListEntry {
    fn is_bookable(&self) -> bool {
        self.active == Some(true)
            && self.deleted_at.is_none()
            && self.booking_method.as_deref() == Some("instant")
    }
}

impl Duration {
    /// The length, if it is a positive number and at most a week. Calendly documents a number, which may be fractional.
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
    fn uris_uuids_and_slugs() {
        let uri = EventTypeUri::from_id(UUID).unwrap();
        assert_eq!(EventTypeRef::parse(None).unwrap(), EventTypeRef::Listed(ListedEventType::First));
        assert_eq!(EventTypeRef::parse(Some(UUID)).unwrap(), EventTypeRef::Uri(uri.clone()));
        assert_eq!(EventTypeRef::parse(Some(uri.as_str())).unwrap(), EventTypeRef::Uri(uri));
        let old = EventTypeUri::from_id("GBGBDCAADAEDCRZ2").unwrap();
        assert_eq!(EventTypeRef::parse(Some("GBGBDCAADAEDCRZ2")).unwrap(), EventTypeRef::Uri(old));
        for slug in [
            "intro-call",
            "30min",
            "AAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAa",
            "b2a9c1d4-0f7e-4a51-8c3d",
            "g2a9c1d4-0f7e-4a51-8c3d-9e8f7a6b5c4d",
            "é",
        ] {
            assert_eq!(
                EventTypeRef::parse(Some(slug)).unwrap(),
                EventTypeRef::Listed(ListedEventType::Slug(slug.to_owned()))
            );
        }
    }

    #[test]
    fn other_uris_are_invalid() {
        for bad in [
            "https://calendly.com/robin",
            "https://calendly.com/robin/",
            "https://calendly.com/d/abc-def-ghi/panel",
            "https://calendly.com//intro",
            "http://calendly.com/robin/intro",
            "https://calendly.com.evil.example/robin/intro",
            "https://evil.example/robin/intro",
            "calendly.com/robin/intro",
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

    fn search(
        listed: &[&ListedEventType],
        entries: &[Value],
    ) -> Result<Vec<Result<ResolvedEventType, Error>>, Error> {
        let mut search = ListSearch::new(listed);
        for entry in entries {
            if search.visit(&serde_json::value::to_raw_value(entry).unwrap())?.is_break() {
                break;
            }
        }
        Ok(search.results())
    }

    fn found(listed: &ListedEventType, entries: &[Value]) -> Option<ResolvedEventType> {
        search(&[listed], entries).unwrap().remove(0).ok()
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
    fn only_bookable_event_types_are_found() {
        let rows = [
            row("inactive", json!({"active": false})),
            row("deleted", json!({"deleted_at": "2026-01-01T00:00:00.000000Z"})),
            row("poll", json!({"booking_method": "poll"})),
            row("good", json!({"duration": 22.5})),
            row("second", json!({"slug": "second"})),
        ];
        let good = ResolvedEventType {
            uri: EventTypeUri::from_id("good").unwrap(),
            duration: Some(TimeDelta::seconds(1_350)),
            duration_options: Vec::new(),
        };
        assert_eq!(found(&ListedEventType::First, &rows), Some(good.clone()));
        assert_eq!(found(&ListedEventType::Slug("intro".to_owned()), &rows), Some(good));
        assert_eq!(found(&ListedEventType::Slug("intro".to_owned()), &rows[..3]), None);
        assert_eq!(found(&ListedEventType::Slug("Intro".to_owned()), &rows), None);
        assert_eq!(found(&ListedEventType::First, &[]), None);
    }

    #[test]
    fn booking_links() {
        let link = |text: &str| match EventTypeRef::parse(Some(text)) {
            Ok(EventTypeRef::Listed(ListedEventType::BookingLink(link))) => link,
            other => panic!("{text}: {other:?}"),
        };
        let intro = link("https://calendly.com/robin/intro");
        for other in [
            "https://www.calendly.com/robin/intro",
            "https://calendly.com/robin/intro/",
            "https://calendly.com/robin/intro?month=2026-12",
            "https://calendly.com/robin/intro/?back=1",
            "HTTPS://Calendly.com/robin/intro",
        ] {
            assert_eq!(link(other), intro, "{other}");
        }
        let entries = ["other", "robin"].map(|owner| {
            row(owner, json!({"scheduling_url": format!("https://calendly.com/{owner}/intro")}))
        });
        let id = |link: BookingLink| {
            found(&ListedEventType::BookingLink(link), &entries).map(|it| it.uri.id().to_owned())
        };
        assert_eq!(id(intro).as_deref(), Some("robin"));
        assert_eq!(id(link("https://calendly.com/nobody/intro")), None);
    }

    #[test]
    fn a_slug_that_several_bookable_event_types_share_is_refused() {
        let slug = ListedEventType::Slug("intro".to_owned());
        let inactive = row("inactive", json!({"active": false}));
        let entries = [row("a", json!({})), inactive, row("a", json!({})), row("b", json!({}))];
        let error = search(&[&slug], &entries).unwrap().remove(0).unwrap_err();
        assert_eq!(error.code(), "invalid_parameter");
        let detail = error.to_string();
        for uri in ["https://api.calendly.com/event_types/a", "https://api.calendly.com/event_types/b"] {
            assert!(detail.contains(uri), "{detail}");
        }
        assert!(found(&slug, &entries[..3]).is_some(), "one event type, listed twice");
    }

    #[test]
    fn one_search_finds_several() {
        let slug = |slug: &str| ListedEventType::Slug(slug.to_owned());
        let rows = ["a", "b", "c"].map(|text| row(text, json!({"slug": text})));
        let found = search(&[&slug("b"), &ListedEventType::First, &slug("d"), &slug("a")], &rows).unwrap();
        let ids: Vec<_> = found.iter().map(|result| result.as_ref().ok().map(|it| it.uri.id())).collect();
        assert_eq!(ids, [Some("b"), Some("a"), None, Some("a")]);
    }

    #[test]
    fn implausible_durations_are_unknown() {
        for duration in [json!(null), json!(0), json!(-5), json!(1e300), json!("30"), json!({}), json!(true)]
        {
            let choice = found(&ListedEventType::First, &[row("a", json!({"duration": duration}))]).unwrap();
            assert_eq!(choice.duration, None, "{duration}");
        }
        let mut without = row("a", json!({}));
        without.as_object_mut().unwrap().remove("duration");
        assert_eq!(found(&ListedEventType::First, &[without]).unwrap().duration, None);
    }

    #[test]
    fn undocumented_list_entries_are_errors() {
        for row in [json!({}), json!({"uri": 5}), row("a/b", json!({})), row("a", json!({"active": "yes"}))] {
            let error = search(&[&ListedEventType::First], std::slice::from_ref(&row)).unwrap_err();
            assert_eq!(error.code(), "calendly_invalid_response", "{row}");
        }
    }
}
