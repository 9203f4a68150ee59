//! A keyed hash of the caller for the log. It distinguishes callers without naming them.
//!
//! Off by default. The key is a secret of the deployment: readers of the log cannot compute hashes from a list of
//! names, and hashes of two deployments differ. A replaced key takes effect in new environments, and in others at the
//! first warm-up after half of the key's time to live.

use std::{sync::Arc, time::Duration};

use ring::hmac;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::{
    cache::{
        Backoff, CacheError, CachePolicy, CachedValue, Cooldown, LoadError, Loaded, OnError, RefreshPolicy,
    },
    pat::secrets_manager::{SecretError, SecretsManager},
};

/// The shortest accepted key: the size of the hash (RFC 2104, section 3).
const MIN_KEY_BYTES: usize = 32;

/// The bytes of the logged hash: enough to distinguish callers.
const HASH_BYTES: usize = 8;

const POLICY: CachePolicy = CachePolicy {
    ttl: Duration::from_hours(1),
    load_timeout: Duration::from_secs(3),
    on_error: OnError::ServeStale {
        backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
        load_timeout: Duration::from_secs(1),
        backoff_without_value: true,
    },
    refresh: RefreshPolicy {
        load_timeout: Duration::from_secs(1),
        cooldown: Cooldown::Fixed(Duration::from_secs(60)),
    },
};

/// Hashes callers with the key of the deployment.
#[derive(Debug)]
pub(crate) struct CallerHash {
    secret_id: String,
    secrets: SecretsManager,
    key: CachedValue<hmac::Key, String>,
}

impl CallerHash {
    pub(crate) fn new(secret_id: String, secrets: SecretsManager) -> Self {
        Self { secret_id, secrets, key: CachedValue::new(POLICY) }
    }

    /// Reads the key if it is missing or past half of its time to live.
    ///
    /// # Errors
    ///
    /// A sentence that says why there is none.
    pub(crate) async fn preload(&self) -> Result<(), String> {
        self.key.preload(|limit| self.read(limit)).await.map(drop).map_err(|error| match error {
            CacheError::LoadFailed(reason) => reason,
            CacheError::Canceled => "Secrets Manager did not answer in time".to_owned(),
        })
    }

    /// The hash of a caller: 16 hexadecimal digits. `None` without a key: requests neither wait for it nor fail.
    pub(crate) fn hash(&self, subject: &str) -> Option<String> {
        let tag = hmac::sign(&self.key.peek()?.value, subject.as_bytes());
        Some(tag.as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }

    async fn read(&self, limit: Duration) -> Result<Loaded<hmac::Key>, LoadError<String>> {
        let unavailable = |reason: &str| LoadError::Unavailable(reason.to_owned());
        match timeout(limit, self.secrets.read(&self.secret_id)).await {
            Ok(Ok(secret)) if secret.expose_secret().len() < MIN_KEY_BYTES => {
                Err(unavailable("the secret of CALLER_HASH_SECRET_ID has fewer than 32 bytes"))
            }
            Ok(Ok(secret)) => Ok(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret())).into()),
            Ok(Err(SecretError::NotFound)) => {
                Err(unavailable("CALLER_HASH_SECRET_ID names a secret that does not exist"))
            }
            Ok(Err(SecretError::Unavailable(reason))) => Err(LoadError::Unavailable(reason)),
            Err(_) => Err(unavailable("Secrets Manager did not answer in time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pat::secrets_manager::stand_in;

    async fn with_key(key: &str) -> CallerHash {
        CallerHash::new("hash".to_owned(), stand_in::holding(key).await)
    }

    /// The expected value is Python's `hmac.new(32 * b"k", b"robin", "sha256").hexdigest()[:16]`.
    #[tokio::test]
    async fn callers_are_hashed_with_the_key() {
        let callers = with_key(&"k".repeat(MIN_KEY_BYTES)).await;
        assert_eq!(callers.hash("robin"), None);
        assert_eq!(callers.preload().await, Ok(()));
        assert_eq!(callers.hash("robin").as_deref(), Some("20acc6e517e06d41"));
        assert_ne!(callers.hash("Robin"), callers.hash("robin"));
    }

    #[tokio::test]
    async fn a_short_key_is_refused() {
        let callers = with_key(&"k".repeat(MIN_KEY_BYTES - 1)).await;
        let reason = "the secret of CALLER_HASH_SECRET_ID has fewer than 32 bytes";
        assert_eq!(callers.preload().await, Err(reason.to_owned()));
        assert_eq!(callers.hash("robin"), None);
    }
}
