//! Authentication as a whole, from the header to the caller, with tokens that other code signed.

mod algorithms;
mod attacks;
mod mutations;
pub(super) mod script;

use std::sync::Arc;

use lambda_http::http::{HeaderMap, header::AUTHORIZATION};

use super::issuer::TokenRules;
use super::{Authenticator, Caller, keys::KeyStore, verify};
use crate::{Error, error::TokenError, telemetry::RequestMetrics};
use script::{Answer, Script};

/// An authenticator of the issuer that answers so, for its audience.
fn authenticator(issuer: Option<&str>, audience: &str, answer: Answer) -> Authenticator {
    verify::install();
    Authenticator {
        keys: KeyStore::new(Box::new(Arc::new(Script::new([answer])))),
        rules: TokenRules {
            issuer: issuer.map(str::to_owned),
            audiences: vec![audience.to_owned()],
            required_scope: None,
        },
    }
}

async fn authenticate(authenticator: &Authenticator, token: &str) -> Result<Caller, Error> {
    let mut headers = HeaderMap::new();
    // As an event's header with a line break arrives.
    let value = format!("Bearer {token}").replace(char::is_control, "\u{FFFD}");
    headers.insert(AUTHORIZATION, value.try_into().unwrap());
    authenticator.authenticate(&headers, &RequestMetrics::default()).await
}

/// Whether it was refused as `token_invalid`, and not for want of keys.
fn is_invalid(result: &Result<Caller, Error>) -> bool {
    matches!(result, Err(Error::Token(TokenError::Invalid(_))))
}
