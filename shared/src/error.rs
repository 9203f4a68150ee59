//! The errors of a request, and their mapping to statuses and codes.
//!
//! A caller gets an [`Error`] as an RFC 9457 problem: `type`, `title`, `status`, `detail`, `code` and `request_id`,
//! with `parameter` or `calendly` where the error has them. The log gets its [`reason`](Error::reason), for the
//! operator.

use std::{borrow::Cow, fmt};

use lambda_http::http::StatusCode;

use crate::{auth::TokenError, calendly::CalendlyError};

/// Why a request failed. `Display` is the problem's `detail`: a sentence that tells a person what to do and reveals no
/// secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// 400: a query parameter is missing or wrong.
    #[error("{detail}")]
    InvalidParameter {
        /// The name of the parameter.
        parameter: &'static str,
        /// What is wrong with it, and what to send instead.
        detail: String,
        /// The `detail` without the caller's values, for the log.
        reason: Cow<'static, str>,
    },
    /// 400: a query parameter is misspelled.
    #[error("{} is not a parameter: send {parameter} instead.", quoted(sent_as))]
    MisspelledParameter {
        /// The right name.
        parameter: &'static str,
        /// The name as the caller sent it.
        sent_as: String,
    },
    /// 400: an argument that a tool does not take.
    #[error("{} is not an argument of this tool. {}", quoted(sent_as), arguments(known))]
    UnknownArgument {
        /// The name as the caller sent it.
        sent_as: String,
        /// The arguments of the tool.
        known: &'static [&'static str],
    },
    /// 400: a message that its protocol refuses. The protocol defines the error response.
    #[error("{reason}.")]
    InvalidMessage {
        /// The kind of error, for the log.
        code: &'static str,
        /// What is wrong with it, for the log.
        reason: &'static str,
    },
    /// 405: the resource does not have this method.
    #[error("This resource does not have this method: send {allowed}.")]
    MethodNotAllowed {
        /// The method that it has.
        allowed: &'static str,
    },
    /// 403: the request comes from a web page whose origin is not on the allow-list.
    #[error(
        "Web pages of this origin may not send requests: the operator can add it to MCP_ALLOWED_ORIGINS."
    )]
    OriginNotAllowed,
    /// 413: the body is too large.
    #[error("The body of the request is larger than {} KiB: send a smaller one.", max_bytes / 1024)]
    MessageTooLarge {
        /// The size limit of bodies.
        max_bytes: usize,
    },
    /// 404: there is no protected resource metadata (RFC 9728).
    #[error(
        "There is no protected resource metadata: this server has no token issuer, or no known public URL."
    )]
    NotFound,
    /// 400: no Calendly personal access token (PAT) is stored for this caller.
    #[error("{0}")]
    PatMissing(&'static str),
    /// 401 or 403: the bearer token does not grant access.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// 404: no bookable event type, or none with the requested name.
    #[error("{detail}")]
    NoEventType {
        /// Which one was requested, and where to find others.
        detail: String,
        /// The `detail` without the caller's values, for the log.
        reason: &'static str,
    },
    /// Calendly's own status: Calendly answered with an error.
    #[error(transparent)]
    Calendly(Box<CalendlyError>),
    /// 502: Calendly gave no answer.
    #[error("Calendly could not be reached ({what}). Try again.")]
    CalendlyUnreachable {
        /// What failed.
        what: &'static str,
        /// The path of the call.
        path: &'static str,
    },
    /// 502: Calendly's answer does not match its documentation.
    #[error("Calendly's answer could not be understood: {0}.")]
    CalendlyInvalidResponse(String),
    /// 503: Secrets Manager could not be read and no PAT is cached.
    #[error("The Calendly token could not be read from AWS Secrets Manager. Try again.")]
    SecretsUnavailable {
        /// The cause, for the log.
        reason: Cow<'static, str>,
    },
    /// 503: the token issuer's keys could not be read and no usable key is cached.
    #[error("The token issuer's keys could not be read, so the token was not checked. Try again.")]
    KeysUnavailable {
        /// The cause, for the log.
        reason: Cow<'static, str>,
    },
    /// 504: the deadline passed.
    #[error("Time ran out before the answer was complete. Try again, or request less.")]
    DeadlineExceeded {
        /// What the request was doing: "reading the PAT".
        during: &'static str,
    },
    /// 500: the answer exceeds Lambda's 6 MB even if compressed, or a limit of the function's memory.
    #[error("The answer is too large to return: ask for less.")]
    AnswerTooLarge {
        /// What is too large.
        reason: &'static str,
    },
    /// 500: the answer exceeds Lambda's 6 MB, and the client does not accept gzip.
    #[error(
        "The answer is larger than the 6 MB that Lambda can return uncompressed: send Accept-Encoding: gzip, \
         or ask for less."
    )]
    AnswerNeedsGzip,
    /// Any other error, with the requested item that it is about.
    #[error("{error} This concerns {subject}.")]
    About {
        /// The item, as the caller named it. Appears only in the answer.
        subject: String,
        /// The error.
        error: Box<Error>,
    },
    /// 500: anything else. The cause appears only in the log.
    #[error("An internal error occurred. The log has the cause under this request_id.")]
    Internal {
        /// The cause, for the log.
        reason: &'static str,
    },
}

