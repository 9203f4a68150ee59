//! The cache of PATs: one entry per secret, read from Secrets Manager and served stale while it is down.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{
    Pat, SecretNameTemplate, StoredPat,
    secrets_manager::{SecretError, SecretsManager},
};
use crate::{
    Error,
    cache::{
        Backoff, CacheError, CachePolicy, CacheStatus, CachedValue, Cooldown, LoadError, Loaded, Lookup,
        LruMap, OnError, RefreshPolicy, remote::ItemMac,
    },
    calendly::{rate_limit::RateLimit, uri::UserUri},
    telemetry::{self, RequestMetrics, Stage},
};

/// Time limit of a read without a cached PAT. The Secrets Manager client has its own, shorter limit.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit of a read while a cached PAT can be served instead.
const TIMEOUT_WITH_STALE: Duration = Duration::from_secs(1);

/// While Secrets Manager is down, an expired PAT stays in use. Without any, there is no backoff, so that a repaired
/// secret takes effect at once.
const ON_ERROR: OnError = OnError::ServeStale {
    backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(10)),
    load_timeout: TIMEOUT_WITH_STALE,
    backoff_without_value: false,
};

/// A PAT that Calendly refuses is read again. After two reads that return the same PAT, reads pause for 1 s, then
/// twice as long each time, up to 30 s: a revoked PAT must not cost a read per request.
const REFRESH: RefreshPolicy = RefreshPolicy {
    load_timeout: TIMEOUT_WITH_STALE,
    cooldown: Cooldown::WhileUnchanged(Backoff::new(Duration::from_secs(1), Duration::from_secs(30))),
};

/// Identifies a PAT within this process. Data that Calendly returned for one PAT is never used with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatId(u64);

/// A PAT in use, with the state that belongs to it.
#[derive(Debug)]
pub(crate) struct LoadedPat {
    pub(crate) id: PatId,
    /// The remaining quota of its user.
    pub(crate) rate_limit: RateLimit,
    stored: StoredPat,
    item_mac: OnceLock<ItemMac>,
}

impl LoadedPat {
    pub(crate) fn new(stored: StoredPat) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let id = PatId(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        Self { id, rate_limit: RateLimit::default(), stored, item_mac: OnceLock::new() }
    }

    pub(crate) fn pat(&self) -> &Pat {
        &self.stored.pat
    }

    /// The URI of its user, if the secret has it.
    pub(crate) fn user(&self) -> Option<&Arc<UserUri>> {
        self.stored.user.as_ref()
    }

    /// The MAC that binds items of the shared cache to this PAT.
    pub(crate) fn item_mac(&self) -> &ItemMac {
        self.item_mac.get_or_init(|| ItemMac::new(self.pat()))
    }
}

/// Provides the PATs of all callers.
#[derive(Debug)]
pub(crate) struct PatProvider {
    template: SecretNameTemplate,
    secrets: SecretsManager,
    cache: LruMap<String, LoadedPat, Error>,
}

impl PatProvider {
    /// Creates a provider that caches each PAT for `ttl`, without reading any yet.
    pub(crate) fn new(template: SecretNameTemplate, secrets: SecretsManager, ttl: Duration) -> Self {
        let policy = CachePolicy { ttl, load_timeout: TIMEOUT, on_error: ON_ERROR, refresh: REFRESH };
        Self { template, secrets, cache: LruMap::new(policy) }
    }

    /// Reads the shared PAT if it is not cached or half of its time to live has passed. Returns `None` if each caller
    /// has a separate PAT.
    pub(crate) async fn preload(&self, metrics: &RequestMetrics) -> Result<Option<Arc<LoadedPat>>, Error> {
        let Some(secret_id) = self.template.shared() else { return Ok(None) };
        let cached = self.cache.entry(&secret_id.to_owned());
        let preloaded = cached.preload(|limit| self.read(&cached, secret_id, limit)).await;
        record_lookup(&preloaded, metrics);
        // A cached PAT is still usable if the early refresh fails.
        pat(preloaded.or_else(|error| cached.peek().ok_or(error)), metrics).map(Some)
    }

