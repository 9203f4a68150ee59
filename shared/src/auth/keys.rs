//! The issuer's keys, and what they say to a token.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    jwk::{Choice, KeySet},
    jws::CompactJws,
    key_source::KeySource,
    verify::is_signed_by,
};
use crate::{
    Error,
    cache::{
        Backoff, CacheError, CachePolicy, CacheStatus, CachedValue, Cooldown, LoadError, OnError,
        RefreshPolicy,
    },
    error::TokenError,
    telemetry::{self, RequestMetrics, Stage},
};

#[cfg(test)]
mod tests;

/// How long one fetch may take, discovery included.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// While the issuer is down the old keys go on serving; without any, a second failure in a row puts requests off.
const ON_ERROR: OnError = OnError::ServeStale {
    backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
    load_timeout: Duration::from_secs(2),
    backoff_without_value: true,
};

/// A token that no kept key verifies makes the keys be fetched again at most this often, whether that
/// succeeds or not, so that made-up tokens do not become calls to the issuer.
const COOL_DOWN: Duration = Duration::from_secs(10);

const UNKNOWN_KEY: TokenError = TokenError::Invalid("The token is not signed with a key of the issuer.");

/// The issuer's keys.
#[derive(Debug)]
pub(crate) struct KeyStore {
    source: Box<dyn KeySource>,
    keys: CachedValue<KeySet, String>,
}

/// What the kept keys say to a token.
pub(crate) enum Verdict {
    Signed,
    /// There is no key for it; newer keys might have one.
    Unknown,
    /// The key that fits it, and that it does not name, did not sign it; a newer one might have.
    Unsigned,
    Refused(TokenError),
}

impl KeyStore {
    pub(super) fn new(source: Box<dyn KeySource>) -> Self {
        let refresh = RefreshPolicy { load_timeout: TIMEOUT, cooldown: Cooldown::Fixed(COOL_DOWN) };
        let rules = CachePolicy { ttl: source.ttl(), load_timeout: TIMEOUT, on_error: ON_ERROR, refresh };
        Self { source, keys: CachedValue::new(rules) }
    }

    /// Fetches keys if there are none or they have lived half of their time.
    ///
    /// # Errors
    ///
    /// A sentence that says why.
    pub(crate) async fn prepare(&self) -> Result<(), String> {
        self.keys.preload(|limit| self.fetch(limit)).await.map(drop).map_err(reason)
    }

    /// Whether a key of the issuer signed the token.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if none did, [`Error::KeysUnavailable`] if that cannot be told.
    pub(crate) async fn verify(&self, jws: &CompactJws<'_>, metrics: &RequestMetrics) -> Result<(), Error> {
        if !self.source.is_for(jws.algorithm) {
            return Err(TokenError::Invalid("The token's alg is not accepted.").into());
        }
        metrics.enter(Stage::Keys);
        let served = self.keys.get(|limit| self.fetch(limit)).await;
        metrics.cache_hit("keys", served.as_ref().is_ok_and(|served| served.status == CacheStatus::Hit));
        let served = served.map_err(unavailable)?;
        match verdict(&served.value, jws) {
            Verdict::Signed => Ok(()),
            Verdict::Refused(error) => Err(error.into()),
            // They came while this token waited: there is nothing newer.
            Verdict::Unknown | Verdict::Unsigned if served.status.is_new() => Err(UNKNOWN_KEY.into()),
            Verdict::Unknown => self.verify_with_newer_keys(jws, &served.value, unavailable).await,
            // Without newer keys the one that fits has the last word.
            Verdict::Unsigned => {
                self.verify_with_newer_keys(jws, &served.value, |_| UNKNOWN_KEY.into()).await
            }
        }
    }

    /// For a token that none of the keys in `seen` verified.
    async fn verify_with_newer_keys(
        &self,
        jws: &CompactJws<'_>,
        seen: &Arc<KeySet>,
        without: impl Fn(CacheError<String>) -> Error,
    ) -> Result<(), Error> {
        let newer = self.keys.refresh(seen, |limit| self.fetch(limit)).await.map_err(without)?;
        match newer.map_or(Verdict::Unknown, |newer| verdict(&newer, jws)) {
            Verdict::Signed => Ok(()),
            Verdict::Refused(error) => Err(error.into()),
            Verdict::Unknown | Verdict::Unsigned => Err(UNKNOWN_KEY.into()),
        }
    }

    async fn fetch(&self, limit: Duration) -> Result<Arc<KeySet>, LoadError<String>> {
        let fetched = timeout(limit, self.source.fetch())
            .await
            .unwrap_or_else(|_| Err("the issuer did not answer in time".to_owned()));
        fetched.map(Arc::new).map_err(|reason| {
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
        CacheError::Canceled => {
            "the issuer did not answer before an earlier request's time ran out".to_owned()
        }
    }
}

pub(crate) fn verdict(keys: &KeySet, jws: &CompactJws<'_>) -> Verdict {
    match keys.choose(jws) {
        Choice::Key(key) if is_signed_by(jws, &key.key) => Verdict::Signed,
        // The key that the token names is at hand, so its signature is simply wrong. A key that it does not
        // name may have been replaced, as a shared secret is when it is rotated.
        Choice::Key(key) if jws.key_id.is_some() && key.key_id == jws.key_id => Verdict::Refused(UNKNOWN_KEY),
        Choice::Key(_) => Verdict::Unsigned,
        Choice::Unknown => Verdict::Unknown,
        Choice::Ambiguous => Verdict::Refused(TokenError::Invalid(
            "The token does not say which of several keys of the issuer signed it.",
        )),
    }
}
