//! Authentication from the header to the caller, with tokens of another implementation.

mod algorithms;
pub(super) mod fake_issuer;
mod key_confusion;
pub(super) mod signing_key;

use std::{sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use lambda_http::http::{HeaderMap, header::AUTHORIZATION};

use super::{
    Authenticator, Caller, TokenError,
    issuer::{Issuer, TokenRules},
    key_source,
    keys::KeyStore,
    verify,
};
use crate::{
    Error,
    http::{HttpClient, Tls},
    pat::secrets_manager::stand_in,
    telemetry::RequestMetrics,
};
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

#[tokio::test]
async fn each_source_supports_its_own_algorithms() {
    let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
    let secrets = stand_in::holding("").await;
    let published = Issuer::PublishedKeys { issuer: "https://issuer.example".to_owned(), jwks_url: None };
    let published = key_source(published, http.clone(), secrets.clone());
    let shared = key_source(Issuer::SharedSecret { secret_id: "jwt".to_owned() }, http, secrets);
    for (algorithm, is_public_key) in [
        (Algorithm::HS256, false),
        (Algorithm::HS384, false),
        (Algorithm::HS512, false),
        (Algorithm::RS256, true),
        (Algorithm::PS512, true),
        (Algorithm::ES384, true),
        (Algorithm::EdDSA, true),
    ] {
        assert_eq!(published.supports(algorithm), is_public_key, "{algorithm:?}");
        assert_eq!(shared.supports(algorithm), !is_public_key, "{algorithm:?}");
    }
    assert_eq!((published.ttl(), shared.ttl()), (Duration::from_hours(1), Duration::from_mins(5)));
}
