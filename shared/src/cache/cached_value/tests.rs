use std::sync::Mutex;

use futures_util::future::join_all;
use tokio::time::{advance, sleep, timeout};

use super::*;
use crate::cache::{Backoff, Cooldown, OnError, RefreshPolicy};
use Answer::{Down, Gone, Hang, Late, Rejected, Same, Value};
use Call::{Get, GetAtLeast, Preload, Refresh};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(1);

const POLICY: CachePolicy = CachePolicy {
    ttl: MINUTE,
    load_timeout: Duration::from_secs(4),
    on_error: OnError::ServeStale {
        backoff: Backoff::new(SECOND, Duration::from_secs(8)),
        load_timeout: Duration::from_secs(2),
        backoff_without_value: true,
    },
    refresh: RefreshPolicy {
        load_timeout: Duration::from_secs(3),
        cooldown: Cooldown::Fixed(Duration::from_secs(10)),
    },
};

/// The time-outs of loads under [`POLICY`], in seconds.
const LOAD: Option<u64> = Some(4);
const LOAD_WITH_STALE: Option<u64> = Some(2);
const LOAD_OF_REFRESH: Option<u64> = Some(3);
const NO_LOAD: Option<u64> = None;

const NO_STALE: CachePolicy = CachePolicy { on_error: OnError::Fail, ..POLICY };

const fn with_cooldown(cooldown: Cooldown) -> CachePolicy {
    CachePolicy {
        refresh: RefreshPolicy { cooldown, ..POLICY.refresh },
        ttl: Duration::from_hours(1),
        ..POLICY
    }
}

/// What the source answers to a load.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Value(u32),
    /// The value, after a delay.
    Late(Duration, u32),
    /// The cached value again.
    Same,
    Down,
    Gone,
    Rejected,
    Hang,
}

/// A call of a method of [`CachedValue`].
#[derive(Debug, Clone, Copy)]
enum Call {
    Get,
    /// `get_with_policy`: values of this size or more are fresh for a minute, and stale-if-error for another. Waits five
    /// seconds for another load.
    GetAtLeast(u32),
    Preload,
    /// A refresh that finds no newer value counts as a hit.
    Refresh,
}

type Outcome = Result<(u32, CacheStatus), CacheError<&'static str>>;

const fn hit(value: u32) -> Outcome {
    Ok((value, CacheStatus::Hit))
}

const fn miss(value: u32) -> Outcome {
    Ok((value, CacheStatus::Miss(Source::Origin)))
}

const fn stale(value: u32) -> Outcome {
    Ok((value, CacheStatus::Stale))
}

const COALESCED: Outcome = Ok((1, CacheStatus::Coalesced));
const DOWN: Outcome = Err(CacheError::LoadFailed("down"));
const GONE: Outcome = Err(CacheError::LoadFailed("gone"));
const REJECTED: Outcome = Err(CacheError::LoadFailed("rejected"));
const LATE: Outcome = Err(CacheError::LoadFailed("late"));

/// A cached value and its source.
struct Setting {
    cached: CachedValue<u32, &'static str>,
    answer: Mutex<Answer>,
    /// The time-outs of all loads, in seconds.
    loads: Mutex<Vec<u64>>,
}

impl Setting {
    fn new(policy: CachePolicy, answer: Answer) -> Self {
        Self { cached: CachedValue::new(policy), answer: answer.into(), loads: Mutex::default() }
    }

    fn change(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    async fn load(&self, limit: Duration) -> Result<Loaded<u32>, LoadError<&'static str>> {
        self.loads.lock().unwrap().push(limit.as_secs());
        let answer = *self.answer.lock().unwrap();
        let answering = async {
            match answer {
                Value(value) => Ok(Arc::new(value).into()),
                Late(delay, value) => {
                    sleep(delay).await;
                    Ok(Arc::new(value).into())
                }
                Same => Ok(self.cached.peek().unwrap().value.into()),
                Down => Err(LoadError::Unavailable("down")),
                Gone => Err(LoadError::NotFound("gone")),
                Rejected => Err(LoadError::Rejected("rejected")),
                Hang => std::future::pending().await,
            }
        };
        timeout(limit, answering).await.unwrap_or(Err(LoadError::Unavailable("late")))
    }

