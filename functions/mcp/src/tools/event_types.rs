//! The answer of `list_event_types`: the bookable event types, each with the members that a model needs.

use std::ops::ControlFlow;

use check_availability::event_type::is_bookable;
use serde::{Deserialize, Serialize};
use shared::{Error, RawValue, calendly::EventTypeVisitor};

/// The most bytes of the list. The answer has it twice, as content and as text.
const MAX_BYTES: usize = 512 * 1024;

/// Collects bookable event types as a JSON array.
#[derive(Debug)]
pub struct EventTypeList {
    json: String,
    includes_secret: bool,
}

/// An event type as Calendly lists it. Members of another type than documented are left out.
#[derive(Deserialize)]
struct Listed {
    uri: String,
    name: Text,
    #[serde(default)]
    slug: Text,
    #[serde(default)]
    duration: Length,
    #[serde(default)]
    scheduling_url: Text,
    #[serde(default)]
    description_plain: Text,
    #[serde(default)]
    secret: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Text {
    Some(String),
    #[default]
    None,
    Other(serde::de::IgnoredAny),
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Length {
    Minutes(serde_json::Number),
    #[default]
    None,
    Other(serde::de::IgnoredAny),
}

#[derive(Serialize)]
struct Entry<'a> {
    uri: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_minutes: Option<&'a serde_json::Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduling_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl Text {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Some(text) => Some(text),
            Self::None | Self::Other(_) => None,
        }
    }
}

impl EventTypeList {
    /// An empty list.
    #[must_use]
    pub fn new(includes_secret: bool) -> Self {
        Self { json: String::new(), includes_secret }
    }

    /// The structured content.
    #[must_use]
    pub fn into_json(self) -> String {
        format!(r#"{{"event_types":[{}]}}"#, self.json)
    }
}

impl EventTypeVisitor for EventTypeList {
    fn restart(&mut self) {
        self.json.clear();
    }

    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error> {
        let undocumented = || {
            Error::CalendlyInvalidResponse("an event type does not match Calendly's documentation".to_owned())
        };
        let listed: Listed = serde_json::from_str(event_type.get()).map_err(|_| undocumented())?;
        let is_hidden = listed.secret == Some(true) && !self.includes_secret;
        if is_hidden || !is_bookable(event_type)? {
            return Ok(ControlFlow::Continue(()));
        }
        let entry = Entry {
            uri: &listed.uri,
            name: listed.name.as_str().ok_or_else(undocumented)?,
            slug: listed.slug.as_str(),
            duration_minutes: match &listed.duration {
                Length::Minutes(minutes) => Some(minutes),
                Length::None | Length::Other(_) => None,
            },
            scheduling_url: listed.scheduling_url.as_str(),
            description: listed.description_plain.as_str().filter(|text| !text.is_empty()),
        };
        let entry = serde_json::to_string(&entry)
            .map_err(|_| Error::Internal { reason: "an event type cannot be serialized" })?;
        if !self.json.is_empty() {
            self.json.push(',');
        }
        self.json.push_str(&entry);
        if self.json.len() > MAX_BYTES {
            return Err(Error::AnswerTooLarge { reason: "the event types have more than 512 KiB" });
        }
        Ok(ControlFlow::Continue(()))
    }
}
