//! Token issuers, and the source of their keys.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use secrecy::ExposeSecret;
use url::Url;

use super::{discovery::PublishedKeys, key_set::KeySet};
use crate::{
    http::HttpClient,
    pat::{
        FormatFault,
        secrets_manager::{SecretError, SecretsManager},
    },
    telemetry,
};

/// Time to live of a shared secret. It bounds how long a replaced secret is accepted.
const SHARED_SECRET_TTL: Duration = Duration::from_mins(5);

/// The minimum size of a shared secret: that of the shortest hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The issuer of the accepted tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// An issuer that publishes its keys as a JWK Set (RFC 7517).
    PublishedKeys {
        /// The expected `iss`.
        issuer: String,
        /// The URL of the JWK Set; `None` to look it up with OpenID Connect Discovery.
        jwks_url: Option<Url>,
    },
    /// An issuer that shares a secret in Secrets Manager.
    SharedSecret {
        /// The name or ARN of the secret.
        secret_id: String,
    },
}

/// A source of verification keys. It does not cache.
pub(super) trait KeySource: fmt::Debug + Send + Sync {
    /// Fetches the issuer's current keys.
    ///
    /// # Errors
    ///
    /// A sentence for the log.
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>>;

    /// Whether keys of this source can verify the algorithm. A public key must not serve as an HMAC secret
    /// (RFC 8725, section 2.1).
    fn supports(&self, algorithm: Algorithm) -> bool;

    /// Time to live of fetched keys.
    fn ttl(&self) -> Duration;
}

/// A shared secret in Secrets Manager.
#[derive(Debug)]
struct SharedSecret {
    secret_id: String,
    secrets: SecretsManager,
}

impl Issuer {
    /// The expected `iss`; `None` with a shared secret, which identifies its issuer by itself.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::PublishedKeys { issuer, .. } => Some(issuer),
            Self::SharedSecret { .. } => None,
        }
    }

    /// The source of this issuer's keys.
    pub(super) fn into_key_source(self, http: HttpClient, secrets: SecretsManager) -> Box<dyn KeySource> {
        match self {
            Self::PublishedKeys { issuer, jwks_url } => Box::new(PublishedKeys { issuer, jwks_url, http }),
            Self::SharedSecret { secret_id } => Box::new(SharedSecret { secret_id, secrets }),
        }
    }
}

impl KeySource for SharedSecret {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            match self.secrets.read(&self.secret_id).await {
                Ok(secret) => shared_secret(secret.expose_secret()),
                Err(SecretError::NotFound) => {
                    Err("there is no secret with the id of JWT_SECRET_ID".to_owned())
                }
                Err(SecretError::Unavailable(reason)) => Err(reason),
            }
        })
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm.family() == AlgorithmFamily::Hmac
    }

    fn ttl(&self) -> Duration {
        SHARED_SECRET_TTL
    }
}

/// Makes a key of a shared secret, which is used byte for byte.
fn shared_secret(secret: &[u8]) -> Result<KeySet, String> {
    let fault = FormatFault::around(secret).map(|fault| format!(" and {fault}")).unwrap_or_default();
    if secret.len() < MIN_SECRET_BYTES {
        return Err(format!(
            "the secret of JWT_SECRET_ID has {} bytes{fault}; at least {MIN_SECRET_BYTES} are needed",
            secret.len()
        ));
    }
    if !fault.is_empty() {
        telemetry::warn(
            "the signing secret may differ from the one that the issuer uses",
            &format!("the secret of JWT_SECRET_ID is used byte for byte{fault}"),
        );
    }
    Ok(KeySet::from_shared_secret(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::Tls, pat::secrets_manager::stand_in};

    #[tokio::test]
    async fn shared_secret_has_at_least_32_bytes() {
        let fetch = async |secret: &str| {
            let secrets = stand_in::holding(secret).await;
            SharedSecret { secret_id: "jwt".to_owned(), secrets }.fetch().await.map(drop)
        };
        assert_eq!(
            fetch(&"s".repeat(31)).await,
            Err("the secret of JWT_SECRET_ID has 31 bytes; at least 32 are needed".to_owned())
        );
        assert_eq!(
            fetch(r#"{"secret":"short"}"#).await,
            Err("the secret of JWT_SECRET_ID has 18 bytes and is JSON; at least 32 are needed".to_owned())
        );
        for length in [32, 33, 64] {
            assert_eq!(fetch(&"s".repeat(length)).await, Ok(()), "{length}");
        }
    }

    #[tokio::test]
    async fn each_source_supports_its_own_algorithms() {
        let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        let secrets = stand_in::holding("").await;
        let published = Issuer::PublishedKeys { issuer: "https://issuer.example".to_owned(), jwks_url: None };
        let published = published.into_key_source(http.clone(), secrets.clone());
        let shared = Issuer::SharedSecret { secret_id: "jwt".to_owned() }.into_key_source(http, secrets);
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
}
