//! Who is calling: from the `Authorization` header to a [`Caller`].
//!
//! ```text
//! bearer        the header's credentials (RFC 6750)
//!   └▶ jws      the token's three parts and its header (RFC 7515)
//!       └▶ keys       the issuer's keys: fetched, kept, chosen (RFC 7517)
//!           └▶ verify     the signature (RFC 7518)
//!               └▶ claims     what the token says (RFC 7519)
//! ```

pub(crate) mod bearer;
pub(crate) mod claims;
pub(crate) mod issuer;
pub(crate) mod jwk;
pub(crate) mod jws;
mod key_source;
pub(crate) mod keys;
mod object;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

use lambda_http::http::HeaderMap;

use crate::{
    Error,
    auth::issuer::{Issuer, TokenRules},
    http::HttpClient,
    pat::secrets_manager::SecretsManager,
    telemetry::RequestMetrics,
};

pub(crate) use claims::Caller;
use keys::KeyStore;

/// Decides whether a request may pass.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: KeyStore,
    rules: TokenRules,
}

impl Authenticator {
    /// An authenticator for this issuer's tokens. Fetches nothing yet.
    pub(crate) fn new(issuer: Issuer, rules: TokenRules, http: HttpClient, secrets: SecretsManager) -> Self {
        verify::install();
        Self { keys: KeyStore::new(key_source::of_issuer(issuer, http, secrets)), rules }
    }

    /// Fetches the issuer's keys if they are missing or will soon be too old.
    ///
    /// # Errors
    ///
    /// A sentence that says why there are no fresh keys.
    pub(crate) async fn prepare(&self) -> Result<(), String> {
        self.keys.prepare().await
    }

    /// The caller that the `Authorization` header among a request's headers stands for.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is missing or refused, [`Error::KeysUnavailable`] if it could not
    /// be checked.
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