    async fn call(&self, call: Call) -> Outcome {
        let load = |limit| self.load(limit);
        let lookup = match call {
            Get => self.cached.get(load).await?,
            GetAtLeast(least) => {
                let freshness = |value: &u32, age: Duration| {
                    let freshness = if age < MINUTE { Freshness::Fresh } else { Freshness::StaleIfError };
                    (*value >= least && age < 2 * MINUTE).then_some(freshness)
                };
                self.cached.get_with_policy(freshness, 5 * SECOND, load).await?
            }
            Preload => self.cached.preload(load).await?,
            Refresh => {
                let seen = self.cached.peek().unwrap().value;
                return Ok(match self.cached.refresh(&seen, load).await? {
                    Some(newer) => (*newer, CacheStatus::Miss(Source::Origin)),
                    None => (*seen, CacheStatus::Hit),
                });
            }
        };
        Ok((*lookup.value, lookup.status))
    }

    fn take_loads(&self) -> Vec<u64> {
        std::mem::take(&mut self.loads.lock().unwrap())
    }

    /// Makes calls in sequence, each at a number of milliseconds and with an answer of the source. Checks the outcome, and
    /// the time-out of the load, if any.
    async fn check<const N: usize>(&self, steps: [(u64, Call, Answer, Outcome, Option<u64>); N]) {
        let started = Instant::now();
        for (at, call, answer, outcome, load) in steps {
            advance(Duration::from_millis(at) - started.elapsed()).await;
            self.change(answer);
            assert_eq!(self.call(call).await, outcome, "{call:?} at {at} ms");
            assert_eq!(self.take_loads(), Vec::from_iter(load), "{call:?} at {at} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn preload_loads_again_after_half_of_the_ttl() {
    Setting::new(POLICY, Down)
        .check([
            (0, Preload, Value(1), miss(1), LOAD),
            (29_999, Preload, Value(2), hit(1), NO_LOAD),
            (30_000, Preload, Value(2), miss(2), LOAD),
            (59_999, Preload, Value(3), hit(2), NO_LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn loads_back_off_after_failures_until_a_success() {
    Setting::new(POLICY, Down)
        .check([
            (0, Get, Down, DOWN, LOAD),
            // The first failure may have been transient.
            (1, Get, Down, DOWN, LOAD),
            (2_000, Get, Down, DOWN, NO_LOAD),
            (2_001, Get, Value(1), miss(1), LOAD),
            (62_001, Get, Down, stale(1), LOAD_WITH_STALE),
            (63_000, Get, Down, stale(1), NO_LOAD),
            (63_001, Get, Down, stale(1), LOAD_WITH_STALE),
            (65_000, Get, Down, stale(1), NO_LOAD),
            (65_001, Get, Value(2), miss(2), LOAD_WITH_STALE),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn on_error_fail_has_neither_backoff_nor_stale_values() {
    Setting::new(NO_STALE, Down)
        .check([
            (0, Get, Down, DOWN, LOAD),
            (1, Get, Down, DOWN, LOAD),
            (2, Get, Down, DOWN, LOAD),
            (3, Get, Value(1), miss(1), LOAD),
            (60_003, Get, Down, DOWN, LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn not_found_removes_the_value_and_starts_no_backoff() {
    Setting::new(POLICY, Down)
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (60_000, Get, Gone, GONE, LOAD_WITH_STALE),
            (60_000, Get, Gone, GONE, LOAD),
            (60_000, Get, Value(2), miss(2), LOAD),
            (60_000, Refresh, Gone, GONE, LOAD_OF_REFRESH),
            (60_000, Get, Down, DOWN, LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn rejected_is_not_replaced_by_a_stale_value_and_starts_no_backoff() {
    Setting::new(POLICY, Down)
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (60_000, Get, Rejected, REJECTED, LOAD_WITH_STALE),
            (60_001, Get, Rejected, REJECTED, LOAD_WITH_STALE),
            // The value stays cached.
            (60_002, Get, Down, stale(1), LOAD_WITH_STALE),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_preload_starts_no_backoff_and_keeps_the_value() {
    Setting::new(POLICY, Down)
        .check([
            (0, Preload, Down, DOWN, LOAD),
            (1, Preload, Down, DOWN, LOAD),
            (2, Get, Value(1), miss(1), LOAD),
            (30_002, Preload, Down, DOWN, LOAD),
            (30_002, Get, Down, hit(1), NO_LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn preload_does_not_shorten_a_backoff_and_its_success_ends_it() {
    Setting::new(POLICY, Down)
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (60_000, Get, Down, stale(1), LOAD_WITH_STALE),
            (60_000, Preload, Down, DOWN, LOAD),
            (60_000, Get, Down, stale(1), NO_LOAD),
            (60_000, Preload, Value(2), miss(2), LOAD),
            (60_000, Get, Down, hit(2), NO_LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn one_refresh_per_fixed_cooldown() {
    Setting::new(POLICY, Down)
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (0, Refresh, Value(2), miss(2), LOAD_OF_REFRESH),
            (0, Refresh, Value(3), hit(2), NO_LOAD),
            (9_999, Refresh, Value(3), hit(2), NO_LOAD),
            (10_000, Refresh, Value(3), miss(3), LOAD_OF_REFRESH),
            (19_999, Refresh, Value(4), hit(3), NO_LOAD),
            (20_000, Refresh, Value(4), miss(4), LOAD_OF_REFRESH),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_counts_for_cooldown_and_backoff() {
    Setting::new(POLICY, Down)
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (0, Refresh, Down, DOWN, LOAD_OF_REFRESH),
            (1, Refresh, Value(2), DOWN, NO_LOAD),
            (1, Get, Value(2), hit(1), NO_LOAD),
            (9_999, Refresh, Value(2), DOWN, NO_LOAD),
            (10_000, Refresh, Down, DOWN, LOAD_OF_REFRESH),
            // A successful preload ends the backoff, but not the cool-down.
            (40_000, Refresh, Down, DOWN, LOAD_OF_REFRESH),
            (40_000, Preload, Value(1), miss(1), LOAD),
            (40_000, Refresh, Value(2), hit(1), NO_LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn refresh_waits_for_the_end_of_a_backoff() {
    Setting::new(with_cooldown(Cooldown::Fixed(Duration::ZERO)), Down)
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (0, Refresh, Down, DOWN, LOAD_OF_REFRESH),
            (999, Refresh, Down, DOWN, NO_LOAD),
            (1_000, Refresh, Down, DOWN, LOAD_OF_REFRESH),
            (2_999, Refresh, Down, DOWN, NO_LOAD),
            (3_000, Refresh, Value(2), miss(2), LOAD_OF_REFRESH),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn cooldown_grows_while_the_value_is_unchanged() {
    let cooldown = Cooldown::WhileUnchanged(Backoff::new(SECOND, Duration::from_secs(4)));
    let setting = Setting::new(with_cooldown(cooldown), Down);
    setting
        .check([
            (0, Get, Value(1), miss(1), LOAD),
            (0, Refresh, Same, hit(1), LOAD_OF_REFRESH),
            (0, Refresh, Same, hit(1), LOAD_OF_REFRESH),
            (999, Refresh, Same, hit(1), NO_LOAD),
            (1_000, Refresh, Same, hit(1), LOAD_OF_REFRESH),
            (2_999, Refresh, Same, hit(1), NO_LOAD),
            // Another value resets it.
            (3_000, Refresh, Value(2), miss(2), LOAD_OF_REFRESH),
            (3_000, Refresh, Same, hit(2), LOAD_OF_REFRESH),
            (3_000, Refresh, Same, hit(2), LOAD_OF_REFRESH),
            (3_000, Refresh, Same, hit(2), NO_LOAD),
        ])
        .await;
    setting.cached.insert(Arc::new(3), Duration::ZERO);
    setting.check([(0, Refresh, Same, hit(3), LOAD_OF_REFRESH)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_the_callers_policy_refuses_is_loaded_again() {
    Setting::new(POLICY, Down)
        .check([
            (0, GetAtLeast(0), Value(1), miss(1), LOAD),
            (0, GetAtLeast(1), Down, hit(1), NO_LOAD),
            (0, GetAtLeast(2), Value(2), miss(2), LOAD),
            (0, GetAtLeast(1), Down, hit(2), NO_LOAD),
            // Not even stale-if-error.
            (0, GetAtLeast(3), Down, DOWN, LOAD),
            (60_000, GetAtLeast(2), Down, stale(2), LOAD_WITH_STALE),
            // Expired.
            (120_000, GetAtLeast(2), Down, DOWN, LOAD),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn concurrent_lookups_share_one_load() {
    for policy in [POLICY, NO_STALE, CachePolicy { ttl: Duration::ZERO, ..POLICY }] {
        for first in [Get, Preload] {
            let setting = Setting::new(policy, Late(SECOND, 1));
            let others = join_all((0..100).map(|_| setting.call(Get)));
            let (first, others) = tokio::join!(setting.call(first), others);
            assert_eq!((first, others), (miss(1), vec![COALESCED; 100]), "{policy:?}");
            assert_eq!(setting.take_loads(), [4]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_lookups_share_one_failure() {
    for (policy, answer, expected) in
        [(POLICY, Hang, LATE), (NO_STALE, Hang, LATE), (NO_STALE, Rejected, REJECTED)]
    {
        let setting = Setting::new(policy, answer);
        assert_eq!(join_all((0..100).map(|_| setting.call(Get))).await, vec![expected; 100]);
        assert_eq!(setting.take_loads(), [4]);
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_refreshes_share_one_load() {
    let setting = Setting::new(POLICY, Late(SECOND, 2));
    setting.cached.insert(Arc::new(1), Duration::ZERO);
    assert_eq!(join_all((0..100).map(|_| setting.call(Refresh))).await, vec![miss(2); 100]);
    assert_eq!(setting.take_loads(), [3]);
}

#[tokio::test(start_paused = true)]
async fn stale_while_revalidate() {
    let setting = Setting::new(POLICY, Hang);
    setting.cached.insert(Arc::new(1), MINUTE);
    let others = async {
        let started = Instant::now();
        let revalidating = Ok((1, CacheStatus::Revalidating));
        assert_eq!(join_all((0..100).map(|_| setting.call(Get))).await, vec![revalidating; 100]);
        assert_eq!(started.elapsed(), Duration::ZERO);
    };
    assert_eq!(tokio::join!(setting.call(Get), others).0, stale(1));
    assert_eq!(setting.take_loads(), [2]);
}

#[tokio::test(start_paused = true)]
async fn stale_if_error_waits_for_a_load_in_flight() {
    let setting = Setting::new(POLICY, Late(SECOND, 1));
    setting.cached.insert(Arc::new(0), MINUTE);
    let both = tokio::join!(setting.call(GetAtLeast(0)), setting.call(GetAtLeast(0)));
    assert_eq!(both, (miss(1), COALESCED));
    assert_eq!(setting.take_loads(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_load_counts_as_canceled() {
    let setting = Setting::new(POLICY, Hang);
    assert!(timeout(SECOND, setting.call(Get)).await.is_err());
    assert_eq!(setting.call(Get).await, Err(CacheError::Canceled));
    assert_eq!(setting.take_loads(), [4]);
    setting.change(Value(1));
    advance(TICK).await;
    assert_eq!(setting.call(Get).await, miss(1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_load_starts_no_backoff_where_it_does_not_count() {
    let on_error = OnError::ServeStale {
        backoff: Backoff::new(SECOND, SECOND),
        load_timeout: 2 * SECOND,
        backoff_without_value: false,
    };
    let setting = Setting::new(CachePolicy { on_error, ..POLICY }, Value(1));
    assert_eq!(setting.call(Get).await, miss(1));
    advance(MINUTE).await;
    setting.change(Hang);
    assert!(timeout(SECOND, setting.call(Get)).await.is_err());
    setting.change(Value(2));
    assert_eq!(setting.call(Get).await, miss(2));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_takes_over_a_dropped_load() {
    let setting = Setting::new(NO_STALE, Hang);
    let waiters = async {
        setting.change(Value(1));
        join_all((0..100).map(|_| setting.call(Get))).await
    };
    let (dropped, waiters) = tokio::join!(timeout(SECOND, setting.call(Get)), waiters);
    assert!(dropped.is_err());
    assert_eq!((&waiters[0], &waiters[1..]), (&miss(1), &vec![COALESCED; 99][..]));
    assert_eq!(setting.take_loads(), [4, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_loads_concurrently_after_max_wait() {
    let policy = CachePolicy { load_timeout: MINUTE, ..POLICY };
    for (answer, expected) in [(Value(2), miss(2)), (Down, DOWN), (Gone, GONE), (Rejected, REJECTED)] {
        let setting = Setting::new(policy, Late(8 * SECOND, 1));
        let impatient = async {
            setting.change(answer);
            let started = Instant::now();
            assert_eq!(setting.call(GetAtLeast(0)).await, expected);
            assert_eq!(started.elapsed().as_secs(), 5);
        };
        assert_eq!(tokio::join!(setting.call(GetAtLeast(0)), impatient).0, miss(1));
        // The slow load ended last.
        assert_eq!(setting.call(GetAtLeast(0)).await, hit(1));
        assert_eq!(setting.take_loads(), [60, 60]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_inserted_value_has_its_age() {
    let setting = Setting::new(POLICY, Down);
    setting.cached.insert(Arc::new(1), MINUTE - SECOND);
    assert_eq!(setting.call(Get).await, hit(1));
    advance(SECOND).await;
    assert_eq!(setting.call(Get).await, stale(1));
    setting.cached.insert(Arc::new(2), 2 * MINUTE);
    assert_eq!(setting.call(Get).await, stale(1), "an older value does not replace it");
    setting.cached.insert(Arc::new(3), Duration::ZERO);
    assert_eq!(setting.call(Get).await, hit(3));
    advance(MINUTE).await;
    let old = Loaded { value: Arc::new(4), age: MINUTE, source: Source::RemoteCache };
    let lookup = setting.cached.get(|_| async { Ok(old) }).await.unwrap();
    assert_eq!((*lookup.value, lookup.status), (4, CacheStatus::Miss(Source::RemoteCache)));
    assert_eq!(setting.cached.peek().unwrap().status, CacheStatus::Stale);
}
