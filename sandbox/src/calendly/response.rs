//! JSON responses and error bodies, as in Calendly's OpenAPI document of 2023:
//! <https://github.com/speakeasy-sdks/calendly-ts>

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

/// An error response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CalendlyError {
    /// A parameter is missing or invalid. Assumed: `details` holds the message.
    InvalidArgument {
        parameter: &'static str,
        message: &'static str,
    },
    Unauthenticated,
    PermissionDenied,
    NotFound,
    /// The body is assumed.
    TooManyRequests,
}

impl CalendlyError {
    pub(super) fn invalid(parameter: &'static str, message: &'static str) -> Self {
        Self::InvalidArgument { parameter, message }
    }
}

/// The error for an unknown parameter or a value of another type.
impl From<QueryRejection> for CalendlyError {
    fn from(_: QueryRejection) -> Self {
        Self::invalid("query", "a query parameter is unknown or invalid")
    }
}

#[derive(Serialize)]
struct ErrorBody {
    title: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<[Detail; 1]>,
}

#[derive(Serialize)]
struct Detail {
    parameter: &'static str,
    message: &'static str,
}

impl IntoResponse for CalendlyError {
    fn into_response(self) -> Response<Body> {
        let body = |title, message| ErrorBody { title, message, details: None };
        let (status, body) = match self {
            Self::InvalidArgument { parameter, message } => {
                let details = Some([Detail { parameter, message }]);
                let body = body("Invalid Argument", "The supplied parameters are invalid.");
                (StatusCode::BAD_REQUEST, ErrorBody { details, ..body })
            }
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, body("Unauthenticated", "The access token is invalid"))
            }
            Self::PermissionDenied => (
                StatusCode::FORBIDDEN,
                body("Permission Denied", "You do not have permission to access this resource."),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                body("Resource Not Found", "The server could not find the requested resource."),
            ),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, body("Too Many Requests", "The rate limit is exceeded."))
            }
        };
        (status, json(&body)).into_response()
    }
}

/// Builds a 200 with a JSON body.
pub(super) fn json(body: &impl Serialize) -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], Json(body)).into_response()
}

/// Builds `{"resource": …}`, the body of a single read.
pub(super) fn resource(resource: &impl Serialize) -> Response<Body> {
    json(&BTreeMap::from([("resource", resource)]))
}
