//! The URIs of Calendly's resources.
//!
//! <https://developer.calendly.com/api-docs/api-conventions>

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

const EVENT_TYPES: &str = "https://api.calendly.com/event_types/";
const USERS: &str = "https://api.calendly.com/users/";

/// The URI of an event type: `https://api.calendly.com/event_types/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct EventTypeUri(String);

/// The URI of a user: `https://api.calendly.com/users/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserUri(String);

impl EventTypeUri {
    /// Parses a URI; `None` if it is not an event type's.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        uri.strip_prefix(EVENT_TYPES).filter(|id| is_id(id)).map(|_| Self(uri.to_owned()))
    }

    /// The URI of an id, which is its last path segment; `None` if it cannot be one.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        is_id(id).then(|| Self(format!("{EVENT_TYPES}{id}")))
    }

    /// The URI as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id: the last path segment.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.strip_prefix(EVENT_TYPES).unwrap_or_default()
    }
}

impl UserUri {
    /// Parses a URI that an operator wrote; `None` if it is not a user's.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        uri.strip_prefix(USERS).filter(|id| is_id(id)).map(|_| Self(uri.to_owned()))
    }

    /// Accepts the URI that Calendly states for its user; `None` if it is not a valid header value.
    pub(crate) fn from_calendly(uri: String) -> Option<Self> {
        let is_safe = |character: char| !character.is_control() && character != ' ';
        (!uri.is_empty() && uri.chars().all(is_safe)).then_some(Self(uri))
    }

    /// The URI as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for EventTypeUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let uri = String::deserialize(deserializer)?;
        Self::parse(&uri).ok_or_else(|| D::Error::custom("not the URI of an event type"))
    }
}

impl<'de> Deserialize<'de> for UserUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let uri = String::deserialize(deserializer)?;
        Self::from_calendly(uri).ok_or_else(|| D::Error::custom("not the URI of a user"))
    }
}

/// Real ids are UUIDs; those in the documentation are 16 capital letters.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl fmt::Display for EventTypeUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_type_uris() {
        for good in ["b2a9c1d4-0f7e-4a51-8c3d-9e8f7a6b5c4d", "AAAAAAAAAAAAAAAA"] {
            let uri = EventTypeUri::from_id(good).unwrap();
            assert_eq!(EventTypeUri::parse(uri.as_str()), Some(uri.clone()));
            assert_eq!(uri.id(), good);
            assert_eq!(uri.to_string(), format!("https://api.calendly.com/event_types/{good}"));
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
        assert_eq!(EventTypeUri::from_id("a/b"), None);
    }

    #[test]
    fn user_uris_of_operators_are_parsed_strictly() {
        let good = "https://api.calendly.com/users/7d0c2f1e-5b1a-4c55";
        assert_eq!(UserUri::parse(good).as_ref().map(UserUri::as_str), Some(good));
        for bad in [
            "",
            "me",
            "https://api.calendly.com/users/",
            "https://api.calendly.com/users/a/b",
            "https://api.calendly.com/users/a&count=1",
            "https://api.calendly.com/organizations/a",
            "https://evil.example/users/a",
            " https://api.calendly.com/users/a",
        ] {
            assert_eq!(UserUri::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn user_uris_of_calendly_cannot_split_a_header() {
        assert!(UserUri::from_calendly("https://api.calendly.com/users/a".to_owned()).is_some());
        for bad in ["", "a b", "a\nb", "a\u{7f}"] {
            assert_eq!(UserUri::from_calendly(bad.to_owned()), None, "{bad:?}");
        }
    }
}
