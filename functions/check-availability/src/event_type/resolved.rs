//! Event types whose URI is known, and their durations.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    Error, RawValue,
    calendly::{Calendly, EventTypeUri, undocumented_event_type},
};

/// An event type whose URI is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedEventType {
    /// Its URI.
    pub uri: EventTypeUri,
    /// Its duration, if known.
    pub duration: Option<TimeDelta>,
    /// The durations that an invitee may choose from: Calendly's `duration_options`.
    pub duration_options: Vec<TimeDelta>,
}

/// The durations of an event type, in minutes. Values of other types are unknown.
#[derive(Deserialize)]
pub(super) struct Durations {
    #[serde(default)]
    duration: Value,
    #[serde(default)]
    duration_options: Value,
}

impl ResolvedEventType {
    /// An event type of this URI and of unknown duration.
    pub(crate) fn from_uri(uri: EventTypeUri) -> Self {
        Self { uri, duration: None, duration_options: Vec::new() }
    }

    pub(super) fn with_durations(uri: EventTypeUri, durations: &Durations) -> Self {
        let duration_options = durations.duration_options.as_array().into_iter().flatten();
        Self {
            uri,
            duration: known_duration(&durations.duration),
            duration_options: duration_options.filter_map(known_duration).collect(),
        }
    }

    /// Loads the event type's durations from Calendly.
    pub(crate) async fn load(uri: EventTypeUri, calendly: &Calendly<'_>) -> Result<Self, Error> {
        let durations = calendly.event_type(&uri, Durations::parse).await?;
        Ok(Self::with_durations(uri, &durations))
    }

    /// Whether any duration is known.
    pub(crate) fn has_durations(&self) -> bool {
        self.durations().next().is_some()
    }

    /// The durations that a meeting may have.
    pub(crate) fn durations(&self) -> impl Iterator<Item = TimeDelta> {
        self.duration.iter().chain(&self.duration_options).copied()
    }
}

impl Durations {
    pub(super) fn parse(event_type: &RawValue) -> Result<Self, Error> {
        serde_json::from_str(event_type.get()).map_err(|_| undocumented_event_type())
    }
}

/// The duration of a number of minutes, if it is positive and at most a week. Calendly documents a number, which may be
/// fractional.
fn known_duration(minutes: &Value) -> Option<TimeDelta> {
    let minutes = minutes.as_f64().filter(|minutes| *minutes > 0.0 && *minutes <= 10_080.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    Some(TimeDelta::seconds((minutes * 60.0).round() as i64))
}
