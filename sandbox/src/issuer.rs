//! The token issuer: OpenID Connect discovery, JWKS, the password grant (RFC 6749, section 4.3), and test-only minting.

mod jwk;
mod keys;
mod tokens;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub use keys::{Algorithm, KeyChoice};
pub(crate) use tokens::Issuer;
pub use tokens::Mint;

use crate::app_state::AppState;
use tokens::{LIFETIME, SCOPE, USERNAME};

const PASSWORD: &str = "demo";

pub(crate) fn router(state: &Arc<AppState>) -> Router {
    Router::new()
        .route("/issuer/.well-known/openid-configuration", get(discovery))
        .route("/issuer/jwks", get(jwks))
        .route("/issuer/token", post(grant))
        .route("/issuer/mint", post(mint))
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
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["password"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": [SCOPE],
    }))
}

async fn jwks(State(state): State<Arc<AppState>>) -> Json<Value> {
    Json(json!({ "keys": state.issuer.published_keys() }))
}

/// The form of a token request. Other fields, such as `client_id`, are ignored.
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// Responds with a token or an error (RFC 6749, sections 5.1 and 5.2).
async fn grant(State(state): State<Arc<AppState>>, Form(request): Form<TokenRequest>) -> Response<Body> {
    const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];
    let credentials = (request.username.as_deref(), request.password.as_deref());
    let (error, description) = match request.grant_type.as_deref() {
        Some("password") if credentials == (Some(USERNAME), Some(PASSWORD)) => {
            let token = state.issuer.mint(&Mint::default());
            let body = json!({
                "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": SCOPE,
            });
            return (NO_STORE, Json(body)).into_response();
        }
        Some("password") => ("invalid_grant", "the user name or password is wrong"),
        Some(_) => ("unsupported_grant_type", "grant_type must be password"),
        None => ("invalid_request", "grant_type is missing"),
    };
    let body = json!({ "error": error, "error_description": description });
    (StatusCode::BAD_REQUEST, NO_STORE, Json(body)).into_response()
}

async fn mint(State(state): State<Arc<AppState>>, Json(mint): Json<Mint>) -> Json<Value> {
    Json(json!({ "access_token": state.issuer.mint(&mint), "token_type": "Bearer" }))
}
