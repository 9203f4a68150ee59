use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use tokio::time::{advance, sleep, timeout};

use super::*;
use crate::cache::{Backoff, Cooldown, OnError, RefreshPolicy};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MISS: CacheStatus = CacheStatus::Miss(Source::Origin);
const TICK: Duration = Duration::from_millis(1);

/// What the source does at one load.
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

/// A cached value and its source, which repeats its last answer.
struct Setting {
    cached: CachedValue<u32, &'static str>,
    answers: Mutex<VecDeque<Answer>>,
    loads: AtomicU32,
}

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

const NO_STALE: CachePolicy = CachePolicy { on_error: OnError::Fail, ..POLICY };

fn setting(policy: CachePolicy, answers: impl IntoIterator<Item = Answer>) -> Arc<Setting> {
    Arc::new(Setting {
        cached: CachedValue::new(policy),
        answers: Mutex::new(answers.into_iter().collect()),
        loads: AtomicU32::new(0),
    })
}

impl Setting {
    async fn load(&self, limit: Duration) -> Result<Arc<u32>, LoadError<&'static str>> {
        self.loads.fetch_add(1, Relaxed);
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() }
        };
        let answering = async {
            match answer.unwrap() {
                Answer::Value(value) => Ok(Arc::new(value)),
                Answer::Late(time, value) => {
                    sleep(time).await;
                    Ok(Arc::new(value))
                }
                Answer::Same => Ok(self.cached.peek().unwrap().value),
                Answer::Down => Err(LoadError::Unavailable("down")),
                Answer::Gone => Err(LoadError::NotFound("gone")),
                Answer::Rejected => Err(LoadError::Rejected("refused")),
                Answer::Hang => std::future::pending().await,
            }
        };
        timeout(limit, answering).await.unwrap_or(Err(LoadError::Unavailable("late")))
    }

    fn change(&self, answer: Answer) {
        *self.answers.lock().unwrap() = [answer].into();
    }

    fn loads(&self) -> u32 {
        self.loads.load(Relaxed)
    }

    async fn get(&self) -> Result<(u32, CacheStatus), CacheError<&'static str>> {
        let served = self.cached.get(|limit| self.load(limit)).await?;
        Ok((*served.value, served.status))
    }

    async fn preload(&self) -> Result<u32, CacheError<&'static str>> {
        self.cached.preload(|limit| self.load(limit)).await.map(|served| *served.value)
    }

    async fn refresh(&self) -> Result<Option<u32>, CacheError<&'static str>> {
        let seen = self.cached.peek().unwrap().value;
        self.cached.refresh(&seen, |limit| self.load(limit)).await.map(|value| value.map(|value| *value))
    }
}

/// A lookup with a custom policy: values of `least` or more are fresh for a minute, and stale-if-error for another. It
/// waits five seconds for another load.
async fn get_with_policy(
    setting: &Setting,
    least: u32,
) -> Result<(u32, CacheStatus), CacheError<&'static str>> {
    let judge = |value: &u32, age: Duration| {
        let good_for = if age < MINUTE { Freshness::Fresh } else { Freshness::StaleIfError };
        Some(good_for).filter(|_| *value >= least && age < 2 * MINUTE)
    };
    let served = setting.cached.get_with_policy(judge, 5 * SECOND, |limit| setting.load(limit)).await?;
    Ok((*served.value, served.status))
}

/// Concurrent lookups.
async fn at_once(
    setting: &Arc<Setting>,
    count: usize,
) -> Vec<Result<(u32, CacheStatus), CacheError<&'static str>>> {
    let all: Vec<_> = (0..count)
        .map(|_| {
            let setting = setting.clone();
            tokio::spawn(async move { setting.get().await })
        })
        .collect();
    let mut results = Vec::new();
    for one in all {
        results.push(one.await.unwrap());
    }
    results
}

