//! The user object.

use chrono_tz::Tz;
use serde::Serialize;

use super::uri::resource_uri;
use crate::identifier::uuid;

/// A user, with every field that live responses have.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct User {
    #[serde(skip)]
    pub(super) id: String,
    pub(super) uri: String,
    pub(super) name: String,
    slug: String,
    email: String,
    pub(super) scheduling_url: String,
    pub(super) timezone: Tz,
    time_notation: &'static str,
    avatar_url: Option<String>,
    created_at: &'static str,
    updated_at: &'static str,
    pub(super) current_organization: String,
    resource_type: &'static str,
    locale: &'static str,
}

impl User {
    /// Creates a user in the organization that belongs to the user named `owner`.
    pub(super) fn new(name: &str, owner: &str, timezone: Tz) -> Self {
        let id = uuid(&["user", name]);
        let slug = name.to_lowercase().replace(' ', "-");
        Self {
            uri: resource_uri("users", &id),
            name: name.to_owned(),
            email: format!("{slug}@example.com"),
            scheduling_url: format!("https://calendly.com/{slug}"),
            slug,
            timezone,
            time_notation: "24h",
            avatar_url: None,
            created_at: "2025-02-03T09:15:27.104233Z",
            updated_at: "2026-10-30T18:02:11.550901Z",
            current_organization: resource_uri("organizations", &uuid(&["organization", owner])),
            resource_type: "User",
            locale: "en",
            id,
        }
    }
}
