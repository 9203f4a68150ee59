//! The event type object.

use chrono::NaiveDate;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::user::User;

/// An event type, with every field that is documented or seen live.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventType {
    #[serde(skip)]
    pub(crate) id: String,
    /// The dates of a one-off event type.
    #[serde(skip)]
    pub(super) only_on: Option<Vec<NaiveDate>>,
    /// Whether `id` has the old form: 16 characters of `A`–`Z` and `0`–`9`.
    #[serde(skip)]
    pub(super) has_legacy_id: bool,
    /// Seats per slot.
    #[serde(skip)]
    pub(crate) seats: u32,
    pub(crate) uri: String,
    pub(super) name: Option<String>,
    pub(crate) active: bool,
    pub(super) booking_method: BookingMethod,
    pub(super) slug: Option<String>,
    pub(crate) scheduling_url: String,
    pub(super) duration: Minutes,
    pub(super) duration_options: Option<Vec<u32>>,
    pub(super) kind: &'static str,
    pub(super) pooling_type: Option<PoolingType>,
    #[serde(rename = "type")]
    pub(super) event_type: &'static str,
    pub(super) color: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(super) internal_note: Option<&'static str>,
    pub(super) description_plain: Option<&'static str>,
    pub(super) description_html: Option<&'static str>,
    pub(super) profile: Option<Profile>,
    pub(super) secret: bool,
    pub(super) deleted_at: Option<&'static str>,
    pub(crate) admin_managed: bool,
    pub(super) locations: Option<Box<RawValue>>,
    pub(crate) position: usize,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BookingMethod {
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

/// A duration in minutes; clients must accept both forms of the JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Minutes {
    /// Serialized as `30`.
    Integer(u32),
    /// Serialized as `30.0`.
    Decimal(u32),
}

impl Minutes {
    pub(super) fn count(self) -> u32 {
        match self {
            Self::Integer(minutes) | Self::Decimal(minutes) => minutes,
        }
    }
}

impl Serialize for Minutes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(minutes) => serializer.serialize_u32(*minutes),
            Self::Decimal(minutes) => serializer.serialize_f64(f64::from(*minutes)),
        }
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
    pub(crate) fn is_listed(&self) -> bool {
        !(self.pooling_type.is_some() && self.profile.is_none())
    }
}
