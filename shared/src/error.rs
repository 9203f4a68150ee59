//! Everything that can go wrong with a request, and the one place where it becomes a status.
//!
//! An [`Error`] is answered as an RFC 9457 problem: `type`, `title`, `status`, `detail`, `code` and
//! `request_id`, and the members that belong to one kind alone (`parameter`, `calendly`). The log has its
//! [`reason`](Error::reason), for the operator.

use std::{borrow::Cow, fmt, time::Duration};

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

/// Why a request cannot be answered as asked. Its `Display` is the answer's `detail`: a sentence
/// that a person can act on and that gives no secret away.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// 400: a query parameter is missing or wrong.
    #[error("{detail}")]
    InvalidParameter {
        /// The parameter's name.
        parameter: &'static str,
        /// What is wrong with it, and what would be right.
        detail: String,
        /// The same without what the caller sent.
        reason: Cow<'static, str>,
    },
    /// 400: no Calendly personal access token is stored for this caller.
    #[error("{0}")]
    PatMissing(&'static str),
    /// 401 or 403: the bearer token does not open this resource.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// 404: no bookable event type, or none with the slug that was asked for.
    #[error("{detail}")]
    NoEventType {
        /// Which one was looked for, and where there are others.
        detail: String,
        /// The same without what the caller sent.
        reason: &'static str,
    },
    /// Calendly's own status: it answered with an error.
    #[error(transparent)]
    Calendly(Box<CalendlyError>),
    /// 502: Calendly gave no answer.
    #[error("Calendly could not be reached ({what}). Try again.")]
    CalendlyUnreachable {
        /// What happened instead.
        what: &'static str,
        /// The path of the call.
        path: &'static str,
    },
    /// 502: Calendly's answer is not what its API documents.
    #[error("Calendly's answer could not be understood: {0}.")]
    CalendlyInvalidResponse(String),
    /// 503: Secrets Manager could not be read and no PAT is cached.
    #[error("The Calendly token could not be read from AWS Secrets Manager. Try again.")]
    SecretsUnavailable {
        /// Why, for the log.
        reason: Cow<'static, str>,
    },
    /// 503: the token issuer's keys could not be read and no usable key is cached.
    #[error("The token issuer's keys could not be read, so the token was not checked. Try again.")]
    KeysUnavailable {
        /// Why, for the log.
        reason: Cow<'static, str>,
    },
    /// 504: the invocation's time ran out.
    #[error("Time ran out before the answer was whole. Ask for a shorter range, or try again.")]
    DeadlineExceeded {
        /// What was waited for.
        during: &'static str,
    },
    /// 500: the answer would not fit in Lambda's 6 MB, or what it is made of not in the function's memory.
    #[error(
        "The answer is larger than the 6 MB that Lambda can return. Send Accept-Encoding: gzip, \
         or ask for less."
    )]
    AnswerTooLarge {
        /// What was too large.
        reason: &'static str,
    },
    /// Any of these, where it came about one of several things that were asked for.
    #[error("{error} This is about {subject}.")]
    About {
        /// Which one, as the caller knows it: for the answer alone.
        subject: String,
        /// What went wrong with it.
        error: Box<Error>,
    },
    /// 500: anything else. The cause is in the log, not in the answer.
    #[error("Something went wrong here. The log has more under this request_id.")]
    Internal {
        /// What went wrong.
        reason: &'static str,
    },
}

/// Why a bearer token was refused (RFC 6750, section 3.1). `Display` is the challenge's
/// `error_description`: fixed sentences, so that nothing of a token can reach a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request carries no bearer token.
    #[error("This resource needs a bearer token: send Authorization: Bearer <token>.")]
    Missing,
    /// The token is malformed, not signed by a key of the issuer, or not meant for this resource.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token was good and has expired.
    #[error("The token expired. Get a new one from the issuer.")]
    Expired,
    /// The token is good and lacks the scope that this resource needs.
    #[error("The token lacks the scope {scope}.")]
    InsufficientScope {
        /// The scope that is needed, as configured.
        scope: String,
    },
}

