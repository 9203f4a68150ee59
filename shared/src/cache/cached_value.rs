//! A cached value with single-flight loading: of the callers that need it at the same time, one loads it, and the others
//! wait for that load and share its outcome.

mod load_state;
#[cfg(test)]
mod tests;

use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::policy::{CachePolicy, Freshness, RefreshPolicy, Step};
use load_state::{LoadGuard, LoadReason, LoadState};

/// A value of type `T` that is loaded on demand. A load can fail with an `E`.
///
/// A load runs in the task of the first caller that needs it. If that task is dropped, for example because its request's
/// time ran out, the load is canceled and its waiters go on.
#[derive(Debug)]
pub struct CachedValue<T, E> {
    policy: CachePolicy,
    cached: RwLock<Option<Cached<T>>>,
    /// Held during a load, so that waiters find its outcome.
    loading: Mutex<LoadState<T, E>>,
}

/// A served value, and where it came from.
#[derive(Debug)]
pub struct Lookup<T> {
    /// The value.
    pub value: Arc<T>,
    /// Where it came from.
    pub status: CacheStatus,
}

/// How a lookup was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// From memory: the value was fresh.
    Hit,
    /// By this lookup's own load.
    Miss(Source),
    /// By a concurrent lookup's load.
    Coalesced,
    /// With a stale value, while another lookup loads a newer one.
    Revalidating,
    /// With a stale value, because no newer one can be loaded.
    Stale,
}

/// Where a load got its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A cache that several processes share.
    RemoteCache,
    /// The service that owns the value.
    Origin,
}

/// The outcome of a successful load.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The value.
    pub value: Arc<T>,
    /// How old it already is.
    pub age: Duration,
    /// Where it came from.
    pub source: Source,
}

/// Why a load failed.
#[derive(Debug)]
pub enum LoadError<E> {
    /// The source could not answer. A stale value may be served instead.
    Unavailable(E),
    /// The source has no such value. A cached one is removed.
    NotFound(E),
    /// The source refused to answer. A stale value is not served instead.
    Rejected(E),
}

/// Why a lookup has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheError<E> {
    /// The last load failed.
    LoadFailed(E),
    /// The last load was dropped with its request.
    Canceled,
}

/// A load. Boxed because it is rare and large: a hit does not move its state.
type Load<'a, T, E> = BoxFuture<'a, Result<Loaded<T>, LoadError<E>>>;

#[derive(Debug)]
struct Cached<T> {
    value: Arc<T>,
    loaded_at: Instant,
}

/// What a caller does that holds the lock of the load.
enum Decision<T, E> {
    Load { timeout: Duration },
    Return(Result<Lookup<T>, CacheError<E>>),
}

impl<T> Clone for Cached<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), loaded_at: self.loaded_at }
    }
}

impl<T, E: Clone> CachedValue<T, E> {
    /// An empty cache.
    #[must_use]
    pub fn new(policy: CachePolicy) -> Self {
        Self { policy, cached: RwLock::new(None), loading: Mutex::new(LoadState::new()) }
    }

    /// Returns the value, and loads it if there is no fresh one. `load` receives its time-out.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the load fails and the policy allows no stale value.
    pub async fn get<F>(&self, load: impl FnOnce(Duration) -> F) -> Result<Lookup<T>, CacheError<E>>
    where
        F: Future<Output = Result<Loaded<T>, LoadError<E>>> + Send,
    {
        self.get_with_policy(|_, age| Some(self.policy.freshness(age)), Duration::MAX, load).await
    }

