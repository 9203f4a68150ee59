//! The errors of a request, and their mapping to statuses and codes.
//!
//! A caller gets an [`Error`] as an RFC 9457 problem: `type`, `title`, `status`, `detail`, `code` and `request_id`, with
//! `parameter` or `calendly` where the error has them. The log gets its [`reason`](Error::reason), for the operator.

use std::{borrow::Cow, fmt, time::Duration};

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

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

/// Why a bearer token was refused (RFC 6750, section 3.1). `Display` is the `error_description` of the challenge. Its
/// sentences are fixed, so that no part of a token reaches a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request carries no bearer token.
    #[error("This resource needs a bearer token: send Authorization: Bearer <token>.")]
    Missing,
    /// The token is malformed, not signed by a key of the issuer, or not meant for this resource.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token is valid but has expired.
    #[error("The token expired. Get a new one from the issuer.")]
    Expired,
    /// The token is valid but lacks the required scope.
    #[error("The token lacks the scope {scope}.")]
    InsufficientScope {
        /// The required scope, as configured.
        scope: String,
    },
}

/// An error answer of Calendly.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Calendly answered {}{}", status_text(*status), sentence(self.text()))]
pub struct CalendlyError {
    /// Calendly's HTTP status: 400 to 599.
    pub status: StatusCode,
    /// `title` of the body, if present.
    pub title: Option<String>,
    /// `message` of the body, if present.
    pub message: Option<String>,
    /// `details` of the body as Calendly sent them, if present.
    pub details: Option<Box<RawValue>>,
    /// The wait before the next call; present for every 429.
    pub retry_after: Option<Duration>,
    /// The path of the call.
    pub path: &'static str,
}

impl CalendlyError {
    /// `message`, or `title` where that is absent or empty.
    fn text(&self) -> Option<&str> {
        let message = self.message.as_deref().filter(|message| !message.is_empty());
        message.or(self.title.as_deref())
    }
}

