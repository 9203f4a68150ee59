//! Event types whose URI is known, and their durations.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::IgnoredAny};
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

/// The durations of an event type.
#[derive(Deserialize)]
pub(super) struct Durations {
    #[serde(default)]
    duration: Minutes,
    #[serde(default)]
    duration_options: DurationOptions,
}

/// `duration_options`: an array, or a value of another type, which is ignored.
#[derive(Deserialize)]
#[serde(untagged)]
enum DurationOptions {
    Some(Vec<Minutes>),
    Unknown(IgnoredAny),
}

impl Default for DurationOptions {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

/// A duration: a number of minutes, or a value of another type, which is unknown.
#[derive(Deserialize)]
#[serde(untagged)]
enum Minutes {
    Known(f64),
    Unknown(IgnoredAny),
}

impl Default for Minutes {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

impl ResolvedEventType {
    /// An event type of this URI and of unknown duration.
    pub(crate) fn from_uri(uri: EventTypeUri) -> Self {
        Self { uri, duration: None, duration_options: Vec::new() }
    }

    pub(super) fn with_durations(uri: EventTypeUri, durations: &Durations) -> Self {
        let duration_options = match &durations.duration_options {
            DurationOptions::Some(options) => options.iter().filter_map(Minutes::known).collect(),
            DurationOptions::Unknown(_) => Vec::new(),
        };
        Self { uri, duration: durations.duration.known(), duration_options }
    }

    /// Loads the event type's durations from Calendly.
    ///
    /// # Errors
    ///
    /// Those of calls to Calendly.
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

impl Minutes {
    /// The duration, if it is a positive number and at most a week. Calendly documents a number, which may be fractional.
    fn known(&self) -> Option<TimeDelta> {
        match *self {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
            Self::Known(minutes) if minutes > 0.0 && minutes <= 10_080.0 => {
                Some(TimeDelta::seconds((minutes * 60.0).round() as i64))
            }
            _ => None,
        }
    }
}