/// All lookups have the value 1, of a load of theirs or of one that they waited for.
fn assert_one_load(lookups: Vec<Result<(u32, CacheStatus), CacheError<&'static str>>>) {
    let misses = lookups.iter().filter(|lookup| **lookup == Ok((1, MISS))).count();
    let coalesced = lookups.iter().filter(|lookup| **lookup == Ok((1, CacheStatus::Coalesced))).count();
    assert!(misses <= 1 && misses + coalesced == lookups.len(), "{misses} misses, {coalesced} coalesced");
}

const DOWN: CacheError<&str> = CacheError::LoadFailed("down");

#[tokio::test(start_paused = true)]
async fn a_value_is_fresh_for_its_ttl() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Value(2)]);
    assert_eq!(setting.get().await, Ok((1, MISS)));
    advance(MINUTE - TICK).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Hit)));
    advance(TICK).await;
    assert_eq!(setting.get().await, Ok((2, MISS)));
    assert_eq!(setting.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn preload_loads_again_after_half_of_the_ttl() {
    let setting = setting(POLICY, [Answer::Value(1)]);
    for (later, loads) in [(0, 1), (29, 1), (1, 2), (29, 2)] {
        advance(Duration::from_secs(later)).await;
        assert_eq!(setting.preload().await, Ok(1));
        assert_eq!(setting.loads(), loads);
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_lookups_share_one_load() {
    for policy in [POLICY, NO_STALE, CachePolicy { ttl: Duration::ZERO, ..POLICY }] {
        let setting = setting(policy, [Answer::Late(SECOND, 1)]);
        let preload = tokio::spawn({
            let setting = setting.clone();
            async move { setting.preload().await }
        });
        assert_one_load(at_once(&setting, 1_000).await);
        assert_eq!(preload.await.unwrap(), Ok(1));
        assert_eq!(setting.loads(), 1, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_lookups_share_one_failure() {
    for policy in [POLICY, NO_STALE] {
        let setting = setting(policy, [Answer::Hang]);
        let started = Instant::now();
        assert_eq!(at_once(&setting, 1_000).await, vec![Err(CacheError::LoadFailed("late")); 1_000]);
        assert_eq!(setting.loads(), 1);
        assert_eq!(
            started.elapsed().as_millis(),
            POLICY.load_timeout.as_millis(),
            "no lookup waits for a second load"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_lookup_loads_again_after_one_failure() {
    for policy in [POLICY, NO_STALE] {
        let setting = setting(policy, [Answer::Down, Answer::Value(1)]);
        assert_eq!(setting.get().await, Err(DOWN));
        advance(TICK).await;
        assert_eq!(setting.get().await, Ok((1, MISS)));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_exponentially() {
    let setting = setting(POLICY, [Answer::Down]);
    assert_eq!(setting.get().await, Err(DOWN));
    advance(TICK).await;
    let mut loads = 1;
    for seconds in [2, 4, 8, 8] {
        loads += 1;
        assert_eq!(setting.get().await, Err(DOWN));
        assert_eq!(setting.loads(), loads);
        advance(Duration::from_secs(seconds) - TICK).await;
        assert_eq!(setting.get().await, Err(DOWN));
        assert_eq!(setting.loads(), loads, "{seconds} s");
        advance(TICK).await;
    }
    // A success resets the backoff.
    setting.change(Answer::Value(1));
    assert_eq!(setting.get().await, Ok((1, MISS)));
    setting.change(Answer::Down);
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    advance(SECOND).await;
    let before = setting.loads();
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(setting.loads(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn on_error_fail_has_no_backoff() {
    let setting = setting(NO_STALE, [Answer::Down]);
    for loads in 1..10 {
        assert_eq!(setting.get().await, Err(DOWN));
        assert_eq!(setting.loads(), loads);
        advance(TICK).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stale_if_error_while_the_source_is_down() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Down]);
    assert_eq!(setting.get().await, Ok((1, MISS)));
    for hour in 1..48 {
        advance(60 * MINUTE).await;
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
        assert_eq!(setting.loads(), hour + 1);
    }
    setting.change(Answer::Value(2));
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Ok((2, MISS)));
}

#[tokio::test(start_paused = true)]
async fn on_error_fail_serves_no_stale_value() {
    let setting = setting(NO_STALE, [Answer::Value(1), Answer::Down]);
    assert_eq!(setting.get().await, Ok((1, MISS)));
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Err(DOWN));
}

#[tokio::test(start_paused = true)]
async fn not_found_removes_the_value() {
    for policy in [POLICY, NO_STALE] {
        let setting = setting(policy, [Answer::Value(1), Answer::Gone]);
        assert_eq!(setting.get().await, Ok((1, MISS)));
        advance(MINUTE).await;
        assert_eq!(setting.get().await, Err(CacheError::LoadFailed("gone")));
        assert!(setting.cached.peek().is_none());
        // It starts no backoff.
        assert_eq!(setting.get().await, Err(CacheError::LoadFailed("gone")));
        assert_eq!(setting.loads(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_while_revalidate() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Hang]);
    assert_eq!(setting.get().await, Ok((1, MISS)));
    advance(MINUTE).await;
    let started = Instant::now();
    let waiting = tokio::spawn({
        let setting = setting.clone();
        async move { setting.get().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(setting.loads(), 2);
    assert_eq!(at_once(&setting, 1_000).await, vec![Ok((1, CacheStatus::Revalidating)); 1_000]);
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(waiting.await.unwrap(), Ok((1, CacheStatus::Stale)));
    assert_eq!(started.elapsed().as_millis(), 2_000);
    assert_eq!(setting.loads(), 2, "no other load");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_load_counts_as_canceled() {
    let setting = setting(POLICY, [Answer::Hang]);
    assert!(timeout(SECOND, setting.get()).await.is_err());
    assert_eq!(setting.get().await, Err(CacheError::Canceled));
    assert_eq!(setting.loads(), 1);
    setting.change(Answer::Value(1));
    advance(TICK).await;
    assert_eq!(setting.get().await, Ok((1, MISS)));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_takes_over_a_dropped_load() {
    let setting = setting(NO_STALE, [Answer::Hang, Answer::Value(1)]);
    let first = tokio::spawn({
        let setting = setting.clone();
        async move { timeout(SECOND, setting.get()).await.is_err() }
    });
    tokio::task::yield_now().await;
    assert_one_load(at_once(&setting, 100).await);
    assert!(first.await.unwrap());
    assert_eq!(setting.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_preload_starts_no_backoff_and_keeps_the_value() {
    let empty = setting(POLICY, [Answer::Down, Answer::Down, Answer::Value(1)]);
    assert_eq!(empty.preload().await, Err(DOWN));
    advance(TICK).await;
    assert_eq!(empty.preload().await, Err(DOWN));
    advance(TICK).await;
    assert_eq!(empty.get().await, Ok((1, MISS)));

    let kept = setting(POLICY, [Answer::Value(1), Answer::Down]);
    assert_eq!(kept.preload().await, Ok(1));
    advance(MINUTE / 2).await;
    assert_eq!(kept.preload().await, Err(DOWN));
    assert_eq!(kept.get().await, Ok((1, CacheStatus::Hit)));
}

#[tokio::test(start_paused = true)]
async fn preload_does_not_shorten_a_backoff_and_its_success_ends_it() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Down]);
    assert_eq!(setting.get().await, Ok((1, MISS)));
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(setting.preload().await, Err(DOWN));
    let before = setting.loads();
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(setting.loads(), before, "the backoff of the failed request");
    setting.change(Answer::Value(2));
    assert_eq!(setting.preload().await, Ok(2));
    assert_eq!(setting.get().await, Ok((2, CacheStatus::Hit)));
}

#[tokio::test(start_paused = true)]
async fn concurrent_refreshes_share_one_load() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Late(SECOND, 2)]);
    setting.get().await.unwrap();
    let seen = setting.cached.peek().unwrap().value;
    let all: Vec<_> = (0..1_000)
        .map(|_| {
            let (setting, seen) = (setting.clone(), seen.clone());
            tokio::spawn(async move { setting.cached.refresh(&seen, |limit| setting.load(limit)).await })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(Arc::new(2))));
    }
    assert_eq!(setting.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_refresh_per_fixed_cooldown() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Value(2), Answer::Value(3)]);
    setting.get().await.unwrap();
    for (later, expected, loads) in
        [(0, Some(2), 2), (0, None, 2), (9_999, None, 2), (1, Some(3), 3), (9_999, None, 3), (1, Some(3), 4)]
    {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.refresh().await, Ok(expected));
        assert_eq!(setting.loads(), loads);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_counts_for_cooldown_and_backoff() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Down]);
    setting.get().await.unwrap();
    for (later, loads) in [(0, 2), (1, 2), (9_998, 2), (1, 3)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.refresh().await, Err(DOWN));
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Hit)));
        assert_eq!(setting.loads(), loads);
    }
    // A successful preload ends the backoff, but not the cool-down.
    setting.change(Answer::Value(1));
    advance(MINUTE / 2).await;
    setting.change(Answer::Down);
    assert_eq!(setting.refresh().await, Err(DOWN));
    setting.change(Answer::Value(1));
    assert_eq!(setting.preload().await, Ok(1));
    assert_eq!(setting.refresh().await, Ok(None));
    assert_eq!(setting.loads(), 5);
}

#[tokio::test(start_paused = true)]
async fn refresh_waits_for_the_end_of_a_backoff() {
    let policy = CachePolicy {
        refresh: RefreshPolicy { cooldown: Cooldown::Fixed(Duration::ZERO), ..POLICY.refresh },
        ..POLICY
    };
    let setting = setting(policy, [Answer::Value(1), Answer::Down]);
    setting.get().await.unwrap();
    for (later, loads) in [(0, 2), (999, 2), (1, 3), (1_999, 3), (1, 4)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.refresh().await, Err(DOWN));
        assert_eq!(setting.loads(), loads);
    }
}

#[tokio::test(start_paused = true)]
async fn cooldown_grows_while_the_value_is_unchanged() {
    let cooldown = Cooldown::WhileUnchanged(Backoff::new(SECOND, Duration::from_secs(4)));
    let policy =
        CachePolicy { refresh: RefreshPolicy { cooldown, ..POLICY.refresh }, ttl: 60 * MINUTE, ..POLICY };
    let setting = setting(policy, [Answer::Value(1), Answer::Same]);
    setting.get().await.unwrap();
    for (later, loads) in
        [(0, 2), (0, 3), (0, 3), (999, 3), (1, 4), (1_999, 4), (1, 5), (3_999, 5), (1, 6), (3_999, 6), (1, 7)]
    {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.refresh().await, Ok(None));
        assert_eq!(setting.loads(), loads);
    }
    advance(MINUTE).await;
    setting.change(Answer::Value(2));
    assert_eq!(setting.refresh().await, Ok(Some(2)));
    setting.change(Answer::Same);
    assert_eq!(setting.refresh().await, Ok(None));
    assert_eq!(setting.refresh().await, Ok(None));
    assert_eq!(setting.loads(), 10, "the cool-down starts over");
}

#[tokio::test(start_paused = true)]
async fn refresh_may_find_nothing() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Gone]);
    setting.get().await.unwrap();
    assert_eq!(setting.refresh().await, Err(CacheError::LoadFailed("gone")));
    assert!(setting.cached.peek().is_none());
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_load_has_its_timeout() {
    let setting = setting(POLICY, [Answer::Hang]);
    let mut started = Instant::now();
    let mut seconds = || {
        let took = started.elapsed().as_secs();
        started = Instant::now();
        took
    };
    assert!(setting.preload().await.is_err());
    assert_eq!(seconds(), 4);
    advance(TICK).await;
    assert!(setting.get().await.is_err());
    assert_eq!(seconds(), 4);
    setting.change(Answer::Value(1));
    advance(SECOND).await;
    setting.get().await.unwrap();
    setting.change(Answer::Hang);
    seconds();
    assert!(setting.refresh().await.is_err());
    assert_eq!(seconds(), 3);
    advance(MINUTE).await;
    seconds();
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(seconds(), 2);
}

#[tokio::test(start_paused = true)]
async fn rejected_is_not_replaced_by_a_stale_value_and_starts_no_backoff() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Rejected]);
    assert_eq!(setting.get().await, Ok((1, MISS)));
    advance(MINUTE).await;
    for loads in 2..5 {
        assert_eq!(setting.get().await, Err(CacheError::LoadFailed("refused")));
        assert_eq!(setting.loads(), loads);
        advance(TICK).await;
    }
    assert_eq!(*setting.cached.peek().unwrap().value, 1, "the value stays cached");
    setting.change(Answer::Down);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
}

