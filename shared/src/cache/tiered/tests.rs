use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use chrono::TimeDelta;

use super::*;
use crate::cache::{Backoff, Cooldown, OnError, RefreshPolicy};

const MINUTE: Duration = Duration::from_secs(60);
const REMOTE: CacheStatus = CacheStatus::Miss(Source::RemoteCache);
const ORIGIN: CacheStatus = CacheStatus::Miss(Source::Origin);

const POLICY: CachePolicy = CachePolicy {
    ttl: MINUTE,
    load_timeout: MINUTE,
    on_error: OnError::ServeStale {
        backoff: Backoff::new(Duration::from_secs(1), MINUTE),
        load_timeout: Duration::from_secs(2),
        backoff_without_value: false,
    },
    refresh: RefreshPolicy { load_timeout: MINUTE, cooldown: Cooldown::Fixed(Duration::ZERO) },
};

impl RemoteCacheable<&str> for u32 {
    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn from_text(text: &str, _: &&str, _: DateTime<Utc>) -> Option<Self> {
        text.parse().ok()
    }
}

/// A remote cache in memory. It may be out of order, or another process may hold all leases.
#[derive(Default)]
struct Remote {
    items: Mutex<HashMap<String, RemoteEntry>>,
    is_down: bool,
    is_leased: bool,
    released: AtomicU32,
}