/// A status with its registered name, if it has one: `404 Not Found`, `520`.
pub(crate) fn status_text(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(name) => format!("{} {name}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

fn sentence(text: Option<&str>) -> String {
    match text {
        Some(text) => format!(": {}", text.trim_end_matches('.')) + ".",
        None => ".".to_owned(),
    }
}

/// The `calendly` member of a problem.
#[derive(Debug, Serialize)]
pub(crate) struct CalendlyMember<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a RawValue>,
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
        match self {
            Self::About { error, .. } => error.status(),
            Self::InvalidParameter { .. }
            | Self::MisspelledParameter { .. }
            | Self::UnknownArgument { .. }
            | Self::InvalidMessage { .. }
            | Self::PatMissing(_) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::MessageTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Token(TokenError::InsufficientScope { .. }) => StatusCode::FORBIDDEN,
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::NoEventType { .. } => StatusCode::NOT_FOUND,
            Self::Calendly(error) => error.status,
            Self::CalendlyUnreachable { .. } | Self::CalendlyInvalidResponse(_) => StatusCode::BAD_GATEWAY,
            Self::SecretsUnavailable { .. } | Self::KeysUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::AnswerTooLarge { .. } | Self::AnswerNeedsGzip | Self::Internal { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// The stable error code for clients.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::About { error, .. } => error.code(),
            Self::InvalidParameter { .. }
            | Self::MisspelledParameter { .. }
            | Self::UnknownArgument { .. } => "invalid_parameter",
            Self::InvalidMessage { code, .. } => code,
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::MessageTooLarge { .. } => "message_too_large",
            Self::NotFound => "not_found",
            Self::PatMissing(_) => "pat_missing",
            Self::Token(TokenError::Missing) => "token_missing",
            Self::Token(TokenError::Invalid(_)) => "token_invalid",
            Self::Token(TokenError::Expired) => "token_expired",
            Self::Token(TokenError::InsufficientScope { .. }) => "insufficient_scope",
            Self::NoEventType { .. } => "no_event_type",
            Self::Calendly(_) => "calendly_error",
            Self::CalendlyUnreachable { .. } => "calendly_unreachable",
            Self::CalendlyInvalidResponse(_) => "calendly_invalid_response",
            Self::SecretsUnavailable { .. } => "secrets_unavailable",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::DeadlineExceeded { .. } => "deadline_exceeded",
            Self::AnswerTooLarge { .. } | Self::AnswerNeedsGzip => "answer_too_large",
            Self::Internal { .. } => "internal_error",
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
    pub(crate) fn calendly(&self) -> Option<CalendlyMember<'_>> {
        match self {
            Self::About { error, .. } => error.calendly(),
            Self::Calendly(error) => Some(CalendlyMember {
                status: error.status.as_u16(),
                title: error.title.as_deref(),
                message: error.message.as_deref(),
                details: error.details.as_deref(),
            }),
            _ => None,
        }
    }

    /// The seconds of a `Retry-After` header (RFC 9110, section 10.2.3), if Calendly asked to wait.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Calendly(error) => error.retry_after.map(|wait| wait.as_secs()),
            Self::About { error, .. } => error.retry_after_seconds(),
            _ => None,
        }
    }

    fn calendly_status(&self) -> Option<StatusCode> {
        match self {
            Self::Calendly(error) => Some(error.status),
            Self::About { error, .. } => error.calendly_status(),
            _ => None,
        }
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

/// A caller's value for a `detail`: quoted, escaped, and truncated if long.
#[must_use]
pub fn quoted(value: &str) -> String {
    const MAX_CHARS: usize = 80;
    match value.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{:?}", value.get(..end).unwrap_or_default().to_owned() + "…"),
        None => format!("{value:?}"),
    }
}

impl TokenError {
    /// The value of `WWW-Authenticate` (RFC 6750, section 3). For a missing token, it names no error. Appends the
    /// parameters in `others` that it does not have yet.
    pub(crate) fn challenge(&self, others: &[(&'static str, String)]) -> String {
        const REALM: &str = r#"Bearer realm="calendly""#;
        let mut challenge = match self {
            Self::Missing => REALM.to_owned(),
            Self::Invalid(_) | Self::Expired => {
                format!(r#"{REALM}, error="invalid_token", error_description="{self}""#)
            }
            Self::InsufficientScope { scope } => {
                format!(r#"{REALM}, error="insufficient_scope", error_description="{self}", scope="{scope}""#)
            }
        };
        for (name, value) in others {
            if !challenge.contains(&format!(", {name}=")) {
                challenge.push_str(&format!(r#", {name}="{value}""#));
            }
        }
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_follow_rfc_6750() {
        assert_eq!(TokenError::Missing.challenge(&[]), r#"Bearer realm="calendly""#);
        assert_eq!(
            TokenError::Expired.challenge(&[]),
            r#"Bearer realm="calendly", error="invalid_token", error_description="The token expired. Get a new one from the issuer.""#
        );
        assert_eq!(
            TokenError::InsufficientScope { scope: "calendly:read".to_owned() }.challenge(&[]),
            r#"Bearer realm="calendly", error="insufficient_scope", error_description="The token lacks the scope calendly:read.", scope="calendly:read""#
        );
    }

    #[test]
    fn challenges_have_further_parameters_once() {
        let others = [("resource_metadata", "https://x/y".to_owned()), ("scope", "read".to_owned())];
        assert_eq!(
            TokenError::Missing.challenge(&others),
            r#"Bearer realm="calendly", resource_metadata="https://x/y", scope="read""#
        );
        let challenge = TokenError::InsufficientScope { scope: "read".to_owned() }.challenge(&others);
        assert_eq!(challenge.matches("scope=").count(), 1, "{challenge}");
        assert!(challenge.ends_with(r#", scope="read", resource_metadata="https://x/y""#), "{challenge}");
    }

    #[test]
    fn unknown_arguments_are_in_the_answer_alone() {
        let error = Error::UnknownArgument { sent_as: "Robin's".to_owned(), known: &["start", "end"] };
        assert_eq!(error.to_string(), r#""Robin's" is not an argument of this tool. It takes start, end."#);
        assert_eq!((error.parameter(), error.logged_parameter()), (Some("Robin's"), None));
        assert_eq!(error.reason(), "the tool has no argument of this name.");
    }

    #[test]
    fn the_detail_of_a_calendly_error_is_one_sentence() {
        let error = |status: u16, title: Option<&str>, message: Option<&str>| {
            CalendlyError {
                status: StatusCode::from_u16(status).unwrap(),
                title: title.map(str::to_owned),
                message: message.map(str::to_owned),
                details: None,
                retry_after: None,
                path: "/users/me",
            }
            .to_string()
        };
        assert_eq!(error(404, None, None), "Calendly answered 404 Not Found.");
        assert_eq!(error(404, Some("Gone away"), None), "Calendly answered 404 Not Found: Gone away.");
        assert_eq!(
            error(404, Some("Gone"), Some("No such type.")),
            "Calendly answered 404 Not Found: No such type."
        );
        assert_eq!(error(520, None, None), "Calendly answered 520.");
        assert_eq!(error(520, None, Some("No")), "Calendly answered 520: No.");
        assert_eq!(error(520, Some("No"), Some("")), "Calendly answered 520: No.");
    }

    #[test]
    fn quoted_values_are_truncated_and_escaped() {
        assert_eq!(quoted("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quoted(&"é".repeat(200)).chars().count(), 80 + 3);
    }

    #[test]
    fn reasons_contain_no_foreign_values() {
        let error = Error::invalid_value("timezone", "Robin's", "is not a name: send one like UTC.");
        assert_eq!(error.to_string(), r#"timezone "Robin's" is not a name: send one like UTC."#);
        assert_eq!(error.reason(), "timezone is not a name: send one like UTC.");
        let calendly = CalendlyError {
            status: StatusCode::FORBIDDEN,
            title: Some("Robin's".to_owned()),
            message: Some("Robin's".to_owned()),
            details: None,
            retry_after: None,
            path: "/users/me",
        };
        let error = Error::Calendly(Box::new(calendly)).about("the event type \"Robin's\"".to_owned());
        assert_eq!(error.reason(), "Calendly answered 403 to /users/me.");
        assert_eq!((error.status(), error.code()), (StatusCode::FORBIDDEN, "calendly_error"));
        assert!(error.to_string().ends_with(r#" This concerns the event type "Robin's"."#), "{error}");
    }

    fn calendly(status: u16) -> Error {
        Error::Calendly(Box::new(CalendlyError {
            status: StatusCode::from_u16(status).unwrap(),
            title: Some("A title".to_owned()),
            message: Some("A message".to_owned()),
            details: Some(RawValue::from_string("[1.0]".to_owned()).unwrap()),
            retry_after: Some(Duration::from_secs(7)),
            path: "/users/me",
        }))
    }

    /// The error itself, and the same error about something.
    fn alone_and_about(error: Error) -> [Error; 2] {
        [error.clone(), error.about("something".to_owned())]
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
    fn about_keeps_all_other_members() {
        for error in alone_and_about(calendly(429)) {
            let member = serde_json::to_string(&error.calendly()).unwrap();
            assert_eq!(member, r#"{"status":429,"title":"A title","message":"A message","details":[1.0]}"#);
            assert_eq!((error.retry_after_seconds(), error.parameter()), (Some(7), None));
        }
        for error in alone_and_about(Error::invalid_parameter("limit", "limit is wrong.")) {
            assert_eq!((error.retry_after_seconds(), error.parameter()), (None, Some("limit")));
            assert!(error.calendly().is_none());
        }
    }
}
