//! Reads a signing secret that the issuer shares in Secrets Manager.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use secrecy::ExposeSecret;

use super::{key_set::KeySet, keys::KeySource};
use crate::{
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

/// A shared secret in Secrets Manager.
#[derive(Debug)]
pub(super) struct SharedSecret {
    /// The name or ARN of the secret.
    pub(super) secret_id: String,
    pub(super) secrets: SecretsManager,
}

impl KeySource for SharedSecret {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            match self.secrets.read(&self.secret_id).await {
                Ok(secret) => shared_secret(secret.expose_secret()),
                Err(SecretError::NotFound) => {
                    Err("JWT_SECRET_ID names a secret that does not exist".to_owned())
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

/// Converts a shared secret to a key. Its bytes are used unchanged.
fn shared_secret(secret: &[u8]) -> Result<KeySet, String> {
    let fault = FormatFault::around(secret).map(|fault| format!(" and {fault}")).unwrap_or_default();
    if secret.len() < MIN_SECRET_BYTES {
        return Err(format!(
            "the secret of JWT_SECRET_ID has {} bytes{fault}: use at least {MIN_SECRET_BYTES}",
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

    #[test]
    fn shared_secret_has_at_least_32_bytes() {
        for (short, expected) in [
            ("s".repeat(31), "the secret of JWT_SECRET_ID has 31 bytes: use at least 32"),
            (
                r#"{"secret":"short"}"#.to_owned(),
                "the secret of JWT_SECRET_ID has 18 bytes and is JSON: use at least 32",
            ),
        ] {
            assert_eq!(shared_secret(short.as_bytes()).unwrap_err(), expected);
        }
        for length in [32, 33, 64] {
            assert!(shared_secret("s".repeat(length).as_bytes()).is_ok(), "{length}");
        }
    }
}
