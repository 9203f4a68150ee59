//! The issuer's paths: OpenID Connect discovery, keys, and a token endpoint (RFC 6749), with an
//! extension that signs whatever a test asks for.

mod answer;
mod token;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::issuer::Mint;
use crate::world::World;
use answer::token_response;

pub(super) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/issuer/.well-known/openid-configuration", get(discovery))
        .route("/issuer/jwks", get(jwks))
        .route("/issuer/token", post(token::grant))
        .route("/issuer/mint", post(mint))
        .route("/issuer/rotate", post(rotate))
        .with_state(Arc::clone(world))
}

/// What OpenID Connect Discovery 1.0, section 3, requires of an issuer without an authorization
/// endpoint.
async fn discovery(State(world): State<Arc<World>>) -> Json<Value> {
    let issuer = world.issuer.url();
    Json(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "token_endpoint": format!("{issuer}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["password", "client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": world.issuer.scope().split_whitespace().collect::<Vec<_>>(),
    }))
}

async fn jwks(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "keys": world.issuer.published_keys() }))
}

async fn mint(State(world): State<Arc<World>>, Json(mint): Json<Mint>) -> Response<Body> {
    token_response(
        world.issuer.mint(&mint).map(|token| json!({ "access_token": token, "token_type": "Bearer" })),
    )
}

async fn rotate(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "kid": world.issuer.rotate() }))
}
