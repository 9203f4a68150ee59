//! Calendly's API v2 as far as it is needed: the PAT's user, event types, available times.
//!
//! Objects are passed on byte for byte: only what a decision needs is read from them.
//!
//! <https://developer.calendly.com/api-docs>

mod client;
mod retry;

use std::{collections::HashSet, fmt, ops::ControlFlow, sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
pub(crate) use client::CalendlyClient;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{Error, deadline::Deadline, pat::KnownPat, telemetry::Record};

/// More pages than this are taken for a list without end: 100,000 event types.
const MOST_PAGES: usize = 1_000;

/// Calendly as one request sees it: with the caller's PAT, until the deadline.
#[derive(Debug)]
pub struct Calendly<'a> {
    client: &'a CalendlyClient,
    pat: Arc<KnownPat>,
    user_max_age: Duration,
    deadline: Deadline,
    record: &'a Record,
}

/// The URI of an event type: `https://api.calendly.com/event_types/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventTypeUri(String);

/// An open time of an event type.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Calendly's object, byte for byte.
    pub json: Box<RawValue>,
    /// Its `start_time`.
    pub start_time: DateTime<Utc>,
    /// Whether its `status` is `available`.
    pub is_available: bool,
}

#[derive(Deserialize)]
struct Resource<T> {
    resource: T,
}

#[derive(Deserialize)]
struct User {
    uri: String,
}

#[derive(Deserialize)]
struct EventTypes<'a> {
    #[serde(borrow)]
    collection: Vec<&'a RawValue>,
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct AvailableTimes {
    collection: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct AvailableTime {
    #[serde(deserialize_with = "rfc3339")]
    start_time: DateTime<Utc>,
    status: Option<Status>,
}

/// Of the states only one matters.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Available,
    #[serde(other)]
    Other,
}

impl EventTypeUri {
    const PREFIX: &'static str = "https://api.calendly.com/event_types/";

    /// From a URI; `None` if it is not that of an event type.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let id = uri.strip_prefix(Self::PREFIX)?;
        let is_id =
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_id.then(|| Self(uri.to_owned()))
    }

    /// From the last part of a URI; `None` if it cannot be one.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::parse(&format!("{}{id}", Self::PREFIX))
    }

    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventTypeUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'a> Calendly<'a> {
    pub(crate) fn new(
        client: &'a CalendlyClient,
        pat: Arc<KnownPat>,
        user_max_age: Duration,
        deadline: Deadline,
        record: &'a Record,
    ) -> Self {
        Self { client, pat, user_max_age, deadline, record }
    }

    /// Differs between any two PATs: what is learnt with one must never be used with another.
    #[must_use]
    pub fn pat_id(&self) -> u64 {
        self.pat.id
    }

    /// Notes for the log line whether the choice of an event type was at hand.
    pub fn note_event_type_cache(&self, hit: bool) {
        self.record.event_type_cache(hit);
    }

    /// The URI of the user whom the PAT belongs to, kept as long as the PAT is.
    ///
    /// # Errors
    ///
    /// As every call to Calendly: [`Error::Calendly`], [`Error::CalendlyUnreachable`],
    /// [`Error::CalendlyInvalidResponse`].
    pub async fn user_uri(&self) -> Result<Arc<str>, Error> {
        let asked = Instant::now();
        let mut user = self.pat.user.lock().await;
        let is_fresh = |learnt: Instant| learnt.elapsed() < self.user_max_age || learnt >= asked;
        if let Some((_, uri)) = user.uri.as_ref().filter(|(learnt, _)| is_fresh(*learnt)) {
            self.record.user_cache(true);
            return Ok(uri.clone());
        }
        self.record.user_cache(false);
        if let Some((_, error)) = user.failure.as_ref().filter(|(failed, _)| *failed >= asked) {
            return Err(error.clone());
        }
        let result = self.ask_for_user_uri().await;
        match &result {
            Ok(uri) => user.uri = Some((Instant::now(), uri.clone())),
            Err(error) => user.failure = Some((Instant::now(), error.clone())),
        }
        result
    }

    async fn ask_for_user_uri(&self) -> Result<Arc<str>, Error> {
        let body = self.get("/users/me", &[]).await?;
        let Resource { resource: User { uri } } = parse(&body, "users/me")?;
        if uri.is_empty() || uri.contains(|character: char| character.is_control() || character == ' ') {
            return Err(Error::CalendlyInvalidResponse("the user's uri is not a URI".to_owned()));
        }
        Ok(uri.into())
    }

    /// Shows `visit` the user's event types page by page, sorted by name, until it breaks off or there
    /// are no more. `active` picks the active or the inactive ones.
    ///
    /// Pages are followed by token, never by a URL that an answer names, and a list that goes round in
    /// circles is an error.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and what `visit` returns.
    pub async fn event_types<B>(
        &self,
        active: Option<bool>,
        mut visit: impl FnMut(&[&RawValue]) -> Result<ControlFlow<B>, Error> + Send,
    ) -> Result<Option<B>, Error> {
        let user = self.user_uri().await?;
        let mut seen = HashSet::new();
        let mut page_token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("user", &*user), ("count", "100"), ("sort", "name:asc")];
            if let Some(active) = active {
                query.push(("active", if active { "true" } else { "false" }));
            }
            if let Some(page_token) = &page_token {
                query.push(("page_token", page_token));
            }
            let body = self.get("/event_types", &query).await?;
            let page: EventTypes<'_> = parse(&body, "event_types")?;
            if !page.collection.iter().all(|event_type| event_type.get().starts_with('{')) {
                return Err(Error::CalendlyInvalidResponse("an event type is not an object".to_owned()));
            }
            if let ControlFlow::Break(found) = visit(&page.collection)? {
                return Ok(Some(found));
            }
            match page.pagination.next_page_token {
                None => return Ok(None),
                Some(token) if seen.insert(token.clone()) => page_token = Some(token),
                Some(_) => break,
            }
        }
        Err(Error::CalendlyInvalidResponse("the list of event types has no end".to_owned()))
    }

    /// The open times of an event type from `start_time` to `end_time`, at most 31 days later, in
    /// Calendly's order.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`].
    pub async fn available_times(
        &self,
        event_type: &EventTypeUri,
        start_time: DateTime<Utc>,
        end_time: DateTime<Utc>,
    ) -> Result<Vec<Slot>, Error> {
        let (start_time, end_time) = (utc(start_time), utc(end_time));
        let query =
            [("event_type", event_type.as_str()), ("start_time", &start_time), ("end_time", &end_time)];
        let body = self.get("/event_type_available_times", &query).await?;
        let AvailableTimes { collection } = parse(&body, "event_type_available_times")?;
        collection
            .into_iter()
            .map(|json| {
                let time: AvailableTime = parse(json.get(), "an available time")?;
                Ok(Slot {
                    start_time: time.start_time,
                    is_available: time.status == Some(Status::Available),
                    json,
                })
            })
            .collect()
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Error> {
        self.client.get(path, query, &self.pat.pat, self.deadline, self.record).await
    }
}