    /// Like [`Self::get`], with a caller-supplied freshness policy: `freshness` judges a value and its age, and returns
    /// `None` if the value is of no use to this caller. A caller that has waited `max_wait` for another caller's load
    /// starts its own.
    pub async fn get_with_policy<F>(
        &self,
        freshness: impl Fn(&T, Duration) -> Option<Freshness>,
        max_wait: Duration,
        load: impl FnOnce(Duration) -> F,
    ) -> Result<Lookup<T>, CacheError<E>>
    where
        F: Future<Output = Result<Loaded<T>, LoadError<E>>> + Send,
    {
        let arrived = Instant::now();
        let usable = || {
            let cached = self.cached()?;
            Some((freshness(&cached.value, cached.loaded_at.elapsed())?, cached))
        };
        let found = usable();
        if let Some((Freshness::Fresh, cached)) = &found {
            return Ok(cached.lookup(CacheStatus::Hit));
        }
        let state = match (self.loading.try_lock(), found) {
            (Ok(state), _) => Some(state),
            (Err(_), Some((Freshness::StaleWhileRevalidate, cached))) => {
                return Ok(cached.lookup(CacheStatus::Revalidating));
            }
            (Err(_), _) => timeout(max_wait, self.loading.lock()).await.ok(),
        };
        let loaded = match state {
            Some(mut state) => match self.decide(usable(), &state, arrived) {
                Decision::Load { timeout } => {
                    self.load(&mut state, LoadReason::Request, Box::pin(load(timeout))).await
                }
                Decision::Return(result) => return result,
            },
            // Only the outcome of the other caller's load counts toward the backoff.
            None => self.store(Box::pin(load(self.policy.load_timeout)).await),
        };
        match loaded {
            // Stale-if-error. The load may have inserted an older value that is usable.
            Err(LoadError::Unavailable(error)) => match usable() {
                Some((Freshness::Expired, _)) | None => Err(CacheError::LoadFailed(error)),
                Some((_, cached)) => Ok(cached.lookup(CacheStatus::Stale)),
            },
            loaded => loaded.map_err(CacheError::from),
        }
    }

    /// Decides whether a caller that arrived at `arrived` and now holds the lock loads the value.
    fn decide(
        &self,
        found: Option<(Freshness, Cached<T>)>,
        state: &LoadState<T, E>,
        arrived: Instant,
    ) -> Decision<T, E> {
        let stale = match found {
            Some((freshness, cached)) if freshness == Freshness::Fresh || cached.loaded_at >= arrived => {
                return Decision::Return(Ok(cached.lookup(CacheStatus::Coalesced)));
            }
            Some((Freshness::Expired, _)) | None => None,
            Some((_, cached)) => Some(cached),
        };
        match self.policy.step(stale.is_some(), state.failures, arrived, Instant::now()) {
            Step::Load { timeout } => Decision::Load { timeout },
            Step::ServeStale => Decision::Return(
                stale.map(|cached| cached.lookup(CacheStatus::Stale)).ok_or(CacheError::Canceled),
            ),
            Step::Fail => Decision::Return(Err(state.last_error())),
        }
    }

    /// Loads the value before a request needs it, if there is none or half of its time to live has passed. A failure
    /// starts no backoff.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the load failed. A value that is already cached stays.
    pub async fn preload<F>(&self, load: impl FnOnce(Duration) -> F) -> Result<Lookup<T>, CacheError<E>>
    where
        F: Future<Output = Result<Loaded<T>, LoadError<E>>> + Send,
    {
        let arrived = Instant::now();
        let recent = || {
            let half = self.policy.ttl / 2;
            self.cached().filter(|cached| cached.loaded_at >= arrived || cached.loaded_at.elapsed() < half)
        };
        if let Some(cached) = recent() {
            return Ok(cached.lookup(CacheStatus::Hit));
        }
        let mut state = self.loading.lock().await;
        if let Some(cached) = recent() {
            return Ok(cached.lookup(CacheStatus::Coalesced));
        }
        let load = Box::pin(load(self.policy.load_timeout));
        self.load(&mut state, LoadReason::Preload, load).await.map_err(CacheError::from)
    }