/// What Calendly said when it answered with an error status.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Calendly answered {status}{}", sentence(self.message.as_deref().or(self.title.as_deref())))]
pub struct CalendlyError {
    /// Calendly's HTTP status: 400 to 599.
    pub status: StatusCode,
    /// `title` of its body, where it sent one.
    pub title: Option<String>,
    /// `message` of its body, where it sent one.
    pub message: Option<String>,
    /// `details` of its body as Calendly sent them, where it sent any.
    pub details: Option<Box<RawValue>>,
    /// How long Calendly wants the next call to wait; present for every 429.
    pub retry_after: Option<Duration>,
    /// The path of the call.
    pub path: &'static str,
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
    /// An [`Error::InvalidParameter`] whose `detail` quotes nothing that the caller sent.
    pub fn invalid_parameter(parameter: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let reason = detail.into();
        Self::InvalidParameter { parameter, detail: reason.clone().into_owned(), reason }
    }

    /// An [`Error::InvalidParameter`] about this `value`: `reason` follows the parameter's name and the value.
    pub fn invalid_value(parameter: &'static str, value: &str, reason: impl fmt::Display) -> Self {
        Self::InvalidParameter {
            parameter,
            detail: format!("{parameter} {} {reason}", quoted(value)),
            reason: format!("{parameter} {reason}").into(),
        }
    }

    /// The same error with a `detail` that ends with what it is about, in the caller's own words. Nothing else of
    /// it changes.
    #[must_use]
    pub fn about(self, subject: String) -> Self {
        Self::About { subject, error: Box::new(self) }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::About { error, .. } => error.status(),
            Self::InvalidParameter { .. } | Self::PatMissing(_) => StatusCode::BAD_REQUEST,
            Self::Token(TokenError::InsufficientScope { .. }) => StatusCode::FORBIDDEN,
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::NoEventType { .. } => StatusCode::NOT_FOUND,
            Self::Calendly(error) => error.status,
            Self::CalendlyUnreachable { .. } | Self::CalendlyInvalidResponse(_) => StatusCode::BAD_GATEWAY,
            Self::SecretsUnavailable { .. } | Self::KeysUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::AnswerTooLarge { .. } | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable name that a client decides on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::About { error, .. } => error.code(),
            Self::InvalidParameter { .. } => "invalid_parameter",
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
            Self::AnswerTooLarge { .. } => "answer_too_large",
            Self::Internal { .. } => "internal_error",
        }
    }

    /// What the log says of it: a sentence of ours, without anything that a caller, a token, an issuer, AWS or
    /// Calendly sent.
    pub(crate) fn reason(&self) -> String {
        let reason: Cow<'_, str> = match self {
            Self::About { error, .. } => return error.reason(),
            Self::InvalidParameter { reason, .. }
            | Self::SecretsUnavailable { reason }
            | Self::KeysUnavailable { reason } => Cow::Borrowed(reason),
            Self::PatMissing(reason)
            | Self::NoEventType { reason, .. }
            | Self::AnswerTooLarge { reason }
            | Self::Internal { reason } => Cow::Borrowed(reason),
            Self::Token(error) => error.to_string().into(),
            Self::Calendly(error) => {
                format!("Calendly answered {} to {}", error.status.as_u16(), error.path).into()
            }
            Self::CalendlyUnreachable { what, path } => format!("{what}, when {path} was called").into(),
            Self::CalendlyInvalidResponse(reason) => Cow::Borrowed(reason),
            Self::DeadlineExceeded { during } => format!("time ran out while {during}").into(),
        };
        format!("{}.", reason.trim_end_matches('.'))
    }

    /// The parameter that an `invalid_parameter` is about.
    pub(crate) fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::InvalidParameter { parameter, .. } => Some(parameter),
            Self::About { error, .. } => error.parameter(),
            _ => None,
        }
    }

    /// What Calendly said, for a `calendly_error`.
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

    /// Seconds for a `Retry-After` header (RFC 9110, section 10.2.3), where Calendly asked for one.
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

    /// Whether Calendly refused the PAT itself: the one error that a fresh read of the secret may cure.
    pub(crate) fn is_pat_refused(&self) -> bool {
        self.calendly_status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether Calendly gave no answer of its own: it could not be reached, failed, or is asked too much.
    pub(crate) fn is_calendly_down(&self) -> bool {
        let is_refusal =
            |status: StatusCode| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        matches!(self, Self::CalendlyUnreachable { .. }) || self.calendly_status().is_some_and(is_refusal)
    }

    /// Whether Calendly knows no such resource.
    #[must_use]
    pub fn is_calendly_not_found(&self) -> bool {
        self.calendly_status() == Some(StatusCode::NOT_FOUND)
    }
}

