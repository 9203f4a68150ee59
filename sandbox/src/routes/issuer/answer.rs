//! Answers that hold a token.

use axum::Json;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::Value;

use crate::issuer::KeyError;

/// A token must not be cached on its way (RFC 6749, section 5.1).
pub(super) fn token_response(body: Result<Value, KeyError>) -> Response<Body> {
    match body {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
