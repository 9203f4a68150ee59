//! Who is calling: from the `Authorization` header to a [`Caller`].
//!
//! ```text
//! bearer        the header's credentials (RFC 6750)
//!   └▶ jws      the token's three parts and its header (RFC 7515)
//!       └▶ keys       the issuer's keys: fetched, kept, chosen (RFC 7517)
//!           └▶ verify     the signature (RFC 7518)
//!               └▶ claims     what the token says (RFC 7519)
//! ```

mod bearer;
pub mod bench;
mod claims;
mod jwk;
mod jws;
mod key_source;
mod keys;
mod object;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
mod verify;

use crate::{Error, config::Config, secrets::Secrets, telemetry::Record};

pub(crate) use claims::Caller;
use claims::Rules;
use key_source::KeySource;
use keys::KeyStore;

/// Decides whether a request may pass.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: KeyStore,
    rules: Rules,
}

impl Authenticator {
    /// An authenticator for the configured issuer. Fetches nothing yet.
    pub(crate) fn new(config: &Config, http: reqwest::Client, secrets: Secrets) -> Self {
        verify::install();
        Self { keys: KeyStore::new(KeySource::new(&config.issuer, http, secrets)), rules: Rules::new(config) }
    }

    /// Fetches the issuer's keys if they are missing or will soon be too old.
    ///
    /// # Errors
    ///
    /// A sentence that says why there are no fresh keys.
    pub(crate) async fn prepare(&self) -> Result<(), String> {
        self.keys.prepare().await
    }

    /// The caller that the values of the request's `Authorization` headers stand for.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is missing or refused, [`Error::KeysUnavailable`] if it could not
    /// be checked.
    pub(crate) async fn authenticate(
        &self,
        authorization: &[&str],
        record: &Record,
    ) -> Result<Caller, Error> {
        let token = bearer::token(authorization)?;
        let jws = jws::CompactJws::parse(token)?;
        self.keys.verify(&jws, record).await?;
        Ok(self.rules.check(&jws, chrono::Utc::now().timestamp())?)
    }
}
