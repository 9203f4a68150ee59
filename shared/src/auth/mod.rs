//! Authentication: from the `Authorization` header to a [`Caller`].
//!
//! ```text
//! bearer                  the header's credentials (RFC 6750)
//!   └▶ jws                the token's three parts and its header (RFC 7515)
//!       └▶ keys           the issuer's keys, cached
//!           └▶ verify     the signature (RFC 7518)
//!               └▶ claims     the claims (RFC 7519)
//! ```
//!
//! Keys come from the configured [`issuer`]: `discovery` fetches published ones, which `key_set` and `jwk` parse
//! (RFC 7517), and `shared_secret` reads a secret from Secrets Manager.
//!
//! Refused tokens are in `error`. Depends on `cache`, `http`, `telemetry`, `error` and, for secrets and their format, `pat`. Knows nothing of
//! Calendly.

pub(crate) mod bearer;
pub(crate) mod claims;
mod discovery;
mod error;
pub(crate) mod issuer;
pub(crate) mod jwk;
pub(crate) mod jws;
pub(crate) mod key_set;
pub(crate) mod keys;
mod shared_secret;
mod strict_object;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

use lambda_http::http::HeaderMap;

use crate::{Error, http::HttpClient, pat::secrets_manager::SecretsManager, telemetry::RequestMetrics};

pub(crate) use claims::Caller;
use discovery::PublishedKeys;
pub(crate) use error::TokenError;
use issuer::{Issuer, TokenRules};
use keys::{KeySource, KeyStore};
use shared_secret::SharedSecret;

/// Authenticates the callers of requests.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: KeyStore,
    rules: TokenRules,
}

impl Authenticator {
    /// Creates an authenticator for the issuer's tokens, without fetching any keys yet.
    pub(crate) fn new(issuer: Issuer, rules: TokenRules, http: HttpClient, secrets: SecretsManager) -> Self {
        verify::install_provider();
        Self { keys: KeyStore::new(key_source(issuer, http, secrets)), rules }
    }

    /// Fetches the issuer's keys if none are cached or half of their time to live has passed.
    ///
    /// # Errors
    ///
    /// A sentence that says why the fetch failed.
    pub(crate) async fn preload(&self) -> Result<(), String> {
        self.keys.preload().await
    }

    /// Authenticates the bearer token in a request's headers.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is missing or refused, [`Error::KeysUnavailable`] if the keys to verify it
    /// are missing.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
        metrics: &RequestMetrics,
    ) -> Result<Caller, Error> {
        let token = bearer::token(headers)?;
        let jws = jws::CompactJws::parse(token)?;
        self.keys.verify(&jws, metrics).await?;
        Ok(claims::check(&jws, &self.rules, chrono::Utc::now().timestamp())?)
    }
}

/// The source of an issuer's keys.
fn key_source(issuer: Issuer, http: HttpClient, secrets: SecretsManager) -> Box<dyn KeySource> {
    match issuer {
        Issuer::PublishedKeys { issuer, jwks_url } => Box::new(PublishedKeys { issuer, jwks_url, http }),
        Issuer::SharedSecret { secret_id } => Box::new(SharedSecret { secret_id, secrets }),
    }
}
