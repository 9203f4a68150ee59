//! The time budget of the table: how much of a request's time its calls may take.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A request may spend 100 ms on the table: this much on calls, and the rest on processing. DynamoDB answers within 10
/// ms.
const BUDGET: Duration = Duration::from_millis(95);

/// A call that takes this long is slow. A request needs three calls per window.
pub(super) const SLOW_CALL: Duration = Duration::from_millis(30);

/// The time that one request has spent on calls to the table. Concurrent calls count once.
#[derive(Debug, Default)]
pub(crate) struct TableTimeBudget(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    /// The time spent before the calls in flight.
    before: Duration,
    calls_in_flight: u32,
    /// When the first of the calls in flight began.
    since: Option<Instant>,
    had_slow_call: bool,
}

/// A call in flight.
pub(super) struct Call<'a> {
    budget: &'a TableTimeBudget,
    started: Instant,
}

impl TableTimeBudget {
    /// Starts a call, and returns the time that it may take; `None` if the budget is used up.
    pub(super) fn start_call(&self) -> Option<(Call<'_>, Duration)> {
        let mut spent = self.spent();
        let left = BUDGET.saturating_sub(spent.total());
        if left.is_zero() {
            return None;
        }
        let started = Instant::now();
        spent.calls_in_flight += 1;
        spent.since.get_or_insert(started);
        Some((Call { budget: self, started }, left))
    }

    /// Whether any of the finished calls was slow.
    pub(super) fn had_slow_call(&self) -> bool {
        self.spent().had_slow_call
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    fn total(&self) -> Duration {
        self.before + self.since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut spent = self.budget.spent();
        spent.had_slow_call |= self.started.elapsed() >= SLOW_CALL;
        spent.calls_in_flight = spent.calls_in_flight.saturating_sub(1);
        if spent.calls_in_flight == 0 {
            spent.before = spent.total();
            spent.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_share_the_budget_and_concurrent_ones_count_once() {
        let budget = TableTimeBudget::default();
        let ms = Duration::from_millis;
        let (first, left) = budget.start_call().unwrap();
        assert_eq!(left, BUDGET);
        advance(ms(10)).await;
        let (second, left) = budget.start_call().unwrap();
        assert_eq!(left, BUDGET - ms(10));
        drop(first);
        advance(ms(10)).await;
        drop(second);
        advance(ms(500)).await;
        let (last, left) = budget.start_call().unwrap();
        assert_eq!(left, BUDGET - ms(20), "time between calls does not count");
        advance(left).await;
        assert!(budget.start_call().is_none() && !budget.had_slow_call());
        drop(last);
        assert!(budget.start_call().is_none() && budget.had_slow_call());
    }
}
