//! One cell for each key, as many as are allowed.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

use super::{Cell, Rules};

/// How many cells are kept, so that memory is bounded however many callers there are.
const MOST_KEPT: usize = 1_000;

/// Cells of the same rules, one for each key.
#[derive(Debug)]
pub(crate) struct Keyed<K, T, E> {
    rules: Rules,
    cells: Mutex<HashMap<K, Used<T, E>>>,
}

#[derive(Debug)]
struct Used<T, E> {
    last: Instant,
    cell: Arc<Cell<T, E>>,
}

impl<K: Hash + Eq + Clone, T, E: Clone> Keyed<K, T, E> {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, cells: Mutex::new(HashMap::new()) }
    }

    /// The cell of this key. Where there would be too many, the one that was not used for longest goes.
    pub(crate) fn cell<Q>(&self, key: &Q) -> Arc<Cell<T, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = cells.get_mut(key) {
            used.last = Instant::now();
            return used.cell.clone();
        }
        if cells.len() >= MOST_KEPT
            && let Some(oldest) = cells.iter().min_by_key(|(_, used)| used.last).map(|(key, _)| key.clone())
        {
            cells.remove(oldest.borrow());
        }
        let cell = Arc::new(Cell::new(self.rules));
        cells.insert(key.to_owned(), Used { last: Instant::now(), cell: cell.clone() });
        cell
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{BackOff, CoolDown, Renewal},
        *,
    };

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn the_cell_that_was_not_used_for_longest_goes_first() {
        let renewal = Renewal { timeout: MINUTE, cool_down: CoolDown::Always(MINUTE) };
        let keyed: Keyed<usize, usize, ()> =
            Keyed::new(Rules { max_age: MINUTE, timeout: MINUTE, back_off: BackOff::None, renewal });
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
}
