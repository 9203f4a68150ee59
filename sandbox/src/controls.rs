//! Controls under `/sandbox`, which are neither recorded nor subject to faults, and `/healthz`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::Call;
use crate::app_state::AppState;
use crate::fault::Fault;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    path: String,
    times: u32,
    fault: Fault,
}

pub(crate) fn router(state: &Arc<AppState>) -> Router {
    Router::new()
        .route("/sandbox/faults", post(add_fault).delete(clear_faults))
        .route("/sandbox/calls", get(calls).delete(clear_calls))
        .route("/healthz", get(async || "ok"))
        .with_state(Arc::clone(state))
}

async fn add_fault(State(state): State<Arc<AppState>>, Json(request): Json<FaultRequest>) -> Response {
    match request.fault.response() {
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
        Ok(_) => {
            state.interceptor.faults.add(&request.path, request.times, request.fault);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn clear_faults(State(state): State<Arc<AppState>>) -> StatusCode {
    state.interceptor.faults.clear();
    StatusCode::NO_CONTENT
}

async fn calls(State(state): State<Arc<AppState>>) -> Json<Vec<Call>> {
    Json(state.interceptor.calls.snapshot())
}

async fn clear_calls(State(state): State<Arc<AppState>>) -> StatusCode {
    state.interceptor.calls.clear();
    StatusCode::NO_CONTENT
}