impl Remote {
    fn with(text: &str, age: Duration) -> Self {
        let remote = Self::default();
        let as_of = Utc::now() - TimeDelta::from_std(age).unwrap();
        let value = RemoteEntry { as_of, text: text.to_owned() };
        remote.items.lock().unwrap().insert(r#"kind "key""#.to_owned(), value);
        remote
    }

    fn text(&self) -> Option<String> {
        self.items.lock().unwrap().get(r#"kind "key""#).map(|value| value.text.clone())
    }
}

impl RemoteTier for &Remote {
    type Name = String;
    type Lease = ();

    fn name(&self, kind: &str, key: &str) -> String {
        format!("{kind} {key}")
    }

    async fn read(&self, name: &String) -> Option<RemoteEntry> {
        self.items.lock().unwrap().get(name).filter(|_| !self.is_down).cloned()
    }

    async fn read_or_lease<T: Send>(
        &self,
        name: &String,
        _: Duration,
        mut accept: impl FnMut(RemoteEntry) -> Option<T> + Send,
    ) -> LeaseOutcome<T, ()> {
        match self.read(name).await.and_then(&mut accept) {
            Some(value) => LeaseOutcome::Filled(value),
            None if self.is_down || self.is_leased => LeaseOutcome::Bypass,
            None => LeaseOutcome::Acquired(()),
        }
    }

    async fn write(&self, name: &String, _: Option<()>, value: &RemoteEntry, _: Duration) {
        if !self.is_down {
            self.items.lock().unwrap().insert(name.clone(), value.clone());
        }
    }

    async fn release(&self, _: &String, (): ()) {
        self.released.fetch_add(1, Relaxed);
    }
}

type Cache = TieredCache<u8, &'static str, u32, &'static str>;

fn cache() -> Cache {
    TieredCache::new("kind", POLICY)
}

fn scope(remote: &Remote) -> Scope<u8, &Remote> {
    Scope { id: 1, remote: Some(remote) }
}

async fn get(
    cache: &Cache,
    remote: &Remote,
    origin: Result<u32, &'static str>,
) -> Option<(u32, CacheStatus)> {
    let lookup = cache.get(&scope(remote), &"key", async { origin }).await.ok()?;
    Some((*lookup.value, lookup.status))
}

#[tokio::test(start_paused = true)]
async fn a_lookup_reads_memory_then_the_remote_cache_then_the_origin() {
    let (cache, remote) = (cache(), Remote::default());
    assert_eq!(get(&cache, &remote, Ok(1)).await, Some((1, ORIGIN)));
    assert_eq!(remote.text().as_deref(), Some("1"), "written through");
    assert_eq!(get(&cache, &remote, Ok(2)).await, Some((1, CacheStatus::Hit)));
    assert_eq!(get(&self::cache(), &remote, Ok(2)).await, Some((1, REMOTE)), "another process");
    let other = Scope { id: 2, remote: None::<&Remote> };
    let lookup = cache.get(&other, &"key", async { Ok(3) }).await.unwrap();
    assert_eq!((*lookup.value, lookup.status), (3, ORIGIN), "another scope");
}

#[tokio::test(start_paused = true)]
async fn remote_items_that_are_expired_malformed_or_from_the_future_are_replaced() {
    for remote in [
        Remote::with("1", MINUTE),
        Remote::with("x", Duration::ZERO),
        Remote { is_down: true, ..Remote::with("1", Duration::ZERO) },
    ] {
        assert_eq!(get(&cache(), &remote, Ok(2)).await, Some((2, ORIGIN)));
    }
    let now = Utc::now();
    for (milliseconds_ago, expected) in [(7, Some(7)), (0, Some(0)), (-500, Some(0)), (-501, None)] {
        let as_of = now - TimeDelta::milliseconds(milliseconds_ago);
        let age = RemoteEntry { as_of, text: String::new() }.age(now);
        assert_eq!(age.map(|age| age.as_millis()), expected, "{milliseconds_ago}");
    }
}

#[tokio::test(start_paused = true)]
async fn preload_wants_a_remote_item_of_half_the_ttl_and_refresh_wants_none() {
    let (cache, remote) = (cache(), Remote::with("1", MINUTE / 2));
    assert_eq!(get(&cache, &remote, Ok(2)).await, Some((1, REMOTE)));
    let lookup = cache.preload(&scope(&remote), &"key", async { Ok(3) }).await.unwrap();
    assert_eq!((*lookup.value, lookup.status), (3, ORIGIN));
    let newer = cache.refresh(&scope(&remote), &"key", &lookup.value, async { Ok(4) }).await.unwrap();
    assert_eq!((*newer, remote.text().as_deref()), (4, Some("4")));
    assert!(cache.is_fresh(&scope(&remote), &"key"));
}

#[tokio::test(start_paused = true)]
async fn read_remote_loads_nothing() {
    let (cache, remote) = (cache(), Remote::default());
    cache.read_remote(&scope(&remote), &"key").await;
    assert!(!cache.is_fresh(&scope(&remote), &"key"));
    let remote = Remote::with("1", Duration::ZERO);
    cache.read_remote(&scope(&remote), &"key").await;
    assert_eq!(get(&cache, &remote, Err("down")).await, Some((1, CacheStatus::Hit)));
}

async fn get_with_lease(
    cache: &Cache,
    remote: &Remote,
    freshness: Option<Freshness>,
    origin: Result<u32, LoadError<&'static str>>,
) -> Result<(u32, CacheStatus), CacheError<&'static str>> {
    let load = |_| async { origin };
    let lookup = cache.get_with_lease(&scope(remote), &"key", |_| freshness, MINUTE, load).await?;
    Ok((*lookup.value, lookup.status))
}

#[tokio::test(start_paused = true)]
async fn the_callers_policy_judges_remote_items() {
    let down = || Err(LoadError::Unavailable("down"));
    let failed = Err(CacheError::LoadFailed("down"));
    for (freshness, origin, expected, text) in [
        (Some(Freshness::Fresh), Ok(2), Ok((1, REMOTE)), "1"),
        (Some(Freshness::StaleIfError), Ok(2), Ok((2, ORIGIN)), "2"),
        (Some(Freshness::StaleIfError), down(), Ok((1, CacheStatus::Stale)), "1"),
        (None, Ok(2), Ok((2, ORIGIN)), "2"),
        (None, down(), failed.clone(), "1"),
    ] {
        let remote = Remote::with("1", Duration::ZERO);
        let is_down = origin.is_err();
        assert_eq!(get_with_lease(&cache(), &remote, freshness, origin).await, expected, "{freshness:?}");
        assert_eq!(remote.text().as_deref(), Some(text), "{freshness:?}");
        assert_eq!(remote.released.load(Relaxed), u32::from(is_down), "a failed load releases its lease");
    }
    let leased = Remote { is_leased: true, ..Remote::default() };
    assert_eq!(
        get_with_lease(&cache(), &leased, None, Ok(2)).await,
        Ok((2, ORIGIN)),
        "loads without a lease"
    );
    assert_eq!(get_with_lease(&cache(), &leased, None, down()).await, failed);
    assert_eq!(leased.released.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn values_in_memory_are_bounded_by_size() {
    let cache = cache().with_max_bytes(100, |value| *value as usize);
    let scope = Scope { id: 1, remote: None::<&Remote> };
    for (key, size) in [("a", 60), ("b", 40)] {
        cache.get(&scope, &key, async { Ok(size) }).await.unwrap();
    }
    assert!(cache.is_fresh(&scope, &"a") && cache.is_fresh(&scope, &"b"));
    cache.insert(&scope, &"c", Arc::new(1)).await;
    assert!(!cache.is_fresh(&scope, &"a") && cache.is_fresh(&scope, &"b") && cache.is_fresh(&scope, &"c"));
}
