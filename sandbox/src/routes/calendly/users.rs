//! `GET /users/me` and `GET /users/{id}` (calendly-api, section 1.1).

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};

use super::answer::{Resource, json};
use super::error::CalendlyError;
use crate::calendly::accounts::Member;
use crate::world::World;

/// A user of another organization is assumed to be forbidden, an unknown one not to be found.
pub(super) async fn read(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Arc<Member>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, CalendlyError> {
    if id == "me" || id == caller.user.id {
        let resource = &caller.user;
        Ok(json(StatusCode::OK, &Resource { resource }))
    } else if world.accounts.user_exists(&id) {
        Err(CalendlyError::PermissionDenied)
    } else {
        Err(CalendlyError::NotFound)
    }
}
