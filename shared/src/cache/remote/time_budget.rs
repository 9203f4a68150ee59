//! How much of a request's time the table may take.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A request loses no more than 100 ms, whatever the table does: this much to calls, and the rest to what is around
/// them. DynamoDB answers within ten milliseconds.
const MOST: Duration = Duration::from_millis(95);

/// The time that one request has spent with the table. Calls at the same moment count once.
#[derive(Debug, Default)]
pub(crate) struct TableTimeBudget(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    before: Duration,
    /// How many calls are under way, and since when there has been one.
    calls: u32,
    since: Option<Instant>,
}

/// A call that is under way.
pub(super) struct Call<'a>(&'a TableTimeBudget);

impl TableTimeBudget {
    /// Begins a call that may take so long; `None` if there is no time left for one.
    pub(super) fn begin(&self) -> Option<(Call<'_>, Duration)> {
        let mut spent = self.spent();
        let left = MOST.saturating_sub(spent.in_all());
        if left.is_zero() {
            return None;
        }
        spent.calls += 1;
        spent.since.get_or_insert_with(Instant::now);
        Some((Call(self), left))
    }

    fn spent(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    fn in_all(&self) -> Duration {
        self.before + self.since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut spent = self.0.spent();
        spent.calls = spent.calls.saturating_sub(1);
        if spent.calls == 0 {
            spent.before = spent.in_all();
            spent.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_share_the_time_and_those_at_the_same_moment_count_once() {
        let patience = TableTimeBudget::default();
        let ms = Duration::from_millis;
        let (one, left) = patience.begin().unwrap();
        assert_eq!(left, MOST);
        advance(ms(10)).await;
        let (other, left) = patience.begin().unwrap();
        assert_eq!(left, MOST - ms(10));
        drop(one);
        advance(ms(10)).await;
        drop(other);
        advance(ms(500)).await;
        let (last, left) = patience.begin().unwrap();
        assert_eq!(left, MOST - ms(20), "the time between calls is the request's own");
        advance(left).await;
        assert!(patience.begin().is_none());
        drop(last);
        assert!(patience.begin().is_none());
    }
}
