//! The token issuer: OpenID Connect discovery, JWKS, token endpoint (RFC 6749), and test-only minting.

mod keys;
mod token;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(crate) use keys::change_key_set;
pub use keys::{Algorithm, KeyChoice, KeyError, KeySetChange};

use crate::app_state::AppState;
use crate::identifier::uuid;
use crate::lock;
use keys::Keys;

/// User name for the password grant.
pub const USERNAME: &str = "demo";
/// Password for the password grant.
pub const PASSWORD: &str = "demo";
/// Client id for the client-credentials grant.
pub const CLIENT_ID: &str = "sandbox-client";
/// Client secret for the client-credentials grant.
pub const CLIENT_SECRET: &str = "sandbox-secret";

/// Lifetime of a token in seconds.
const LIFETIME: i64 = 3600;

pub(crate) fn router(state: &Arc<AppState>) -> Router {
    Router::new()
        .route("/issuer/.well-known/openid-configuration", get(discovery))
        .route("/issuer/jwks", get(jwks))
        .route("/issuer/token", post(token::grant))
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
        "scopes_supported": state.issuer.scope.split_whitespace().collect::<Vec<_>>(),
    }))
}

async fn jwks(State(state): State<Arc<AppState>>) -> Json<Value> {
    Json(json!({ "keys": lock(&state.issuer.keys).published() }))
}

async fn mint(State(state): State<Arc<AppState>>, Json(mint): Json<Mint>) -> Response<Body> {
    let token = state.issuer.mint(&mint);
    token_response(token.map(|token| json!({ "access_token": token, "token_type": "Bearer" })))
}

async fn rotate(State(state): State<Arc<AppState>>) -> Json<Value> {
    Json(json!({ "kid": state.issuer.rotate() }))
}

/// Builds a response with a token, which caches must not store (RFC 6749, section 5.1).
fn token_response(body: Result<Value, KeyError>) -> Response<Body> {
    match body {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Overrides for a token. The default is a valid token: signed with RS256, with `iss`, `aud`, `sub` (`demo`),
/// `scope`, `iat`, `exp` (one hour ahead) and `jti`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mint {
    /// The signature algorithm.
    #[serde(rename = "alg")]
    pub algorithm: Algorithm,
    /// The published or the forged key.
    pub key: KeyChoice,
    /// The secret for an HMAC.
    pub secret: String,
    /// Header members to replace, add, or remove (`null`). They do not affect the signing key and algorithm.
    pub header: Map<String, Value>,
    /// Claims to replace, add, or remove (`null`).
    pub claims: Map<String, Value>,
}

/// Signs tokens and publishes the keys that verify them.
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

    /// Returns the issuer's name, which is also its base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Replaces the RS256 key and returns the `kid` of the new one.
    pub(crate) fn rotate(&self) -> String {
        lock(&self.keys).rotate()
    }

    /// Signs a token.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub(crate) fn mint(&self, mint: &Mint) -> Result<String, KeyError> {
        let keys = lock(&self.keys);
        let header = match keys.kid(mint.algorithm) {
            Some(kid) => json!({ "alg": mint.algorithm, "typ": "JWT", "kid": kid }),
            None => json!({ "alg": mint.algorithm, "typ": "JWT" }),
        };
        let now = Utc::now().timestamp();
        let claims = json!({
            "iss": self.url,
            "aud": self.audience,
            "sub": USERNAME,
            "scope": self.scope,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": uuid(fastrand::u64(..), &["token"]),
        });
        let message = format!("{}.{}", encode_part(header, &mint.header), encode_part(claims, &mint.claims));
        let signature = keys.sign(mint.algorithm, mint.key, mint.secret.as_bytes(), message.as_bytes())?;
        Ok(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn encode_part(mut members: Value, overrides: &Map<String, Value>) -> String {
    if let Value::Object(members) = &mut members {
        for (name, value) in overrides {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    BASE64_URL_SAFE_NO_PAD.encode(members.to_string())
}
