//! Who calls how much, without saying who: a keyed hash of the caller for the log.
//!
//! Off by default. The key is a secret of the deployment, so that a hash means nothing elsewhere, cannot be made
//! from a list of names by whoever reads the log, and is another one once the key is replaced and a warm-up has read
//! it.

use std::{sync::Arc, time::Duration};

use ring::hmac;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::{
    cache::{Backoff, CacheError, CachePolicy, CachedValue, Cooldown, LoadError, OnError, RefreshPolicy},
    pat::secrets_manager::{SecretError, SecretsManager},
};

/// A key of the hash's own size at least (RFC 2104, section 3).
const SHORTEST_KEY: usize = 32;

/// How much of the hash is told: enough to tell callers apart.
const BYTES: usize = 8;

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

/// Hashes callers with the key of this deployment.
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

    /// Reads the key if it is missing or has lived half of its time.
    ///
    /// # Errors
    ///
    /// A sentence that says why there is none.
    pub(crate) async fn prepare(&self) -> Result<(), String> {
        self.key.preload(|limit| self.read(limit)).await.map(drop).map_err(|error| match error {
            CacheError::LoadFailed(reason) => reason,
            CacheError::Canceled => "Secrets Manager did not answer in time".to_owned(),
        })
    }

    /// The hash of a caller: 16 hexadecimal digits. `None` while there is no key: no request waits for one, and none
    /// fails for want of it.
    pub(crate) fn of(&self, subject: &str) -> Option<String> {
        let tag = hmac::sign(&self.key.peek()?.value, subject.as_bytes());
        Some(tag.as_ref().iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect())
    }

    async fn read(&self, limit: Duration) -> Result<Arc<hmac::Key>, LoadError<String>> {
        let unavailable = |reason: &str| LoadError::Unavailable(reason.to_owned());
        match timeout(limit, self.secrets.read(&self.secret_id)).await {
            Ok(Ok(secret)) if secret.expose_secret().len() < SHORTEST_KEY => {
                Err(unavailable("the secret of CALLER_HASH_SECRET_ID has less than 32 bytes"))
            }
            Ok(Ok(secret)) => Ok(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret()))),
            Ok(Err(SecretError::NotFound)) => {
                Err(unavailable("there is no secret with the id of CALLER_HASH_SECRET_ID"))
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

    /// The expected one is Python's `hmac.new(32 * b"k", b"robin", "sha256").hexdigest()[:16]`.
    #[tokio::test]
    async fn a_caller_is_hashed_once_there_is_a_key() {
        let callers = with_key(&"k".repeat(SHORTEST_KEY)).await;
        assert_eq!(callers.of("robin"), None);
        assert_eq!(callers.prepare().await, Ok(()));
        assert_eq!(callers.of("robin").as_deref(), Some("20acc6e517e06d41"));
        assert_ne!(callers.of("Robin"), callers.of("robin"));
    }

    #[tokio::test]
    async fn a_key_that_is_too_short_is_refused() {
        let callers = with_key(&"k".repeat(SHORTEST_KEY - 1)).await;
        let reason = "the secret of CALLER_HASH_SECRET_ID has less than 32 bytes";
        assert_eq!(callers.prepare().await, Err(reason.to_owned()));
        assert_eq!(callers.of("robin"), None);
    }
}
