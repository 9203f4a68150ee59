//! What is answered, path by path. All that outlives a request is in the world.

mod calendly;
mod controls;
mod issuer;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

use crate::intercept::intercept;
use crate::world::World;

/// Every path of the sandbox.
pub(crate) fn router(world: &Arc<World>) -> Router {
    calendly::router(world)
        .merge(issuer::router(world))
        .layer(from_fn_with_state(Arc::clone(world), intercept))
        .merge(controls::router(world))
        .layer(DefaultBodyLimit::disable())
}
