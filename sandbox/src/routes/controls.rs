//! `/sandbox`: how a test or a curious person steers a running sandbox.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::Call;
use crate::config::{Account, Scope};
use crate::fault::Fault;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    path: String,
    times: u32,
    fault: Fault,
}

/// Either or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatOrder {
    pat: Option<String>,
    /// The user of the new PAT; without it, one of its own.
    user: Option<String>,
    /// What the new PAT may be used for; without them, everything.
    scopes: Option<Vec<Scope>>,
    revoke: Option<String>,
}

/// The paths under `/sandbox`, which are neither noted nor made to fail, and `/healthz`.
pub(super) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/sandbox/faults", post(add_fault).delete(clear_faults))
        .route("/sandbox/calls", get(calls).delete(forget_calls))
        .route("/sandbox/pats", post(change_pats))
        .route("/healthz", get(async || "ok"))
        .with_state(Arc::clone(world))
}

async fn add_fault(State(world): State<Arc<World>>, Json(order): Json<FaultOrder>) -> Response {
    match order.fault.answer() {
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
        Ok(_) => {
            world.faults.add(&order.path, order.times, order.fault);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn clear_faults(State(world): State<Arc<World>>) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn calls(State(world): State<Arc<World>>) -> Json<Vec<Call>> {
    Json(world.calls.snapshot())
}

async fn forget_calls(State(world): State<Arc<World>>) -> StatusCode {
    world.calls.forget();
    StatusCode::NO_CONTENT
}

async fn change_pats(State(world): State<Arc<World>>, Json(order): Json<PatOrder>) -> StatusCode {
    if let Some(pat) = &order.revoke {
        world.accounts.revoke(pat);
    }
    if let Some(pat) = order.pat {
        world.accounts.add(&Account { user: order.user, scopes: order.scopes, ..Account::new(pat) });
    }
    StatusCode::NO_CONTENT
}
