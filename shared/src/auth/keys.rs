//! The cache of the issuer's keys, and the verification of tokens with them.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use jsonwebtoken::Algorithm;
use tokio::time::timeout;

use super::{
    TokenError,
    jws::CompactJws,
    key_set::{Candidates, KeySet},
    verify::has_valid_signature,
};
use crate::{
    Error,
    cache::{
        Backoff, CacheError, CachePolicy, CacheStatus, CachedValue, Cooldown, LoadError, Loaded, OnError,
        RefreshPolicy,
    },
    telemetry::{self, RequestMetrics, Stage},
};

#[cfg(test)]
mod tests;

/// Time limit of one fetch, including discovery.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// While the issuer is down, cached keys stay in use. Without any, the second failure in a row starts a backoff.
const ON_ERROR: OnError = OnError::ServeStale {
    backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
    load_timeout: Duration::from_secs(2),
    backoff_without_value: true,
};

/// Minimum interval between fetches that unknown keys trigger, so that forged tokens do not become calls to the
/// issuer.
const COOLDOWN: Duration = Duration::from_secs(10);

const UNKNOWN_KEY: TokenError = TokenError::Invalid("The token is not signed with a key of the issuer.");

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

/// Verifies tokens with the issuer's keys, which it caches.
#[derive(Debug)]
pub(crate) struct KeyStore {
    source: Box<dyn KeySource>,
    keys: CachedValue<KeySet, String>,
}

/// The result of verifying a token with a set of keys.
pub(crate) enum Verification {
    /// The signature is valid.
    Valid,
    /// No key fits the token; newer keys may include it.
    NoKey,
    /// The only key that fits did not sign the token, and the token does not name it. It may have been replaced, for
    /// example by rotation of a shared secret.
    Mismatch,
    /// The token is invalid with any keys.
    Invalid(TokenError),
}

impl KeyStore {
    pub(super) fn new(source: Box<dyn KeySource>) -> Self {
        let refresh = RefreshPolicy { load_timeout: TIMEOUT, cooldown: Cooldown::Fixed(COOLDOWN) };
        let policy = CachePolicy { ttl: source.ttl(), load_timeout: TIMEOUT, on_error: ON_ERROR, refresh };
        Self { source, keys: CachedValue::new(policy) }
    }

    /// Fetches the keys if none are cached or half of their time to live has passed.
    ///
    /// # Errors
    ///
    /// A sentence that says why the fetch failed.
    pub(crate) async fn preload(&self) -> Result<(), String> {
        self.keys.preload(|limit| self.fetch(limit)).await.map(drop).map_err(reason)
    }

    /// Verifies that a key of the issuer signed the token.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if none did, [`Error::KeysUnavailable`] if the keys needed to decide are missing.
    pub(crate) async fn verify(&self, jws: &CompactJws<'_>, metrics: &RequestMetrics) -> Result<(), Error> {
        if !self.source.supports(jws.algorithm) {
            return Err(TokenError::Invalid("The token's alg is not accepted.").into());
        }
        metrics.enter(Stage::Keys);
        let served = self.keys.get(|limit| self.fetch(limit)).await;
        metrics.cache_hit("keys", served.as_ref().is_ok_and(|served| served.status == CacheStatus::Hit));
        let served = served.map_err(unavailable)?;
        match verify_with(&served.value, jws) {
            Verification::Valid => Ok(()),
            Verification::Invalid(error) => Err(error.into()),
            // The keys were fetched for this request, so no newer ones exist.
            Verification::NoKey | Verification::Mismatch if served.status.is_new() => Err(UNKNOWN_KEY.into()),
            Verification::NoKey => self.verify_with_newer_keys(jws, &served.value, unavailable).await,
            // If the fetch fails, the cached key decides.
            Verification::Mismatch => {
                self.verify_with_newer_keys(jws, &served.value, |_| UNKNOWN_KEY.into()).await
            }
        }
    }

    /// Verifies a token with newer keys than `seen`; `on_failure` maps an error of the fetch.
    async fn verify_with_newer_keys(
        &self,
        jws: &CompactJws<'_>,
        seen: &Arc<KeySet>,
        on_failure: impl Fn(CacheError<String>) -> Error,
    ) -> Result<(), Error> {
        let newer = self.keys.refresh(seen, |limit| self.fetch(limit)).await.map_err(on_failure)?;
        match newer.map_or(Verification::NoKey, |newer| verify_with(&newer, jws)) {
            Verification::Valid => Ok(()),
            Verification::Invalid(error) => Err(error.into()),
            Verification::NoKey | Verification::Mismatch => Err(UNKNOWN_KEY.into()),
        }
    }

    async fn fetch(&self, limit: Duration) -> Result<Loaded<KeySet>, LoadError<String>> {
        let fetched = timeout(limit, self.source.fetch())
            .await
            .unwrap_or_else(|_| Err("the fetch timed out".to_owned()));
        fetched.map(|keys| Arc::new(keys).into()).map_err(|reason| {
            telemetry::warn("the token issuer's keys could not be fetched", &reason);
            LoadError::Unavailable(reason)
        })
    }
}

fn unavailable(error: CacheError<String>) -> Error {
    Error::KeysUnavailable { reason: reason(error).into() }
}

fn reason(error: CacheError<String>) -> String {
    match error {
        CacheError::LoadFailed(reason) => reason,
        CacheError::Canceled => "the fetch ended with the deadline of the request that started it".to_owned(),
    }
}

/// Verifies a token with a set of keys.
pub(crate) fn verify_with(keys: &KeySet, jws: &CompactJws<'_>) -> Verification {
    match keys.candidates(jws) {
        Candidates::Named(keys) if keys.iter().any(|key| has_valid_signature(jws, &key.key)) => {
            Verification::Valid
        }
        // The issuer still publishes the named keys, so the signature is wrong.
        Candidates::Named(_) => Verification::Invalid(UNKNOWN_KEY),
        Candidates::Unnamed(key) if has_valid_signature(jws, &key.key) => Verification::Valid,
        Candidates::Unnamed(_) => Verification::Mismatch,
        Candidates::None => Verification::NoKey,
        Candidates::Ambiguous => Verification::Invalid(TokenError::Invalid(
            "The token does not name its key, and several keys of the issuer fit it.",
        )),
    }
}
