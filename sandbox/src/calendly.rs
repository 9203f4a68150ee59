//! The Calendly stand-in, after calendly-api: users, event types and open times.
//!
//! Where Calendly's behaviour is not confirmed, the item that decides says what it assumes.

pub(crate) mod accounts;
mod authentication;
mod available_times;
mod catalogue;
mod error;
mod event_type;
mod event_types;
mod page;
pub(crate) mod rate_limit;
pub(crate) mod schedule;
mod user;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use serde::Serialize;

use crate::world::World;
use error::CalendlyError;

/// Where Calendly's resources are, whatever address the sandbox listens on.
const CANONICAL: &str = "https://api.calendly.com";

/// Calendly's paths; every one needs a PAT, unknown ones too.
pub(crate) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/users/{id}", get(user::read))
        .route("/event_types", get(event_types::list))
        .route("/event_types/{id}", get(event_types::read))
        .route("/event_type_available_times", get(available_times::list))
        .fallback(async || CalendlyError::NotFound)
        .layer(from_fn_with_state(Arc::clone(world), authentication::authenticate))
        .with_state(Arc::clone(world))
}

/// `{"resource": …}`, the shape of a single read.
#[derive(Serialize)]
struct Resource<T> {
    resource: T,
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let (status, text) = match serde_json::to_vec(body) {
        Ok(text) => (status, text),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
