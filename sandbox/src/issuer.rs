//! The token issuer: OpenID Connect discovery, keys, and a token endpoint (RFC 6749), with an
//! extension that signs whatever a test asks for.

mod keys;
mod mint;
mod token;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

pub use keys::{Algorithm, KeyChoice, KeyError};
pub use mint::Mint;
pub use token::{CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};

use crate::lock::lock;
use crate::world::World;
use keys::Keys;

/// Signs tokens and publishes what they are checked with.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    audience: String,
    scope: String,
    keys: Mutex<Keys>,
}

impl Issuer {
    pub(crate) fn new(base_url: &str, audience: &str, scope: &str) -> Result<Self, KeyError> {
        Ok(Self {
            url: format!("{}/issuer", base_url.trim_end_matches('/')),
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            keys: Mutex::new(Keys::load()?),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Replaces the RS256 key, and answers with the id of the new one.
    pub(crate) fn rotate(&self) -> String {
        lock(&self.keys).rotate()
    }

    /// A good token for a subject.
    fn token_for(&self, subject: &str, scope: &str) -> Result<String, KeyError> {
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), subject.into());
        claims.insert("scope".to_owned(), scope.into());
        self.mint(&Mint { claims, ..Mint::default() })
    }
}

/// The paths under `/issuer`.
pub(crate) fn router(world: &Arc<World>) -> Router {
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
        "scopes_supported": world.issuer.scope.split_whitespace().collect::<Vec<_>>(),
    }))
}

async fn jwks(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "keys": lock(&world.issuer.keys).published() }))
}

async fn mint(State(world): State<Arc<World>>, Json(mint): Json<Mint>) -> Response<Body> {
    token_response(
        world.issuer.mint(&mint).map(|token| json!({ "access_token": token, "token_type": "Bearer" })),
    )
}

async fn rotate(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "kid": world.issuer.rotate() }))
}

/// A token must not be cached on its way (RFC 6749, section 5.1).
fn token_response(body: Result<Value, KeyError>) -> Response<Body> {
    match body {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
