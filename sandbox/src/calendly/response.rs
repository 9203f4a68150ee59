//! JSON responses and error bodies, as in Calendly's OpenAPI document of 2023:
//! <https://github.com/speakeasy-sdks/calendly-ts>

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::config::Scope;

/// An error response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CalendlyError {
    /// A parameter is missing or invalid. Assumed: `details` holds the message.
    InvalidArgument {
        parameter: &'static str,
        message: &'static str,
    },
    Unauthenticated,
    InsufficientScope(Scope),
    PermissionDenied,
    NotFound,
    /// The body is assumed.
    TooManyRequests,
}

impl CalendlyError {
    /// The error for an unknown or stale page token (assumed).
    pub(crate) const INVALID_PAGE_TOKEN: Self =
        Self::InvalidArgument { parameter: "page_token", message: "page_token is invalid" };

    pub(super) fn invalid(parameter: &'static str, message: &'static str) -> Self {
        Self::InvalidArgument { parameter, message }
    }
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
            Self::InvalidArgument { .. } => (400, "Invalid Argument", "The supplied parameters are invalid."),
            Self::Unauthenticated => (401, "Unauthenticated", "The access token is invalid"),
            Self::InsufficientScope(_) => (
                403,
                "Insufficient scope",
                "This operation requires the scopes listed in the 'required_scopes' array.",
            ),
            Self::PermissionDenied => {
                (403, "Permission Denied", "You do not have permission to access this resource.")
            }
            Self::NotFound => {
                (404, "Resource Not Found", "The server could not find the requested resource.")
            }
            Self::TooManyRequests => (429, "Too Many Requests", "The rate limit is exceeded."),
        };
        let details = match self {
            Self::InvalidArgument { parameter, message } => Some([Detail { parameter, message }]),
            _ => None,
        };
        let required_scopes = match self {
            Self::InsufficientScope(scope) => Some([scope]),
            _ => None,
        };
        let mut response = json(&ErrorBody { title, message, details, required_scopes });
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        response
    }
}

/// Builds a 200 with a JSON body.
pub(super) fn json(body: &impl Serialize) -> Response<Body> {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (StatusCode::OK, bytes),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// Builds `{"resource": …}`, the body of a single read.
pub(super) fn resource(resource: &impl Serialize) -> Response<Body> {
    #[derive(Serialize)]
    struct Resource<'a, T> {
        resource: &'a T,
    }
    json(&Resource { resource })
}
