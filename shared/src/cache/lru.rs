//! One cell for each key, as many as are allowed.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

use super::{CachePolicy, CachedValue};

/// How many cells are kept, so that memory is bounded however many callers there are.
const MOST_KEPT: usize = 1_000;

/// Cells of the same rules, one for each key.
#[derive(Debug)]
pub(crate) struct LruMap<K, T, E> {
    rules: CachePolicy,
    bound: Option<Bound<T>>,
    cells: Mutex<HashMap<K, Used<T, E>>>,
}

/// How large all values may be together.
#[derive(Debug)]
struct Bound<T> {
    most: usize,
    size: fn(&T) -> usize,
}

#[derive(Debug)]
struct Used<T, E> {
    last: Instant,
    cell: Arc<CachedValue<T, E>>,
}

impl<K: Hash + Eq + Clone, T, E: Clone> LruMap<K, T, E> {
    pub(crate) fn new(rules: CachePolicy) -> Self {
        Self { rules, bound: None, cells: Mutex::new(HashMap::new()) }
    }

    /// With values that have sizes. Together they are no larger than `most` when a cell is handed out.
    pub(crate) fn bounded(rules: CachePolicy, most: usize, size: fn(&T) -> usize) -> Self {
        Self { bound: Some(Bound { most, size }), ..Self::new(rules) }
    }

    /// The cell of this key. Where there would be too many, those that were not used for longest go.
    pub(crate) fn cell<Q>(&self, key: &Q) -> Arc<CachedValue<T, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = match cells.get_mut(key) {
            Some(used) => {
                used.last = Instant::now();
                used.cell.clone()
            }
            None => {
                if cells.len() >= MOST_KEPT {
                    remove_oldest(&mut cells);
                }
                let cell = Arc::new(CachedValue::new(self.rules));
                cells.insert(key.to_owned(), Used { last: Instant::now(), cell: cell.clone() });
                cell
            }
        };
        if let Some(Bound { most, size }) = self.bound {
            let size_of = |used: &Used<T, E>| used.cell.peek().map_or(0, |served| size(&served.value));
            let mut sizes: usize = cells.values().map(size_of).sum();
            while sizes > most {
                sizes -= remove_oldest(&mut cells).map_or(sizes, |used| size_of(&used));
            }
        }
        cell
    }
}

fn remove_oldest<K: Hash + Eq + Clone, T, E>(cells: &mut HashMap<K, Used<T, E>>) -> Option<Used<T, E>> {
    let oldest = cells.iter().min_by_key(|(_, used)| used.last).map(|(key, _)| key.clone())?;
    cells.remove(&oldest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::{Cooldown, OnError, RefreshPolicy};

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn the_cell_that_was_not_used_for_longest_goes_first() {
        let refresh = RefreshPolicy { timeout: MINUTE, cooldown: Cooldown::Fixed(MINUTE) };
        let keyed: LruMap<usize, usize, ()> =
            LruMap::new(CachePolicy { ttl: MINUTE, timeout: MINUTE, on_error: OnError::Fail, refresh });
        for key in 0..MOST_KEPT {
            keyed.cell(&key).get(|_| async move { Ok(Arc::new(key)) }).await.unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let kept = |key| keyed.cell(&key).peek().map(|served| *served.value);
        assert_eq!(kept(0), Some(0));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(kept(MOST_KEPT), None, "a new one");
        assert_eq!(kept(0), Some(0), "used since");
        assert_eq!(keyed.cells.lock().unwrap().len(), MOST_KEPT);
        assert!(!keyed.cells.lock().unwrap().contains_key(&1));
    }

    #[tokio::test(start_paused = true)]
    async fn values_together_are_no_larger_than_they_may_be() {
        let refresh = RefreshPolicy { timeout: MINUTE, cooldown: Cooldown::Fixed(MINUTE) };
        let rules = CachePolicy { ttl: MINUTE, timeout: MINUTE, on_error: OnError::Fail, refresh };
        let keyed: LruMap<&str, usize, ()> = LruMap::bounded(rules, 100, |size| *size);
        let keep = async |key: &'static str, size: usize| {
            keyed.cell(&key).offer(Arc::new(size), Duration::ZERO);
            tokio::time::advance(Duration::from_millis(1)).await;
        };
        let kept = || {
            let mut keys: Vec<_> = keyed.cells.lock().unwrap().keys().copied().collect();
            keys.sort_unstable();
            keys
        };
        keep("a", 40).await;
        keep("b", 40).await;
        keep("c", 20).await;
        keep("a", 40).await;
        assert_eq!(kept(), ["a", "b", "c"]);
        keep("d", 50).await;
        keep("d", 50).await;
        assert_eq!(kept(), ["a", "d"], "those that were not used for longest went");
        keep("e", 101).await;
        keep("f", 0).await;
        assert_eq!(kept(), ["f"], "what is too large by itself goes too");
    }
}