    /// Replaces `seen`, a fresh value that turned out to be wrong. `None` if the source still returns it, or returned it
    /// so recently that the cool-down has not ended.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the load fails, or if the last load failed and its backoff has not ended.
    pub async fn refresh<F>(
        &self,
        seen: &Arc<T>,
        load: impl FnOnce(Duration) -> F,
    ) -> Result<Option<Arc<T>>, CacheError<E>>
    where
        F: Future<Output = Result<Loaded<T>, LoadError<E>>> + Send,
    {
        let RefreshPolicy { load_timeout, cooldown } = self.policy.refresh;
        let mut state = self.loading.lock().await;
        if let Some(newer) = self.cached().filter(|cached| !Arc::ptr_eq(&cached.value, seen)) {
            return Ok(Some(newer.value));
        }
        let now = Instant::now();
        if !state.refreshes.is_due(seen, now, cooldown) {
            // After a failed load it is unknown whether the source has a newer value.
            return if state.failures.is_none() { Ok(None) } else { Err(state.last_error()) };
        }
        if state.failures.is_some_and(|failures| now < failures.retry_at) {
            return Err(state.last_error());
        }
        state.refreshes.start(now, cooldown);
        let load = Box::pin(load(load_timeout));
        let result = self.load(&mut state, LoadReason::Request, load).await.map(|lookup| lookup.value);
        let newer = result.map(|value| Some(value).filter(|value| !Arc::ptr_eq(value, seen)));
        if !matches!(newer, Ok(Some(_))) {
            state.refreshes.record_no_change(seen, Instant::now(), cooldown);
        }
        newer.map_err(CacheError::from)
    }

    /// The cached value, fresh or not. Loads nothing.
    pub fn peek(&self) -> Option<Lookup<T>> {
        let cached = self.cached()?;
        let is_fresh = cached.loaded_at.elapsed() < self.policy.ttl;
        Some(cached.lookup(if is_fresh { CacheStatus::Hit } else { CacheStatus::Stale }))
    }

    /// Caches a value of this age, unless a younger one is cached.
    pub fn insert(&self, value: Arc<T>, age: Duration) {
        let now = Instant::now();
        let inserted = Cached { value, loaded_at: now.checked_sub(age).unwrap_or(now) };
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        if cached.as_ref().is_none_or(|cached| cached.loaded_at <= inserted.loaded_at) {
            *cached = Some(inserted);
        }
    }

    /// Awaits a load and records its outcome. The caller holds `loading`.
    async fn load(
        &self,
        state: &mut LoadState<T, E>,
        reason: LoadReason,
        load: Load<'_, T, E>,
    ) -> Result<Lookup<T>, LoadError<E>> {
        let guard = LoadGuard::new(state, &self.policy, reason);
        let result = load.await;
        guard.record(&result);
        self.store(result)
    }

    /// Caches a loaded value, or removes one that the source no longer has.
    fn store(&self, result: Result<Loaded<T>, LoadError<E>>) -> Result<Lookup<T>, LoadError<E>> {
        if let Err(LoadError::NotFound(_)) = result {
            *self.cached.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let Loaded { value, age, source } = result?;
        self.insert(value.clone(), age);
        Ok(Lookup { value, status: CacheStatus::Miss(source) })
    }

    fn cached(&self) -> Option<Cached<T>> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl CacheStatus {
    /// Whether the value was in memory or in the remote cache.
    #[must_use]
    pub fn is_hit(self) -> bool {
        matches!(self, Self::Hit | Self::Miss(Source::RemoteCache))
    }

    /// Whether the value was loaded during the lookup, by it or by a concurrent one.
    #[must_use]
    pub fn is_new(self) -> bool {
        matches!(self, Self::Miss(_) | Self::Coalesced)
    }
}

impl<E> From<LoadError<E>> for CacheError<E> {
    fn from(error: LoadError<E>) -> Self {
        match error {
            LoadError::Unavailable(error) | LoadError::NotFound(error) | LoadError::Rejected(error) => {
                Self::LoadFailed(error)
            }
        }
    }
}

impl<T> From<Arc<T>> for Loaded<T> {
    /// A new value of the origin.
    fn from(value: Arc<T>) -> Self {
        Self { value, age: Duration::ZERO, source: Source::Origin }
    }
}

impl<T> Cached<T> {
    fn lookup(&self, status: CacheStatus) -> Lookup<T> {
        Lookup { value: self.value.clone(), status }
    }
}
