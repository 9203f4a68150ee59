//! The token endpoint: password and client-credentials grants (RFC 6749, sections 4.3 and 4.4).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::keys::KeyError;
use super::tokens::{CLIENT_ID, CLIENT_SECRET, LIFETIME, Mint, PASSWORD, SCOPE, USERNAME};
use crate::app_state::AppState;

/// An error response (RFC 6749, section 5.2).
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
            Self::InvalidClient => ("invalid_client", "the client id or secret is wrong"),
            Self::InvalidGrant => ("invalid_grant", "the user name or password is wrong"),
            Self::InvalidScope => ("invalid_scope", "a requested scope is not offered"),
            Self::UnsupportedGrantType => {
                ("unsupported_grant_type", "grant_type must be password or client_credentials")
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
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let granted =
        authenticate(&headers, &form).and_then(|subject| Ok((subject, requested_scope(&form, SCOPE)?)));
    let (subject, scope) = match granted {
        Ok(granted) => granted,
        Err(error) => return error.into_response(),
    };
    let claims = Map::from_iter([("sub".to_owned(), subject.into()), ("scope".to_owned(), scope.into())]);
    let token = state.issuer.mint(&Mint { claims, ..Mint::default() });
    token_response(token.map(|token| {
        json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": scope,
        })
    }))
}

/// Checks the credentials and returns the token's subject.
fn authenticate(headers: &HeaderMap, form: &HashMap<String, String>) -> Result<&'static str, GrantError> {
    let field = |name: &str| form.get(name).map(String::as_str);
    match field("grant_type") {
        None => Err(GrantError::InvalidRequest),
        // A public client: its id is not checked.
        Some("password") => {
            let is_valid = (field("username"), field("password")) == (Some(USERNAME), Some(PASSWORD));
            if is_valid { Ok(USERNAME) } else { Err(GrantError::InvalidGrant) }
        }
        Some("client_credentials") => {
            let basic = basic_credentials(headers);
            let basic = basic.as_ref().map(|(id, secret)| (&**id, &**secret));
            let credentials = basic.or_else(|| field("client_id").zip(field("client_secret")));
            let is_valid = credentials == Some((CLIENT_ID, CLIENT_SECRET));
            if is_valid { Ok(CLIENT_ID) } else { Err(GrantError::InvalidClient) }
        }
        Some(_) => Err(GrantError::UnsupportedGrantType),
    }
}

/// Returns the requested scopes, or all offered scopes if none are requested.
fn requested_scope<'a>(form: &'a HashMap<String, String>, offered: &'a str) -> Result<&'a str, GrantError> {
    let Some(requested) = form.get("scope").filter(|scope| !scope.trim().is_empty()) else {
        return Ok(offered);
    };
    let is_offered = |scope| offered.split_whitespace().any(|other| other == scope);
    if requested.split_whitespace().all(is_offered) { Ok(requested) } else { Err(GrantError::InvalidScope) }
}

/// Returns the client id and secret of an `Authorization: Basic` header.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Builds a response with a token, which caches must not store (RFC 6749, section 5.1).
pub(super) fn token_response(body: Result<Value, KeyError>) -> Response<Body> {
    match body {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