#[tokio::test(start_paused = true)]
async fn concurrent_lookups_share_one_rejection() {
    let setting = setting(NO_STALE, [Answer::Rejected]);
    assert_eq!(at_once(&setting, 1_000).await, vec![Err(CacheError::LoadFailed("refused")); 1_000]);
    assert_eq!(setting.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_the_callers_policy_refuses_is_loaded_again() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Value(2), Answer::Down]);
    assert_eq!(get_with_policy(&setting, 0).await, Ok((1, MISS)));
    assert_eq!(get_with_policy(&setting, 1).await, Ok((1, CacheStatus::Hit)));
    assert_eq!(get_with_policy(&setting, 2).await, Ok((2, MISS)));
    assert_eq!(get_with_policy(&setting, 1).await, Ok((2, CacheStatus::Hit)));
    assert_eq!(get_with_policy(&setting, 3).await, Err(DOWN), "not even stale-if-error");
    advance(MINUTE).await;
    assert_eq!(get_with_policy(&setting, 2).await, Ok((2, CacheStatus::Stale)));
    advance(MINUTE).await;
    assert_eq!(get_with_policy(&setting, 2).await, Err(DOWN), "expired");
}

#[tokio::test(start_paused = true)]
async fn load_uncoalesced_after_max_wait() {
    let policy = CachePolicy { load_timeout: MINUTE, ..POLICY };
    for (second, expected) in [(Answer::Value(2), Ok((2, MISS))), (Answer::Down, Err(DOWN))] {
        let setting = setting(policy, [Answer::Late(8 * SECOND, 1), second]);
        let slow = tokio::spawn({
            let setting = setting.clone();
            async move { get_with_policy(&setting, 0).await }
        });
        tokio::task::yield_now().await;
        let started = Instant::now();
        assert_eq!(get_with_policy(&setting, 0).await, expected);
        assert_eq!(started.elapsed().as_secs(), 5);
        assert_eq!(slow.await.unwrap(), Ok((1, MISS)));
        // The slow load ended last.
        assert_eq!(get_with_policy(&setting, 0).await, Ok((1, CacheStatus::Hit)));
        assert_eq!(setting.loads(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_if_error_waits_for_a_load_in_flight() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Late(SECOND, 2)]);
    get_with_policy(&setting, 0).await.unwrap();
    advance(MINUTE).await;
    let first = tokio::spawn({
        let setting = setting.clone();
        async move { get_with_policy(&setting, 0).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(get_with_policy(&setting, 0).await, Ok((2, CacheStatus::Coalesced)));
    assert_eq!(first.await.unwrap(), Ok((2, MISS)));
    assert_eq!(setting.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_inserted_value_has_its_age() {
    let setting = setting(POLICY, [Answer::Down]);
    setting.cached.insert(Arc::new(1), MINUTE - SECOND);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Hit)));
    advance(SECOND).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    setting.cached.insert(Arc::new(2), 2 * MINUTE);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)), "an older value does not replace it");
    setting.cached.insert(Arc::new(3), Duration::ZERO);
    assert_eq!(setting.get().await, Ok((3, CacheStatus::Hit)));
    let old = || async {
        Ok::<_, LoadError<&'static str>>(Loaded {
            value: Arc::new(4),
            age: MINUTE,
            source: Source::RemoteCache,
        })
    };
    advance(MINUTE).await;
    let served = setting.cached.get(|_| old()).await.unwrap();
    assert_eq!((*served.value, served.status), (4, CacheStatus::Miss(Source::RemoteCache)));
    assert_eq!(setting.cached.peek().unwrap().status, CacheStatus::Stale, "it was already old");
}
