//! What was learnt with a PAT, kept for a while.

use std::{
    future::Future,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::Utc;
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    cache::{
        CacheError, CachePolicy, CacheStatus, CachedValue, Cooldown, LoadError, Loaded, LruMap, OnError,
        RefreshPolicy,
        remote::{Name, RemoteCache, Value},
    },
    pat::PatId,
    telemetry::RequestMetrics,
};

/// Values that calls to Calendly tell, kept by the PAT of the calls and by a key: what was learnt with one PAT is
/// never used with another. Of many who need the same at once, one asks. Where environments share what they learn,
/// a value that another has found out is taken from there.
#[derive(Debug)]
pub struct PatScopedCache<K, T> {
    name: &'static str,
    ttl: Duration,
    kept: LruMap<(PatId, K), T, Error>,
}

/// Who learns: with which PAT, and for which request.
#[derive(Debug, Clone, Copy)]
pub struct CacheScope<'a> {
    pub(super) pat: PatId,
    pub(super) metrics: &'a RequestMetrics,
    pub(super) shared: Option<RemoteCache<'a>>,
}

impl<K, T> PatScopedCache<K, T>
where
    K: Hash + Eq + Clone + Serialize + Send + Sync,
    T: Serialize + DeserializeOwned + Send + Sync,
{
    /// Keeps each value for `ttl`; zero keeps none. Whether one was at hand stands in the log under `name`.
    #[must_use]
    pub fn new(name: &'static str, ttl: Duration) -> Self {
        // Calls have limits of their own.
        let refresh = RefreshPolicy { timeout: Duration::MAX, cooldown: Cooldown::Fixed(Duration::ZERO) };
        let rules = CachePolicy { ttl, timeout: Duration::MAX, on_error: OnError::Fail, refresh };
        Self { name, ttl, kept: LruMap::new(rules) }
    }

    /// The value, and whether it was at hand; else `learn` finds it out.
    ///
    /// # Errors
    ///
    /// What `learn` returns, for all who wait for it.
    pub async fn get(
        &self,
        cache_scope: CacheScope<'_>,
        key: &K,
        learn: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<(Arc<T>, bool), Error> {
        let was_shared = AtomicBool::new(false);
        let fetch = |_| self.find_out(cache_scope, key, self.ttl, &was_shared, Box::pin(learn));
        let served = self.cell(cache_scope, key).get(fetch).await;
        let was_at_hand = match &served {
            Ok(served) => served.status == CacheStatus::Hit || was_shared.load(Relaxed),
            Err(_) => false,
        };
        cache_scope.metrics.cache_hit(self.name, was_at_hand);
        served.map(|served| (served.value, was_at_hand)).map_err(error)
    }

    /// Whether the value is at hand and young enough.
    #[must_use]
    pub fn is_kept(&self, cache_scope: CacheScope<'_>, key: &K) -> bool {
        self.cell(cache_scope, key).peek().is_some_and(|served| served.status == CacheStatus::Hit)
    }

    /// As [`Self::get`], ahead of time: if there is none or it has lived half of its time.
    pub(super) async fn prepare(
        &self,
        cache_scope: CacheScope<'_>,
        key: &K,
        learn: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<(), Error> {
        let was_shared = AtomicBool::new(false);
        let fetch = |_| self.find_out(cache_scope, key, self.ttl / 2, &was_shared, Box::pin(learn));
        let served = self.cell(cache_scope, key).prepare(fetch).await;
        let was_at_hand = served.as_ref().is_ok_and(|served| served.status == CacheStatus::Hit);
        cache_scope.metrics.cache_hit(self.name, was_at_hand || was_shared.load(Relaxed));
        served.map(drop).map_err(error)
    }

    /// Keeps the value if another environment has found it out.
    pub(super) async fn recall(&self, cache_scope: CacheScope<'_>, key: &K) {
        if let Some((shared, name)) = self.shared(cache_scope, key)
            && let Some(Loaded { value, age }) = self.read(shared, &name, self.ttl).await
        {
            self.cell(cache_scope, key).offer(value, age);
        }
    }

    /// Another value than `seen`, which turned out to be wrong: one that somebody has found out since, or what
    /// `learn` finds out now.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub async fn relearn(
        &self,
        cache_scope: CacheScope<'_>,
        key: &K,
        seen: &Arc<T>,
        learn: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<Arc<T>, Error> {
        // What others have found out is what turned out to be wrong.
        let was_shared = AtomicBool::new(false);
        let fetch = |_| self.find_out(cache_scope, key, Duration::ZERO, &was_shared, Box::pin(learn));
        let renewed = self.cell(cache_scope, key).renew(seen, fetch).await;
        renewed.map(|newer| newer.unwrap_or_else(|| seen.clone())).map_err(error)
    }

    fn cell(&self, cache_scope: CacheScope<'_>, key: &K) -> Arc<CachedValue<T, Error>> {
        self.kept.cell(&(cache_scope.pat, key.clone()))
    }

    /// What others have found out not longer ago than this, which `was_shared` then says; else what `learn` finds out,
    /// for others too.
    async fn find_out(
        &self,
        cache_scope: CacheScope<'_>,
        key: &K,
        young: Duration,
        was_shared: &AtomicBool,
        learn: BoxFuture<'_, Result<T, Error>>,
    ) -> Result<Loaded<T>, LoadError<Error>> {
        let shared = self.shared(cache_scope, key);
        if let Some((shared, name)) = &shared
            && let Some(fetched) = self.read(*shared, name, young).await
        {
            was_shared.store(true, Relaxed);
            return Ok(fetched);
        }
        let as_of = Utc::now();
        let value = learn.await.map_err(LoadError::Unavailable)?;
        if let Some((shared, name)) = &shared
            && let Ok(text) = serde_json::to_string(&value)
        {
            shared.write(name, &Value { as_of, text }, self.ttl).await;
        }
        Ok(Arc::new(value).into())
    }

    /// Where others look for the value, unless it is not to be kept.
    fn shared<'a>(&self, cache_scope: CacheScope<'a>, key: &K) -> Option<(RemoteCache<'a>, Name)> {
        let shared = cache_scope.shared.filter(|_| !self.ttl.is_zero())?;
        Some((shared, shared.name(self.name, &serde_json::to_string(key).ok()?)))
    }

    async fn read(&self, shared: RemoteCache<'_>, name: &Name, young: Duration) -> Option<Loaded<T>> {
        if young.is_zero() {
            return None;
        }
        let value = shared.read(name).await?;
        let age = value.age(Utc::now()).filter(|age| *age < young)?;
        Some(Loaded { value: Arc::new(serde_json::from_str(&value.text).ok()?), age })
    }
}

fn error(error: CacheError<Error>) -> Error {
    match error {
        CacheError::LoadFailed(error) => error,
        CacheError::Canceled => Error::DeadlineExceeded { during: "Calendly was called for another request" },
    }
}
