//! The token issuer: OpenID Connect discovery, JWKS, token endpoint (RFC 6749), and test-only minting.

mod grant;
mod key_set;
mod keys;
mod tokens;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

pub use key_set::KeySetChange;
pub(crate) use key_set::change_key_set;
pub use keys::{Algorithm, KeyChoice, KeyError};
pub(crate) use tokens::Issuer;
pub use tokens::{CLIENT_ID, CLIENT_SECRET, Mint, PASSWORD, USERNAME};

use crate::app_state::AppState;
use grant::{grant, token_response};
use tokens::SCOPE;

pub(crate) fn router(state: &Arc<AppState>) -> Router {
    Router::new()
        .route("/issuer/.well-known/openid-configuration", get(discovery))
        .route("/issuer/jwks", get(jwks))
        .route("/issuer/token", post(grant))
        .route("/issuer/mint", post(mint))
        .route("/issuer/rotate", post(rotate))
        .with_state(Arc::clone(state))
}

/// Responds with the metadata that OpenID Connect Discovery 1.0, section 3, requires of an issuer without an
/// authorization endpoint.
async fn discovery(State(state): State<Arc<AppState>>) -> Json<Value> {
    let issuer = state.issuer.url();
    Json(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "token_endpoint": format!("{issuer}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["password", "client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": [SCOPE],
    }))
}

async fn jwks(State(state): State<Arc<AppState>>) -> Json<Value> {
    Json(json!({ "keys": state.issuer.published_keys() }))
}

async fn mint(State(state): State<Arc<AppState>>, Json(mint): Json<Mint>) -> Response<Body> {
    let token = state.issuer.mint(&mint);
    token_response(token.map(|token| json!({ "access_token": token, "token_type": "Bearer" })))
}

async fn rotate(State(state): State<Arc<AppState>>) -> Json<Value> {
    Json(json!({ "kid": state.issuer.rotate() }))
}
