//! Calendly's paths; every one needs a PAT, unknown ones too, and known ones a scope.

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

use crate::config::Scope;
use crate::world::World;
use authentication::{authenticate, authorize};
use error::CalendlyError;

/// Calendly's pages disagree on the scope for available times: that of the endpoint's own page is assumed.
pub(super) fn router(world: &Arc<World>) -> Router {
    let needs = |scope| from_fn_with_state(scope, authorize);
    Router::new()
        .route("/users/{id}", get(users::read).layer(needs(Scope::Users)))
        .route("/event_types", get(event_types::list).layer(needs(Scope::EventTypes)))
        .route("/event_types/{id}", get(event_types::read).layer(needs(Scope::EventTypes)))
        .route("/event_type_available_times", get(available_times::list).layer(needs(Scope::Availability)))
        .fallback(async || CalendlyError::NotFound)
        .layer(from_fn_with_state(Arc::clone(world), authenticate))
        .with_state(Arc::clone(world))
}