impl Error {
    /// An [`Error::InvalidParameter`] whose `detail` contains no value from the caller.
    pub fn invalid_parameter(parameter: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let reason = detail.into();
        Self::InvalidParameter { parameter, detail: reason.clone().into_owned(), reason }
    }

    /// An [`Error::InvalidParameter`] about a value. In the `detail`, `reason` follows the parameter's name and value.
    pub fn invalid_value(parameter: &'static str, value: &str, reason: impl fmt::Display) -> Self {
        Self::InvalidParameter {
            parameter,
            detail: format!("{parameter} {} {reason}", quoted(value)),
            reason: format!("{parameter} {reason}").into(),
        }
    }

    /// Adds to the `detail` what the error is about, in the caller's words.
    #[must_use]
    pub fn about(self, subject: String) -> Self {
        Self::About { subject, error: Box::new(self) }
    }

    /// The HTTP status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status_and_code().0
    }

    /// The stable error code for clients.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.status_and_code().1
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidParameter { .. }
            | Self::MisspelledParameter { .. }
            | Self::UnknownArgument { .. } => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Self::InvalidMessage { code, .. } => (StatusCode::BAD_REQUEST, code),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, "origin_not_allowed"),
            Self::MessageTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "message_too_large"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::PatMissing(_) => (StatusCode::BAD_REQUEST, "pat_missing"),
            Self::Token(TokenError::Missing) => (StatusCode::UNAUTHORIZED, "token_missing"),
            Self::Token(TokenError::Invalid(_)) => (StatusCode::UNAUTHORIZED, "token_invalid"),
            Self::Token(TokenError::Expired) => (StatusCode::UNAUTHORIZED, "token_expired"),
            Self::Token(TokenError::InsufficientScope { .. }) => {
                (StatusCode::FORBIDDEN, "insufficient_scope")
            }
            Self::NoEventType { .. } => (StatusCode::NOT_FOUND, "no_event_type"),
            Self::Calendly(error) => (error.status, "calendly_error"),
            Self::CalendlyUnreachable { .. } => (StatusCode::BAD_GATEWAY, "calendly_unreachable"),
            Self::CalendlyInvalidResponse(_) => (StatusCode::BAD_GATEWAY, "calendly_invalid_response"),
            Self::SecretsUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "secrets_unavailable"),
            Self::KeysUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable"),
            Self::DeadlineExceeded { .. } => (StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded"),
            Self::AnswerTooLarge { .. } | Self::AnswerNeedsGzip => {
                (StatusCode::INTERNAL_SERVER_ERROR, "answer_too_large")
            }
            Self::About { error, .. } => error.status_and_code(),
            Self::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        }
    }

    /// The reason in the log: a sentence without any value from a caller, a token, an issuer, AWS or Calendly.
    pub(crate) fn reason(&self) -> String {
        let reason: Cow<'_, str> = match self {
            Self::About { error, .. } => return error.reason(),
            Self::InvalidParameter { reason, .. }
            | Self::SecretsUnavailable { reason }
            | Self::KeysUnavailable { reason } => Cow::Borrowed(reason),
            Self::MisspelledParameter { parameter, .. } => format!("{parameter} is misspelled").into(),
            Self::UnknownArgument { .. } => "the tool has no argument of this name".into(),
            Self::InvalidMessage { reason, .. } => Cow::Borrowed(reason),
            Self::MethodNotAllowed { .. }
            | Self::OriginNotAllowed
            | Self::MessageTooLarge { .. }
            | Self::NotFound => self.to_string().into(),
            Self::PatMissing(reason)
            | Self::NoEventType { reason, .. }
            | Self::AnswerTooLarge { reason }
            | Self::Internal { reason } => Cow::Borrowed(reason),
            Self::AnswerNeedsGzip => "the answer has more than 6 MB, and gzip is not accepted".into(),
            Self::Token(error) => error.to_string().into(),
            Self::Calendly(error) => {
                format!("Calendly answered {} to {}", error.status.as_u16(), error.path).into()
            }
            Self::CalendlyUnreachable { what, path } => format!("{what} (GET {path})").into(),
            Self::CalendlyInvalidResponse(reason) => Cow::Borrowed(reason),
            Self::DeadlineExceeded { during } => format!("time ran out while {during}").into(),
        };
        format!("{}.", reason.trim_end_matches('.'))
    }

    /// The parameter of an `invalid_parameter`, as the caller sent it.
    pub(crate) fn parameter(&self) -> Option<&str> {
        match self {
            Self::InvalidParameter { parameter, .. } => Some(parameter),
            Self::MisspelledParameter { sent_as, .. } | Self::UnknownArgument { sent_as, .. } => {
                Some(sent_as)
            }
            Self::About { error, .. } => error.parameter(),
            _ => None,
        }
    }

    /// The parameter of an `invalid_parameter` for the log, which contains no text of a caller.
    pub(crate) fn logged_parameter(&self) -> Option<&'static str> {
        match self {
            Self::InvalidParameter { parameter, .. } | Self::MisspelledParameter { parameter, .. } => {
                Some(parameter)
            }
            Self::About { error, .. } => error.logged_parameter(),
            _ => None,
        }
    }

    /// Calendly's own error, for a `calendly_error`.
    pub(crate) fn calendly(&self) -> Option<&CalendlyError> {
        match self {
            Self::Calendly(error) => Some(error),
            Self::About { error, .. } => error.calendly(),
            _ => None,
        }
    }

    /// The seconds of a `Retry-After` header (RFC 9110, section 10.2.3), if Calendly asked to wait.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        Some(self.calendly()?.retry_after?.as_secs())
    }

    fn calendly_status(&self) -> Option<StatusCode> {
        Some(self.calendly()?.status)
    }

    /// Whether Calendly refused the PAT: a new read of the secret may help.
    pub(crate) fn is_pat_refused(&self) -> bool {
        self.calendly_status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether Calendly is unreachable, failing, or refusing calls for the rate limit.
    #[must_use]
    pub fn is_calendly_unavailable(&self) -> bool {
        let is_unavailable =
            |status: StatusCode| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        matches!(self, Self::CalendlyUnreachable { .. }) || self.calendly_status().is_some_and(is_unavailable)
    }

    /// Whether Calendly refused a parameter of the call.
    pub(crate) fn is_calendly_bad_request(&self) -> bool {
        self.calendly_status() == Some(StatusCode::BAD_REQUEST)
    }

    /// Whether Calendly answered 404.
    #[must_use]
    pub fn is_calendly_not_found(&self) -> bool {
        self.calendly_status() == Some(StatusCode::NOT_FOUND)
    }
}