    /// Returns the PAT of the caller whose string claims `claim` looks up.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if there is none, [`Error::SecretsUnavailable`] if Secrets Manager does not answer and
    /// none is cached.
    pub(crate) async fn get<'a>(
        &self,
        claim: impl Fn(&str) -> Option<&'a str>,
        metrics: &RequestMetrics,
    ) -> Result<Arc<LoadedPat>, Error> {
        metrics.enter(Stage::Pat);
        let secret_id = self.template.fill(claim)?;
        let cached = self.cache.entry(&secret_id);
        let lookup = cached.get(|limit| self.read(&cached, &secret_id, limit)).await;
        record_lookup(&lookup, metrics);
        pat(lookup, metrics)
    }

    /// Reads the caller's secret again after Calendly refused the PAT `refused`. Returns `None` if the secret holds the
    /// same PAT or could not be read.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if the secret no longer holds a PAT.
    pub(crate) async fn refresh<'a>(
        &self,
        claim: impl Fn(&str) -> Option<&'a str>,
        refused: &Arc<LoadedPat>,
        metrics: &RequestMetrics,
    ) -> Result<Option<Arc<LoadedPat>>, Error> {
        metrics.enter(Stage::Pat);
        let secret_id = self.template.fill(claim)?;
        let cached = self.cache.entry(&secret_id);
        match cached.refresh(refused, |limit| self.read(&cached, &secret_id, limit)).await {
            Ok(newer) => Ok(newer),
            Err(CacheError::LoadFailed(error @ Error::PatMissing(_))) => Err(error),
            Err(CacheError::LoadFailed(_) | CacheError::Canceled) => Ok(None),
        }
    }

    /// Reads the secret. An unchanged PAT keeps its [`LoadedPat`], and so its id and rate limit.
    async fn read(
        &self,
        cached: &CachedValue<LoadedPat, Error>,
        secret_id: &str,
        limit: Duration,
    ) -> Result<Loaded<LoadedPat>, LoadError<Error>> {
        let secret = match timeout(limit, self.secrets.read(secret_id)).await {
            Ok(Ok(secret)) => secret,
            Ok(Err(SecretError::NotFound)) => {
                return Err(LoadError::NotFound(Error::PatMissing(
                    "No Calendly token is stored for this caller.",
                )));
            }
            Ok(Err(SecretError::Unavailable(reason))) => return Err(unavailable(reason)),
            Err(_) => return Err(unavailable("Secrets Manager did not answer in time".to_owned())),
        };
        let secret = secret.expose_secret();
        let stored = StoredPat::from_secret(secret)
            .ok_or_else(|| LoadError::NotFound(Error::PatMissing(StoredPat::explain_missing(secret))))?;
        let unchanged = cached.peek().map(|cached| cached.value).filter(|pat| pat.stored == stored);
        Ok(unchanged.unwrap_or_else(|| Arc::new(LoadedPat::new(stored))).into())
    }
}

fn unavailable(reason: String) -> LoadError<Error> {
    telemetry::warn("the secret of the Calendly token could not be read", &reason);
    LoadError::Unavailable(Error::SecretsUnavailable { reason: reason.into() })
}

fn record_lookup(lookup: &Result<Lookup<LoadedPat>, CacheError<Error>>, metrics: &RequestMetrics) {
    metrics.cache_hit("pat", lookup.as_ref().is_ok_and(|lookup| lookup.status == CacheStatus::Hit));
}

/// The PAT that a lookup found. Counts a stale one.
fn pat(
    lookup: Result<Lookup<LoadedPat>, CacheError<Error>>,
    metrics: &RequestMetrics,
) -> Result<Arc<LoadedPat>, Error> {
    match lookup {
        Ok(lookup) => {
            if lookup.status == CacheStatus::Stale {
                metrics.pat_was_stale();
            }
            Ok(lookup.value)
        }
        Err(CacheError::LoadFailed(error)) => Err(error),
        Err(CacheError::Canceled) => Err(Error::SecretsUnavailable {
            reason: "Secrets Manager did not answer before an earlier request's time ran out".into(),
        }),
    }
}