/// A moment as Calendly writes it: UTC, with `Z`; fractions only where there are any.
#[must_use]
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A date-time in RFC 3339 and nothing else. chrono's own `Deserialize` allows more, and takes longer for that.
fn rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    struct Rfc3339;

    impl Visitor<'_> for Rfc3339 {
        type Value = DateTime<Utc>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a date-time in RFC 3339")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
            DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Rfc3339)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        // Where it goes wrong, not what stands there: the answer is not ours to show.
        Error::CalendlyInvalidResponse(format!(
            "{what} is not what Calendly documents (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calendlys_event_types_have_a_uri() {
        for good in ["b2a9c1d4-0f7e-4a51-8c3d-9e8f7a6b5c4d", "AAAAAAAAAAAAAAAA"] {
            assert!(EventTypeUri::from_id(good).is_some(), "{good}");
        }
        for bad in [
            "https://api.calendly.com/event_types/",
            "https://api.calendly.com/event_types/a/b",
            "https://api.calendly.com/event_types/a?b",
            "https://api.calendly.com/event_types/..",
            "https://api.calendly.com/users/a",
            "http://api.calendly.com/event_types/a",
            "https://api.calendly.com.evil.example/event_types/a",
            "https://API.calendly.com/event_types/a",
            "https://api.calendly.com:443/event_types/a",
            " https://api.calendly.com/event_types/a",
        ] {
            assert_eq!(EventTypeUri::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_is_written_in_utc() {
        let time = |text: &str| utc(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        assert_eq!(time("2026-12-01T10:00:00+01:00"), "2026-12-01T09:00:00Z");
        assert_eq!(time("2026-12-01T10:00:00.5Z"), "2026-12-01T10:00:00.500Z");
    }

    #[test]
    fn what_is_read_of_an_available_time() {
        let read = |members: &str| {
            let json = format!(r#"{{"start_time":"2026-12-01T10:00:00.000000Z"{members}}}"#);
            parse::<AvailableTime>(&json, "an available time")
        };
        let is_available = |members| read(members).unwrap().status == Some(Status::Available);
        assert!(is_available(r#","status":"available","new":{"status":[]}"#));
        assert!(is_available(r#","status":"\u0061vailable""#));
        for other in ["", r#","status":null"#, r#","status":"unavailable""#, r#","status":"""#] {
            assert!(!is_available(other), "{other}");
        }
        assert!(read(r#","status":1"#).is_err());
        let start_time = |text: &str| {
            let json = format!(r#"{{"start_time":{text}}}"#);
            parse::<AvailableTime>(&json, "an available time").map(|time| utc(time.start_time)).ok()
        };
        let expected = Some("2026-12-01T10:00:00Z".to_owned());
        assert_eq!(start_time(r#""2026-12-01T10:00:00Z""#), expected);
        assert_eq!(start_time(r#""2026-12-01T10\u003a00:00Z""#), expected);
        assert_eq!(start_time(r#""2026-12-01T11:00:00+01:00""#), expected);
        for bad in ["null", "1796119200", r#""2026-12-01""#, r#""2026-12-01T10:00:00""#, r#""""#] {
            assert_eq!(start_time(bad), None, "{bad}");
        }
    }
}
