//! Calendly's error bodies (calendly-api, section 2).

use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use super::answer::json;
use crate::config::Scope;

/// An error that Calendly answers with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CalendlyError {
    /// A parameter is missing or wrong. Where the text stands is not confirmed; in `details` is
    /// assumed. Texts are Calendly's only where the caller says so.
    InvalidArgument {
        parameter: &'static str,
        message: &'static str,
    },
    Unauthenticated,
    InsufficientScope(Scope),
    PermissionDenied,
    /// What only an owner of the organization may ask.
    NotOwner,
    NotFound,
    /// The body is not documented; one of the usual shape is assumed.
    TooManyRequests,
}

#[derive(Serialize)]
struct ErrorBody {
    title: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<[Detail; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_scopes: Option<[Scope; 1]>,
}

#[derive(Serialize)]
struct Detail {
    parameter: &'static str,
    message: &'static str,
}

impl IntoResponse for CalendlyError {
    fn into_response(self) -> Response<Body> {
        let (status, title, message) = match self {
            Self::InvalidArgument { .. } => {
                (StatusCode::BAD_REQUEST, "Invalid Argument", "The supplied parameters are invalid.")
            }
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "Unauthenticated", "The access token is invalid")
            }
            Self::InsufficientScope(_) => (
                StatusCode::FORBIDDEN,
                "Insufficient scope",
                "This operation requires the scopes listed in the 'required_scopes' array.",
            ),
            Self::PermissionDenied => (
                StatusCode::FORBIDDEN,
                "Permission Denied",
                "You do not have permission to access this resource.",
            ),
            Self::NotOwner => (StatusCode::FORBIDDEN, "Permission Denied", "You do not have permission"),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Resource Not Found",
                "The server could not find the requested resource.",
            ),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", "The rate limit is exceeded.")
            }
        };
        let details = match self {
            Self::InvalidArgument { parameter, message } => Some([Detail { parameter, message }]),
            _ => None,
        };
        let required_scopes = match self {
            Self::InsufficientScope(scope) => Some([scope]),
            _ => None,
        };
        json(status, &ErrorBody { title, message, details, required_scopes })
    }
}
