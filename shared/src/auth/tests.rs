//! Authentication from the header to the caller, with tokens of another implementation.

mod algorithms;
pub(super) mod fake_issuer;
mod key_confusion;

use std::sync::Arc;

use lambda_http::http::{HeaderMap, header::AUTHORIZATION};

use super::{Authenticator, Caller, claims::TokenRules, keys::KeyStore, verify};
use crate::{Error, error::TokenError, telemetry::RequestMetrics};
use fake_issuer::{Answer, FakeIssuer};

/// An authenticator for one audience, with a scripted issuer.
fn authenticator(issuer: Option<&str>, audience: &str, answer: Answer) -> Authenticator {
    verify::install_provider();
    Authenticator {
        keys: KeyStore::new(Box::new(Arc::new(FakeIssuer::new([answer])))),
        rules: TokenRules {
            issuer: issuer.map(str::to_owned),
            audiences: vec![audience.to_owned()],
            required_scope: None,
        },
    }
}

async fn authenticate(authenticator: &Authenticator, token: &str) -> Result<Caller, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").try_into().unwrap());
    authenticator.authenticate(&headers, &RequestMetrics::default()).await
}

/// Whether the token was refused as `token_invalid`.
fn is_invalid(result: &Result<Caller, Error>) -> bool {
    matches!(result, Err(Error::Token(TokenError::Invalid(_))))
}
