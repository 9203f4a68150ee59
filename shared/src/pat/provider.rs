//! The PATs that are in use: read from Secrets Manager, kept for a while, served stale while Secrets Manager is
//! down, and never one caller's for another.

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
        CacheError, CachePolicy, CacheStatus, CachedValue, Cooldown, LoadError, Lookup, LruMap, OnError,
        RefreshPolicy, remote::ItemMac,
    },
    calendly::{rate_limit::RateLimit, uri::UserUri},
    telemetry::{self, RequestMetrics, Stage},
};

/// How long Secrets Manager may take. Its client has a shorter limit of its own.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take where there is something to answer without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A PAT that is too old serves while Secrets Manager is down. Without any, every request asks: what was put
/// right is to be noticed at once.
const ON_ERROR: OnError = OnError::ServeStale {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(10),
    timeout: PATIENCE,
    also_without_value: false,
};

/// A PAT that Calendly refuses is read again. When that has been in vain twice it is not for a second, then for
/// twice as long, and so on: a revoked PAT must not become a call to Secrets Manager for every request, and
/// one that was just replaced must be found.
const REFRESH: RefreshPolicy = RefreshPolicy {
    timeout: PATIENCE,
    cooldown: Cooldown::WhileUnchanged { first: Duration::from_secs(1), longest: Duration::from_secs(30) },
};

/// Which PAT of this process: what was learnt with one is never used with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PatId(u64);

/// A PAT that was read.
#[derive(Debug)]
pub(crate) struct LoadedPat {
    pub(crate) id: PatId,
    /// What is left of the calls of its user.
    pub(crate) rate_limit: RateLimit,
    stored: StoredPat,
    seal: OnceLock<ItemMac>,
}

impl LoadedPat {
    fn new(stored: StoredPat) -> Self {
        Self { id: next_id(), rate_limit: RateLimit::default(), stored, seal: OnceLock::new() }
    }

    pub(crate) fn pat(&self) -> &Pat {
        &self.stored.pat
    }

    /// The URI of its user, where the secret has it.
    pub(crate) fn user(&self) -> Option<&Arc<UserUri>> {
        self.stored.user.as_ref()
    }

    /// What binds to it what environments share.
    pub(crate) fn seal(&self) -> &ItemMac {
        self.seal.get_or_init(|| ItemMac::of(self.pat()))
    }
}

/// The PATs of all callers.
#[derive(Debug)]
pub(crate) struct PatProvider {
    template: SecretNameTemplate,
    secrets: SecretsManager,
    kept: LruMap<String, LoadedPat, Error>,
}

impl PatProvider {
    /// Keeps each PAT for `ttl`. Reads nothing yet.
    pub(crate) fn new(template: SecretNameTemplate, secrets: SecretsManager, ttl: Duration) -> Self {
        let rules = CachePolicy { ttl, timeout: TIMEOUT, on_error: ON_ERROR, refresh: REFRESH };
        Self { template, secrets, kept: LruMap::new(rules) }
    }

    /// The shared PAT, read now if it is missing or has lived half of its time; `None` where each caller
    /// has one of their own.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub(crate) async fn prepare(&self, metrics: &RequestMetrics) -> Result<Option<Arc<LoadedPat>>, Error> {
        let Some(secret_id) = self.template.shared() else { return Ok(None) };
        let cell = self.kept.cell(secret_id);
        let prepared = cell.prepare(|limit| self.read(&cell, secret_id, limit)).await;
        let was_at_hand = prepared.as_ref().is_ok_and(|served| served.status == CacheStatus::Hit);
        // One that could not be renewed is still good.
        let pat = noted(prepared.or_else(|error| cell.peek().ok_or(error)), metrics);
        metrics.cache_hit("pat", was_at_hand);
        pat.map(Some)
    }

    /// The PAT of the caller whose claims `claim` looks up.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if there is none, [`Error::SecretsUnavailable`] if that cannot be told and
    /// none is kept.
    pub(crate) async fn of<'a>(
        &self,
        claim: impl Fn(&str) -> Option<&'a str>,
        metrics: &RequestMetrics,
    ) -> Result<Arc<LoadedPat>, Error> {
        metrics.enter(Stage::Pat);
        let secret_id = self.template.fill(claim)?;
        let cell = self.kept.cell(&secret_id);
        noted(cell.get(|limit| self.read(&cell, &secret_id, limit)).await, metrics)
    }

    /// Another PAT for that caller, after Calendly refused `refused`: the secret is read once more. `None`
    /// if there is no other.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if the secret holds none any more.
    pub(crate) async fn renew<'a>(
        &self,
        claim: impl Fn(&str) -> Option<&'a str>,
        refused: &Arc<LoadedPat>,
        metrics: &RequestMetrics,
    ) -> Result<Option<Arc<LoadedPat>>, Error> {
        metrics.enter(Stage::Pat);
        let secret_id = self.template.fill(claim)?;
        let cell = self.kept.cell(&secret_id);
        match cell.renew(refused, |limit| self.read(&cell, &secret_id, limit)).await {
            Ok(newer) => Ok(newer),
            Err(CacheError::LoadFailed(error @ Error::PatMissing(_))) => Err(error),
            Err(CacheError::LoadFailed(_) | CacheError::Canceled) => Ok(None),
        }
    }

    /// Reads the secret. A PAT that is the same as before stays the same [`LoadedPat`], with all that was learnt
    /// with it.
    async fn read(
        &self,
        cell: &CachedValue<LoadedPat, Error>,
        secret_id: &str,
        limit: Duration,
    ) -> Result<Arc<LoadedPat>, LoadError<Error>> {
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
        let stored =
            StoredPat::from_secret(secret.expose_secret()).ok_or(LoadError::NotFound(Error::PatMissing(
                "The secret that should hold the Calendly token holds none: store the bare token, or a JSON \
             object with it under pat, token or access_token.",
            )))?;
        Ok(match cell.peek() {
            Some(kept) if kept.value.stored == stored => kept.value,
            _ => Arc::new(LoadedPat::new(stored)),
        })
    }
}

fn unavailable(reason: String) -> LoadError<Error> {
    telemetry::warn("the secret of the Calendly token could not be read", &reason);
    LoadError::Unavailable(Error::SecretsUnavailable { reason: reason.into() })
}

fn noted(
    served: Result<Lookup<LoadedPat>, CacheError<Error>>,
    metrics: &RequestMetrics,
) -> Result<Arc<LoadedPat>, Error> {
    metrics.cache_hit("pat", served.as_ref().is_ok_and(|served| served.status == CacheStatus::Hit));
    match served {
        Ok(served) => {
            if served.status == CacheStatus::Stale {
                metrics.pat_was_stale();
            }
            Ok(served.value)
        }
        Err(CacheError::LoadFailed(error)) => Err(error),
        Err(CacheError::Canceled) => Err(Error::SecretsUnavailable {
            reason: "Secrets Manager did not answer before an earlier request's time ran out".into(),
        }),
    }
}

pub(crate) fn next_id() -> PatId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    PatId(NEXT.fetch_add(1, Ordering::Relaxed))
}