fn arguments(known: &[&str]) -> String {
    if known.is_empty() { "It takes none.".to_owned() } else { format!("It takes {}.", known.join(", ")) }
}

/// A status with its registered name, if it has one: `404 Not Found`, `520`.
pub(crate) fn status_text(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(name) => format!("{} {name}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// A caller's value for a `detail`: quoted, escaped, and truncated if long.
#[must_use]
pub fn quoted(value: &str) -> String {
    const MAX_CHARS: usize = 80;
    match value.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{:?}", value.get(..end).unwrap_or_default().to_owned() + "…"),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn unknown_arguments_are_in_the_answer_alone() {
        let error = Error::UnknownArgument { sent_as: "Robin's".to_owned(), known: &["start", "end"] };
        assert_eq!(error.to_string(), r#""Robin's" is not an argument of this tool. It takes start, end."#);
        assert_eq!((error.parameter(), error.logged_parameter()), (Some("Robin's"), None));
        assert_eq!(error.reason(), "the tool has no argument of this name.");
    }

    #[test]
    fn quoted_values_are_truncated_and_escaped() {
        assert_eq!(quoted("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quoted(&"é".repeat(200)).chars().count(), 80 + 3);
    }

    fn calendly(status: u16) -> Error {
        Error::Calendly(Box::new(CalendlyError {
            status: StatusCode::from_u16(status).unwrap(),
            title: Some("Robin's".to_owned()),
            message: Some("Robin's".to_owned()),
            details: Some(RawValue::from_string("[1.0]".to_owned()).unwrap()),
            retry_after: Some(Duration::from_secs(7)),
            path: "/users/me",
        }))
    }

    /// The error itself, and the same error about something.
    fn alone_and_about(error: Error) -> [Error; 2] {
        [error.clone(), error.about("the event type \"Robin's\"".to_owned())]
    }

    #[test]
    fn reasons_contain_no_foreign_values() {
        let error = Error::invalid_value("timezone", "Robin's", "is not a name: send one like UTC.");
        assert_eq!(error.to_string(), r#"timezone "Robin's" is not a name: send one like UTC."#);
        for error in alone_and_about(error) {
            assert_eq!(error.reason(), "timezone is not a name: send one like UTC.");
        }
        for error in alone_and_about(calendly(403)) {
            assert_eq!(error.reason(), "Calendly answered 403 to /users/me.");
        }
    }

    #[test]
    fn calendly_statuses_are_classified() {
        for (status, is_pat_refused, is_down, is_not_found) in [
            (400, false, false, false),
            (401, true, false, false),
            (403, false, false, false),
            (404, false, false, true),
            (429, false, true, false),
            (499, false, false, false),
            (500, false, true, false),
            (599, false, true, false),
        ] {
            for error in alone_and_about(calendly(status)) {
                let found =
                    (error.is_pat_refused(), error.is_calendly_unavailable(), error.is_calendly_not_found());
                assert_eq!(found, (is_pat_refused, is_down, is_not_found), "{error:?}");
            }
        }
        let unreachable = Error::CalendlyUnreachable { what: "it was reset", path: "/users/me" };
        assert!(unreachable.is_calendly_unavailable() && !unreachable.is_pat_refused());
        let invalid = Error::CalendlyInvalidResponse("it is not JSON".to_owned());
        for another in [invalid, Error::Internal { reason: "another error" }] {
            assert!(!another.is_calendly_unavailable() && !another.is_pat_refused());
            assert!(!another.is_calendly_not_found());
        }
    }

    #[test]
    fn about_changes_only_the_detail() {
        for error in alone_and_about(calendly(429)) {
            let member = serde_json::to_string(&error.calendly()).unwrap();
            assert_eq!(member, r#"{"status":429,"title":"Robin's","message":"Robin's","details":[1.0]}"#);
            assert_eq!((error.status().as_u16(), error.code()), (429, "calendly_error"));
            assert_eq!((error.retry_after_seconds(), error.parameter()), (Some(7), None));
        }
        let [alone, about] = alone_and_about(Error::invalid_parameter("limit", "limit is wrong."));
        assert_eq!(about.to_string(), format!(r#"{alone} This concerns the event type "Robin's"."#));
        for error in [alone, about] {
            assert_eq!((error.retry_after_seconds(), error.parameter()), (None, Some("limit")));
            assert!(error.calendly().is_none());
        }
    }
}
