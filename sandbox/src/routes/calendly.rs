//! Calendly's paths; every one needs a PAT, unknown ones too.

mod answer;
mod authentication;
mod available_times;
mod error;
mod event_types;
mod page;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::world::World;
use error::CalendlyError;

pub(super) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/users/{id}", get(users::read))
        .route("/event_types", get(event_types::list))
        .route("/event_types/{id}", get(event_types::read))
        .route("/event_type_available_times", get(available_times::list))
        .fallback(async || CalendlyError::NotFound)
        .layer(from_fn_with_state(Arc::clone(world), authentication::authenticate))
        .with_state(Arc::clone(world))
}
