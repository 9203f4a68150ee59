//! The token endpoint (RFC 6749, sections 4.3 and 4.4).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::answer::token_response;
use crate::issuer::{CLIENT_ID, CLIENT_SECRET, LIFETIME, PASSWORD, USERNAME};
use crate::world::World;

/// An error of RFC 6749, section 5.2.
#[derive(Debug, Clone, Copy)]
enum GrantError {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    UnsupportedGrantType,
}

impl IntoResponse for GrantError {
    fn into_response(self) -> Response<Body> {
        let (error, description) = match self {
            Self::InvalidRequest => ("invalid_request", "grant_type is missing"),
            Self::InvalidClient => ("invalid_client", "client id or secret is wrong"),
            Self::InvalidGrant => ("invalid_grant", "user name or password is wrong"),
            Self::InvalidScope => ("invalid_scope", "a scope that cannot be granted"),
            Self::UnsupportedGrantType => {
                ("unsupported_grant_type", "the grants are password and client_credentials")
            }
        };
        let body = Json(json!({ "error": error, "error_description": description }));
        let mut response = (StatusCode::BAD_REQUEST, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::InvalidClient) {
            let challenge = HeaderValue::from_static("Basic realm=\"sandbox\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        response
    }
}

pub(super) async fn grant(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    match granted(&world, &headers, &form) {
        Err(error) => error.into_response(),
        Ok((subject, scope)) => {
            let token = world.issuer.token_for(subject, &scope);
            token_response(token.map(|token| {
                json!({
                    "access_token": token,
                    "token_type": "Bearer",
                    "expires_in": LIFETIME,
                    "scope": scope,
                })
            }))
        }
    }
}

/// The subject and the scope granted.
fn granted(
    world: &World,
    headers: &HeaderMap,
    form: &HashMap<String, String>,
) -> Result<(&'static str, String), GrantError> {
    let field = |name: &str| form.get(name).map(String::as_str);
    let subject = match field("grant_type") {
        None => return Err(GrantError::InvalidRequest),
        // A public client: whatever it says of itself is not checked.
        Some("password") => {
            if (field("username"), field("password")) != (Some(USERNAME), Some(PASSWORD)) {
                return Err(GrantError::InvalidGrant);
            }
            USERNAME
        }
        Some("client_credentials") => {
            let given = basic(headers).or_else(|| {
                let form = (field("client_id")?, field("client_secret")?);
                Some((form.0.to_owned(), form.1.to_owned()))
            });
            let given = given.as_ref().map(|(id, secret)| (&**id, &**secret));
            if given != Some((CLIENT_ID, CLIENT_SECRET)) {
                return Err(GrantError::InvalidClient);
            }
            CLIENT_ID
        }
        Some(_) => return Err(GrantError::UnsupportedGrantType),
    };
    let offered = world.issuer.scope();
    match field("scope").filter(|scope| !scope.trim().is_empty()) {
        None => Ok((subject, offered.to_owned())),
        Some(asked) => {
            let is_offered = |one| offered.split_whitespace().any(|other| other == one);
            if asked.split_whitespace().all(is_offered) {
                Ok((subject, asked.to_owned()))
            } else {
                Err(GrantError::InvalidScope)
            }
        }
    }
}

/// The client's credentials in an `Authorization: Basic` header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
