//! A two-tier cache: a lookup reads memory, then a remote cache that several processes share, then loads from the
//! origin.
//!
//! ```text
//!            fresh                fresh elsewhere             neither
//! lookup ──▶ memory ───────────▶ remote cache ─────────────▶ origin
//!               ▲                      │     ▲                  │
//!               └──────────────────────┘     └── write-through ─┤
//!               └───────────────────────────────────────────────┘
//! ```
//!
//! Concurrent lookups of one key are coalesced: within the process always, over all processes in
//! [`TieredCache::get_with_lease`]. The [`Lookup`] says where its value came from. Without a remote cache, or while it
//! fails, the second tier is left out.

use std::{future::Future, hash::Hash, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::TryFutureExt;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    CacheError, CachePolicy, CacheStatus, CachedValue, Freshness, LoadError, Loaded, Lookup, LruMap, Source,
};

/// A cache of values of type `V` by scope and key. A value is served only to the scope that loaded it.
#[derive(Debug)]
pub struct TieredCache<S: Hash + Eq, K: Hash + Eq, V, E> {
    /// Distinguishes items of different caches in the remote cache.
    kind: &'static str,
    policy: CachePolicy,
    /// How long the remote cache keeps an item. Zero: the remote cache is not used.
    remote_ttl: Duration,
    memory: LruMap<(S, K), V, E>,
    size: fn(&V) -> usize,
}

/// The caller's scope, and its view of the remote cache if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Scope<S, R> {
    /// Identifies the scope.
    pub id: S,
    /// The remote cache with this scope's items.
    pub remote: Option<R>,
}

/// A value that the remote cache can hold.
pub trait RemoteCacheable<K>: Sized {
    /// The value as text.
    fn to_text(&self) -> Option<String>;

    /// Parses a text that [`Self::to_text`] wrote for `key`; `None` for any other text. `as_of` is the moment at which
    /// the origin stated it.
    fn from_text(text: &str, key: &K, as_of: DateTime<Utc>) -> Option<Self>;

    /// The moment at which the origin stated the value; `None` for the start of its load.
    fn as_of(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// A text in the remote cache, and the moment at which the origin stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteEntry {
    /// The moment, in whole milliseconds.
    pub as_of: DateTime<Utc>,
    /// The text.
    pub text: String,
}

/// The maximum clock skew between two processes.
pub(super) const CLOCK_SKEW: Duration = Duration::from_millis(500);

impl RemoteEntry {
    /// The value's age; `None` if it is in the future by more than the maximum clock skew.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        match (now - self.as_of).to_std() {
            Ok(age) => Some(age),
            Err(_) => {
                (self.as_of - now).to_std().is_ok_and(|ahead| ahead <= CLOCK_SKEW).then_some(Duration::ZERO)
            }
        }
    }
}

/// The second tier: a cache that several processes share. It may be slow or fail at any time: every method then
/// returns soon, as if the item were not there.
pub trait RemoteTier: Copy + Send + Sync {
    /// The name of an item.
    type Name: Send + Sync;

    /// The right to load an item, for a few seconds.
    type Lease: Send;

    /// The name of an item of this `kind` and `key`.
    fn name(&self, kind: &str, key: &str) -> Self::Name;

    /// Reads an item.
    fn read(&self, name: &Self::Name) -> impl Future<Output = Option<RemoteEntry>> + Send;

    /// Reads an item that `accept` takes. If there is none, tries to acquire the item's lease, and waits up to `max_wait`
    /// for the process that holds it.
    fn read_or_lease<T: Send>(
        &self,
        name: &Self::Name,
        max_wait: Duration,
        accept: impl FnMut(RemoteEntry) -> Option<T> + Send,
    ) -> impl Future<Output = LeaseOutcome<T, Self::Lease>> + Send;

    /// Writes an item, which ends its lease.
    fn write(
        &self,
        name: &Self::Name,
        lease: Option<Self::Lease>,
        value: &RemoteEntry,
        ttl: Duration,
    ) -> impl Future<Output = ()> + Send;

    /// Ends a lease without a value, so that another process can load.
    fn release(&self, name: &Self::Name, lease: Self::Lease) -> impl Future<Output = ()> + Send;
}

/// The outcome of [`RemoteTier::read_or_lease`].
#[derive(Debug)]
pub enum LeaseOutcome<T, L> {
    /// The item is there.
    Filled(T),
    /// The caller must load the item, and then [write](RemoteTier::write) it or [release](RemoteTier::release) the lease.
    Acquired(L),
    /// The caller must load without a lease: the remote cache failed, or the wait took too long.
    Bypass,
}

