//! The event type object.

use serde::Serialize;
use serde_json::value::RawValue;

use super::user::User;

/// An event type, with every field that is documented or seen live.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct EventType {
    #[serde(skip)]
    pub(super) id: String,
    /// Seats per slot.
    #[serde(skip)]
    pub(super) seats: u32,
    pub(super) uri: String,
    pub(super) name: Option<String>,
    pub(super) active: bool,
    pub(super) booking_method: BookingMethod,
    pub(super) slug: Option<String>,
    pub(super) scheduling_url: String,
    pub(super) duration: Minutes,
    pub(super) duration_options: Option<Vec<u32>>,
    pub(super) kind: &'static str,
    pub(super) pooling_type: Option<PoolingType>,
    #[serde(rename = "type")]
    pub(super) event_type: &'static str,
    pub(super) color: &'static str,
    pub(super) created_at: &'static str,
    pub(super) updated_at: &'static str,
    pub(super) internal_note: Option<&'static str>,
    pub(super) description_plain: Option<&'static str>,
    pub(super) description_html: Option<&'static str>,
    pub(super) profile: Option<Profile>,
    pub(super) secret: bool,
    pub(super) deleted_at: Option<&'static str>,
    pub(super) admin_managed: bool,
    pub(super) locations: Option<Box<RawValue>>,
    pub(super) position: usize,
    pub(super) custom_questions: Vec<Box<RawValue>>,
    pub(super) is_paid: bool,
    pub(super) locale: &'static str,
    pub(super) start_time_increment: Option<u32>,
    pub(super) before_buffer: u32,
    pub(super) after_buffer: u32,
    /// An invented field: Calendly adds fields every year, and clients that forward event types must preserve them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sandbox_future_object: Option<Box<RawValue>>,
    /// An invented number with more digits than `f64` can represent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sandbox_future_number: Option<u128>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BookingMethod {
    #[default]
    Instant,
    Poll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PoolingType {
    RoundRobin,
    Collective,
    MultiPool,
}

/// A duration in minutes. Clients must accept both forms of the JSON number, `30` and `30.0`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Minutes {
    Integer(u32),
    Decimal(f64),
}

impl Minutes {
    pub(super) fn count(self) -> u32 {
        match self {
            Self::Integer(minutes) => minutes,
            Self::Decimal(minutes) => minutes as u32,
        }
    }
}

impl Default for Minutes {
    fn default() -> Self {
        Self::Integer(30)
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Profile {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    owner: String,
}

impl From<&User> for Profile {
    fn from(user: &User) -> Self {
        Self { kind: "User", name: user.name.clone(), owner: user.uri.clone() }
    }
}

impl EventType {
    /// Whether the event type is active, not deleted, and not a poll.
    pub(super) fn is_bookable(&self) -> bool {
        self.active && self.deleted_at.is_none() && self.booking_method == BookingMethod::Instant
    }

    /// Whether the list includes the event type. It omits pool types without a profile, which are readable and bookable
    /// by URI.
    pub(super) fn is_listed(&self) -> bool {
        !(self.pooling_type.is_some() && self.profile.is_none())
    }
}
