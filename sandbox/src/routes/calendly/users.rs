//! `GET /users/me` and `GET /users/{id}` (calendly-api, section 1.1).

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};

use super::answer::{Resource, json};
use super::error::CalendlyError;
use crate::calendly::accounts::{Access, Found};
use crate::world::World;

/// A user whom the caller may not read is assumed to be forbidden, an unknown one not to be found.
pub(super) async fn read(
    State(world): State<Arc<World>>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Result<Response<Body>, CalendlyError> {
    let id = if id == "me" { &access.caller.user.id } else { &id };
    match world.accounts.user(&access.caller, id) {
        Found::Readable(member) => Ok(json(StatusCode::OK, &Resource { resource: &member.user })),
        Found::Forbidden => Err(CalendlyError::PermissionDenied),
        Found::Unknown => Err(CalendlyError::NotFound),
    }
}