impl<S, K, V, E> TieredCache<S, K, V, E>
where
    S: Hash + Eq + Copy + Send + Sync,
    K: Hash + Eq + Clone + Serialize + Send + Sync,
    V: RemoteCacheable<K> + Send + Sync,
    E: Clone + Send + Sync,
{
    /// An empty cache. The remote cache keeps an item for the policy's time to live.
    #[must_use]
    pub fn new(kind: &'static str, policy: CachePolicy) -> Self {
        let memory = LruMap::new(policy);
        Self { kind, policy, remote_ttl: policy.ttl, memory, size: |_| 0 }
    }

    /// Limits the size of all values in memory to `max_bytes`, as `size` measures them.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: usize, size: fn(&V) -> usize) -> Self {
        Self { memory: LruMap::with_max_bytes(self.policy, max_bytes), size, ..self }
    }

    /// Sets how long the remote cache keeps an item.
    #[must_use]
    pub fn with_remote_ttl(self, remote_ttl: Duration) -> Self {
        Self { remote_ttl, ..self }
    }

    /// Returns the value if it is younger than the time to live in memory or in the remote cache; loads it otherwise.
    ///
    /// # Errors
    ///
    /// The error of the load, for all lookups that wait for it.
    pub async fn get<R: RemoteTier>(
        &self,
        scope: &Scope<S, R>,
        key: &K,
        load: impl Future<Output = Result<V, E>> + Send,
    ) -> Result<Lookup<V>, CacheError<E>> {
        let load = Box::pin(load);
        let read_through = |_| self.read_through(scope, key, self.policy.ttl, load);
        self.record_size(scope, key, self.entry(scope, key).get(read_through).await)
    }

    /// Like [`Self::get`], with a caller-supplied freshness policy. Of the concurrent lookups in all processes, one
    /// loads the value; the others wait up to `max_wait`. `load` receives its time-out.
    ///
    /// # Errors
    ///
    /// The error of the load, if no stale value can be served instead.
    pub async fn get_with_lease<R: RemoteTier, F>(
        &self,
        scope: &Scope<S, R>,
        key: &K,
        freshness: impl Fn(&V) -> Option<Freshness> + Send + Sync,
        max_wait: Duration,
        load: impl FnOnce(Duration) -> F + Send,
    ) -> Result<Lookup<V>, CacheError<E>>
    where
        F: Future<Output = Result<V, LoadError<E>>> + Send,
    {
        let wait_until = Instant::now() + max_wait;
        let entry = self.entry(scope, key);
        let freshness = &freshness;
        let leased_load = async |timeout: Duration| {
            let Some((remote, name)) = self.remote(scope, key) else {
                return self.load_and_write(None::<(R, _)>, None, load(timeout)).await;
            };
            let mut has_stale = false;
            let accept = |item: RemoteEntry| {
                let loaded = Self::parse(&item, key)?;
                if freshness(&loaded.value)? == Freshness::Fresh {
                    return Some(loaded);
                }
                // It can be served if the load fails.
                entry.insert(loaded.value, loaded.age);
                has_stale = true;
                None
            };
            let wait = wait_until.saturating_duration_since(Instant::now());
            let lease = match remote.read_or_lease(&name, wait, accept).await {
                LeaseOutcome::Filled(loaded) => return Ok(loaded),
                LeaseOutcome::Acquired(lease) => Some(lease),
                LeaseOutcome::Bypass => None,
            };
            let timeout = if has_stale { timeout.min(self.policy.timeout_with_stale()) } else { timeout };
            self.load_and_write(Some((remote, name)), lease, load(timeout)).await
        };
        let lookup = entry.get_with_policy(|value, _| freshness(value), max_wait, leased_load).await;
        self.record_size(scope, key, lookup)
    }

    /// Like [`Self::get`], before a request needs the value: loads it if there is none or half of its time to live has
    /// passed.
    ///
    /// # Errors
    ///
    /// The error of the load.
    pub async fn preload<R: RemoteTier>(
        &self,
        scope: &Scope<S, R>,
        key: &K,
        load: impl Future<Output = Result<V, E>> + Send,
    ) -> Result<Lookup<V>, CacheError<E>> {
        let load = Box::pin(load);
        let read_through = |_| self.read_through(scope, key, self.policy.ttl / 2, load);
        self.record_size(scope, key, self.entry(scope, key).preload(read_through).await)
    }

    /// Replaces `seen`, a fresh value that turned out to be wrong, with a newer one from memory or one that is loaded
    /// from the origin. The remote cache is not read, since the wrong value may have come from there.
    ///
    /// # Errors
    ///
    /// The error of the load.
    pub async fn refresh<R: RemoteTier>(
        &self,
        scope: &Scope<S, R>,
        key: &K,
        seen: &Arc<V>,
        load: impl Future<Output = Result<V, E>> + Send,
    ) -> Result<Arc<V>, CacheError<E>> {
        let load = Box::pin(load);
        let load = |_| self.read_through(scope, key, Duration::ZERO, load);
        let newer = self.entry(scope, key).refresh(seen, load).await?;
        Ok(newer.unwrap_or_else(|| seen.clone()))
    }

    /// Copies the value from the remote cache into memory, with its age. Loads nothing.
    pub async fn read_remote<R: RemoteTier>(&self, scope: &Scope<S, R>, key: &K) {
        if let Some((remote, name)) = self.remote(scope, key)
            && let Some(item) = remote.read(&name).await
            && let Some(Loaded { value, age, .. }) = Self::parse(&item, key)
        {
            self.entry(scope, key).insert(value, age);
        }
    }

    /// Caches a value that was loaded without a lookup.
    pub async fn insert<R: RemoteTier>(&self, scope: &Scope<S, R>, key: &K, value: Arc<V>) {
        self.entry(scope, key).insert(value.clone(), Duration::ZERO);
        self.memory.set_size(&(scope.id, key.clone()), (self.size)(&value));
        if let Some(remote) = self.remote(scope, key) {
            self.write(remote, None, Some(&value), Utc::now()).await;
        }
    }

    /// Whether the value is in memory and fresh by the policy's time to live.
    pub fn is_fresh<R>(&self, scope: &Scope<S, R>, key: &K) -> bool {
        let entry = self.memory.peek(&(scope.id, key.clone()));
        entry.and_then(|entry| entry.peek()).is_some_and(|lookup| lookup.status == CacheStatus::Hit)
    }

    /// Reads the remote cache if its item is younger than `max_age`; otherwise loads and writes through.
    async fn read_through<R: RemoteTier>(
        &self,
        scope: &Scope<S, R>,
        key: &K,
        max_age: Duration,
        load: impl Future<Output = Result<V, E>> + Send,
    ) -> Result<Loaded<V>, LoadError<E>> {
        let remote = self.remote(scope, key);
        if let Some((remote, name)) = &remote
            && !max_age.is_zero()
            && let Some(item) = remote.read(name).await
            && let Some(loaded) = Self::parse(&item, key)
            && loaded.age < max_age
        {
            return Ok(loaded);
        }
        self.load_and_write(remote, None, load.map_err(LoadError::Unavailable)).await
    }

    /// Loads a value and writes it to the remote cache, if there is one. A failed load releases the lease.
    async fn load_and_write<R: RemoteTier>(
        &self,
        remote: Option<(R, R::Name)>,
        lease: Option<R::Lease>,
        load: impl Future<Output = Result<V, LoadError<E>>> + Send,
    ) -> Result<Loaded<V>, LoadError<E>> {
        let started = Utc::now();
        let result = load.await;
        if let Some(remote) = remote {
            self.write(remote, lease, result.as_ref().ok(), started).await;
        }
        result.map(|value| Arc::new(value).into())
    }

    /// The value of an item; `None` if the item is malformed or in the future.
    fn parse(item: &RemoteEntry, key: &K) -> Option<Loaded<V>> {
        let age = item.age(Utc::now())?;
        let value = Arc::new(V::from_text(&item.text, key, item.as_of)?);
        Some(Loaded { value, age, source: Source::RemoteCache })
    }

    /// Writes a value whose load began at `started`, which ends the lease. Without a value, releases the lease.
    async fn write<R: RemoteTier>(
        &self,
        (remote, name): (R, R::Name),
        lease: Option<R::Lease>,
        value: Option<&V>,
        started: DateTime<Utc>,
    ) {
        let item = value.and_then(|value| {
            Some(RemoteEntry { as_of: value.as_of().unwrap_or(started), text: value.to_text()? })
        });
        match (item, lease) {
            (Some(item), lease) => remote.write(&name, lease, &item, self.remote_ttl).await,
            (None, Some(lease)) => remote.release(&name, lease).await,
            (None, None) => {}
        }
    }

    fn entry<R>(&self, scope: &Scope<S, R>, key: &K) -> Arc<CachedValue<V, E>> {
        self.memory.entry(&(scope.id, key.clone()))
    }

    fn remote<R: RemoteTier>(&self, scope: &Scope<S, R>, key: &K) -> Option<(R, R::Name)> {
        let remote = scope.remote.filter(|_| !self.remote_ttl.is_zero())?;
        Some((remote, remote.name(self.kind, &serde_json::to_string(key).ok()?)))
    }

    /// Records the size of a lookup's value, unless it was a hit.
    fn record_size<R>(
        &self,
        scope: &Scope<S, R>,
        key: &K,
        lookup: Result<Lookup<V>, CacheError<E>>,
    ) -> Result<Lookup<V>, CacheError<E>> {
        if let Ok(Lookup { value, status }) = &lookup
            && *status != CacheStatus::Hit
        {
            self.memory.set_size(&(scope.id, key.clone()), (self.size)(value));
        }
        lookup
    }
}

#[cfg(test)]
mod tests;
