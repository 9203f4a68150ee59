//! References to event types: the `event_type` parameter.

use std::fmt;

use serde::Serialize;
use shared::{Error, calendly::EventTypeUri};

/// A reference to an event type: the `event_type` parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum EventTypeRef {
    /// A URI or an id, passed to Calendly unchanged because the list omits some event types.
    Uri(EventTypeUri),
    /// An event type to find in the list.
    Selector(EventTypeSelector),
}

/// Selects an event type of the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum EventTypeSelector {
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

impl EventTypeRef {
    /// The event type to find in the list; `None` for a URI.
    pub(crate) fn selector(&self) -> Option<&EventTypeSelector> {
        match self {
            Self::Uri(_) => None,
            Self::Selector(selector) => Some(selector),
        }
    }

    /// Parses the parameter; `None` for the default.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a URI that is not an event type's.
    pub fn parse(event_type: Option<&str>) -> Result<Self, Error> {
        match event_type {
            None => Ok(Self::Selector(EventTypeSelector::First)),
            // A slug is one path segment, without / and :.
            Some(text) if text.contains(['/', ':']) => match EventTypeUri::parse(text) {
                Some(uri) => Ok(Self::Uri(uri)),
                None => BookingLink::parse(text)
                    .map(|link| Self::Selector(EventTypeSelector::BookingLink(link)))
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
                _ => Self::Selector(EventTypeSelector::Slug(text.to_owned())),
            }),
        }
    }
}

impl BookingLink {
    /// Parses `https://calendly.com/<owner>/<slug>`, also with `www.`, a trailing slash, a query or a fragment.
    pub(super) fn parse(text: &str) -> Option<Self> {
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

    /// The link in its normal form.
    pub(super) fn as_str(&self) -> &str {
        &self.0
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

impl fmt::Display for EventTypeRef {
    /// Writes the URI, the slug or the booking link; nothing for the default.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(uri) => uri.fmt(formatter),
            Self::Selector(
                EventTypeSelector::Slug(text) | EventTypeSelector::BookingLink(BookingLink(text)),
            ) => formatter.write_str(text),
            Self::Selector(EventTypeSelector::First) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "b2a9c1d4-0f7e-4a51-8c3d-9e8f7a6b5c4d";

    #[test]
    fn uris_uuids_and_slugs() {
        let uri = EventTypeUri::from_id(UUID).unwrap();
        assert_eq!(EventTypeRef::parse(None).unwrap(), EventTypeRef::Selector(EventTypeSelector::First));
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
                EventTypeRef::Selector(EventTypeSelector::Slug(slug.to_owned()))
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
}
