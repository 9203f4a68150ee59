//! A bounded map of cached values with least-recently-used eviction.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use super::{CachePolicy, CachedValue};

/// The maximum number of entries, which bounds memory regardless of the number of keys.
const MAX_ENTRIES: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// One [`CachedValue`] per key, all with the same policy. Evicts the least recently used entries. A lookup is O(1).
#[derive(Debug)]
pub(crate) struct LruMap<K: Hash + Eq, T, E> {
    policy: CachePolicy,
    max_bytes: usize,
    entries: Mutex<Entries<K, T, E>>,
}

#[derive(Debug)]
struct Entries<K: Hash + Eq, T, E> {
    by_key: LruCache<K, Entry<T, E>>,
    /// The sum of all entries' sizes.
    bytes: usize,
}

#[derive(Debug)]
struct Entry<T, E> {
    value: Arc<CachedValue<T, E>>,
    bytes: usize,
}

impl<K: Hash + Eq + Clone, T, E: Clone> LruMap<K, T, E> {
    /// An empty map whose values are not measured.
    pub(crate) fn new(policy: CachePolicy) -> Self {
        Self::with_max_bytes(policy, usize::MAX)
    }

    /// An empty map whose values take at most `max_bytes`, as recorded by [`Self::set_size`].
    pub(crate) fn with_max_bytes(policy: CachePolicy, max_bytes: usize) -> Self {
        let entries = Entries { by_key: LruCache::new(MAX_ENTRIES), bytes: 0 };
        Self { policy, max_bytes, entries: Mutex::new(entries) }
    }

    /// The entry of this key. A new one may evict the least recently used.
    pub(crate) fn entry(&self, key: &K) -> Arc<CachedValue<T, E>> {
        let mut entries = self.entries();
        if let Some(entry) = entries.by_key.get(key) {
            return entry.value.clone();
        }
        let value = Arc::new(CachedValue::new(self.policy));
        let evicted = entries.by_key.push(key.clone(), Entry { value: value.clone(), bytes: 0 });
        entries.bytes -= evicted.map_or(0, |(_, entry)| entry.bytes);
        value
    }

    /// The entry of this key, if there is one. Does not count as a use.
    pub(crate) fn peek(&self, key: &K) -> Option<Arc<CachedValue<T, E>>> {
        self.entries().by_key.peek(key).map(|entry| entry.value.clone())
    }

    /// Records the size of an entry's value. Evicts the least recently used entries while the total size exceeds the
    /// limit.
    pub(crate) fn set_size(&self, key: &K, bytes: usize) {
        let mut entries = self.entries();
        let Some(entry) = entries.by_key.peek_mut(key) else { return };
        let before = std::mem::replace(&mut entry.bytes, bytes);
        entries.bytes = entries.bytes - before + bytes;
        while entries.bytes > self.max_bytes
            && let Some((_, evicted)) = entries.by_key.pop_lru()
        {
            entries.bytes -= evicted.bytes;
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, T, E>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::{Cooldown, OnError, RefreshPolicy};

    const MINUTE: Duration = Duration::from_secs(60);

    const POLICY: CachePolicy = CachePolicy {
        ttl: MINUTE,
        load_timeout: MINUTE,
        on_error: OnError::Fail,
        refresh: RefreshPolicy { load_timeout: MINUTE, cooldown: Cooldown::Fixed(MINUTE) },
    };

    impl<K: Hash + Eq, T, E> LruMap<K, T, E> {
        fn has(&self, key: &K) -> bool {
            self.entries.lock().unwrap().by_key.contains(key)
        }
    }

    #[test]
    fn the_least_recently_used_entry_is_evicted() {
        let map: LruMap<usize, usize, ()> = LruMap::new(POLICY);
        for key in 0..MAX_ENTRIES.get() {
            map.entry(&key).insert(Arc::new(key), Duration::ZERO);
        }
        assert_eq!(map.entry(&0).peek().map(|lookup| *lookup.value), Some(0));
        assert!(map.entry(&MAX_ENTRIES.get()).peek().is_none(), "a new entry is empty");
        assert!(map.has(&0) && !map.has(&1), "0 was used since, 1 was not");
    }

    #[test]
    fn entries_are_evicted_while_they_are_too_large_together() {
        let map: LruMap<&str, usize, ()> = LruMap::with_max_bytes(POLICY, 100);
        let insert = |key: &'static str, bytes: usize| {
            map.entry(&key).insert(Arc::new(bytes), Duration::ZERO);
            map.set_size(&key, bytes);
        };
        let keys =
            || ["a", "b", "c", "d", "e", "f"].into_iter().filter(|key| map.has(key)).collect::<String>();
        insert("a", 40);
        insert("b", 40);
        insert("c", 20);
        insert("a", 40);
        assert_eq!(keys(), "abc");
        insert("d", 50);
        assert_eq!(keys(), "ad", "b and c were the least recently used");
        insert("e", 101);
        assert_eq!(keys(), "", "a value that is too large by itself is not kept");
        insert("f", 100);
        assert_eq!(keys(), "f", "the sizes of evicted entries are subtracted");
    }
}