/// A value of the caller's as it may stand in a `detail`: quoted, and cut where it is long.
#[must_use]
pub fn quoted(value: &str) -> String {
    const MOST: usize = 80;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}", value.get(..end).unwrap_or_default().to_owned() + "…"),
        None => format!("{value:?}"),
    }
}

impl TokenError {
    /// The value of `WWW-Authenticate` (RFC 6750, section 3). Without credentials it names no error.
    pub(crate) fn challenge(&self) -> String {
        const REALM: &str = r#"Bearer realm="calendly""#;
        match self {
            Self::Missing => REALM.to_owned(),
            Self::Invalid(_) | Self::Expired => {
                format!(r#"{REALM}, error="invalid_token", error_description="{self}""#)
            }
            Self::InsufficientScope { scope } => {
                format!(r#"{REALM}, error="insufficient_scope", error_description="{self}", scope="{scope}""#)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_follow_rfc_6750() {
        assert_eq!(TokenError::Missing.challenge(), r#"Bearer realm="calendly""#);
        assert_eq!(
            TokenError::Expired.challenge(),
            r#"Bearer realm="calendly", error="invalid_token", error_description="The token expired. Get a new one from the issuer.""#
        );
        assert_eq!(
            TokenError::InsufficientScope { scope: "calendly:read".to_owned() }.challenge(),
            r#"Bearer realm="calendly", error="insufficient_scope", error_description="The token lacks the scope calendly:read.", scope="calendly:read""#
        );
    }

    #[test]
    fn the_detail_of_a_calendly_error_is_one_sentence() {
        let error = |title: Option<&str>, message: Option<&str>| {
            CalendlyError {
                status: StatusCode::NOT_FOUND,
                title: title.map(str::to_owned),
                message: message.map(str::to_owned),
                details: None,
                retry_after: None,
                path: "/users/me",
            }
            .to_string()
        };
        assert_eq!(error(None, None), "Calendly answered 404 Not Found.");
        assert_eq!(error(Some("Gone away"), None), "Calendly answered 404 Not Found: Gone away.");
        assert_eq!(
            error(Some("Gone"), Some("No such type.")),
            "Calendly answered 404 Not Found: No such type."
        );
    }

    #[test]
    fn a_quoted_value_is_cut_and_escaped() {
        assert_eq!(quoted("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quoted(&"é".repeat(200)).chars().count(), 80 + 3);
    }

    #[test]
    fn a_reason_holds_nothing_that_was_sent() {
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
        assert!(error.to_string().ends_with(r#" This is about the event type "Robin's"."#), "{error}");
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

    /// Both ways in which an error may come.
    fn alone_and_about(error: Error) -> [Error; 2] {
        [error.clone(), error.about("something".to_owned())]
    }

    #[test]
    fn what_calendly_answered_decides_what_may_cure_it() {
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
                let found = (error.is_pat_refused(), error.is_calendly_down(), error.is_calendly_not_found());
                assert_eq!(found, (is_pat_refused, is_down, is_not_found), "{error:?}");
            }
        }
        let unreachable = Error::CalendlyUnreachable { what: "it was reset", path: "/users/me" };
        assert!(unreachable.is_calendly_down() && !unreachable.is_pat_refused());
        let another = Error::Internal { reason: "of another's" };
        assert!(!another.is_calendly_down() && !another.is_pat_refused() && !another.is_calendly_not_found());
    }

    #[test]
    fn what_is_told_of_an_error_is_told_whatever_it_is_about() {
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
