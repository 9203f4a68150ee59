//! Error responses of Calendly.

use std::time::Duration;

use lambda_http::http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::status_text;

/// An error response of Calendly. Serializes as the `calendly` member of a problem.
#[derive(Debug, Clone, Serialize, thiserror::Error)]
#[error("Calendly answered {}{}", status_text(*status), sentence(self.text()))]
pub struct CalendlyError {
    /// Calendly's HTTP status: 400 to 599.
    #[serde(serialize_with = "number")]
    pub status: StatusCode,
    /// `title` of the body, if present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `message` of the body, if present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `details` of the body as Calendly sent them, if present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<RawValue>>,
    /// The wait before the next call; present for every 429.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// The path of the call.
    #[serde(skip)]
    pub path: &'static str,
}

impl CalendlyError {
    /// `message`, or `title` where that is absent or empty.
    fn text(&self) -> Option<&str> {
        let message = self.message.as_deref().filter(|message| !message.is_empty());
        message.or(self.title.as_deref())
    }
}

fn sentence(text: Option<&str>) -> String {
    match text {
        Some(text) => format!(": {}.", text.trim_end_matches('.')),
        None => ".".to_owned(),
    }
}

fn number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_of_a_calendly_error_is_one_sentence() {
        for (status, title, message, expected) in [
            (404, None, None, "Calendly answered 404 Not Found."),
            (404, Some("Gone away"), None, "Calendly answered 404 Not Found: Gone away."),
            (404, Some("Gone"), Some("No such type."), "Calendly answered 404 Not Found: No such type."),
            (520, None, None, "Calendly answered 520."),
            (520, None, Some("No"), "Calendly answered 520: No."),
            (520, Some("No"), Some(""), "Calendly answered 520: No."),
        ] {
            let error = CalendlyError {
                status: StatusCode::from_u16(status).unwrap(),
                title: title.map(str::to_owned),
                message: message.map(str::to_owned),
                details: None,
                retry_after: None,
                path: "/users/me",
            };
            assert_eq!(error.to_string(), expected);
        }
    }
}
