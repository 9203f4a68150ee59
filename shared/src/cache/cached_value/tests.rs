use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use tokio::time::{advance, sleep, timeout};

use super::*;
use crate::cache::policy::{OnError, RefreshPolicy};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(1);

/// What the source does at one fetch.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Value(u32),
    /// The value, so much later.
    Late(Duration, u32),
    /// The value that is kept, again.
    Same,
    Down,
    Gone,
    Refused,
    Hang,
}

/// A cell and its source, whose last answer is given again and again.
struct Setting {
    cell: CachedValue<u32, &'static str>,
    answers: Mutex<VecDeque<Answer>>,
    fetches: AtomicU32,
}

const POLICY: CachePolicy = CachePolicy {
    ttl: MINUTE,
    timeout: Duration::from_secs(4),
    on_error: OnError::ServeStale {
        first: SECOND,
        longest: Duration::from_secs(8),
        timeout: Duration::from_secs(2),
        also_without_value: true,
    },
    refresh: RefreshPolicy {
        timeout: Duration::from_secs(3),
        cooldown: Cooldown::Fixed(Duration::from_secs(10)),
    },
};

const NO_BACK_OFF: CachePolicy = CachePolicy { on_error: OnError::Fail, ..POLICY };

fn setting(rules: CachePolicy, answers: impl IntoIterator<Item = Answer>) -> Arc<Setting> {
    Arc::new(Setting {
        cell: CachedValue::new(rules),
        answers: Mutex::new(answers.into_iter().collect()),
        fetches: AtomicU32::new(0),
    })
}

impl Setting {
    async fn fetch(&self, limit: Duration) -> Result<Arc<u32>, LoadError<&'static str>> {
        self.fetches.fetch_add(1, Relaxed);
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
                Answer::Same => Ok(self.cell.peek().unwrap().value),
                Answer::Down => Err(LoadError::Unavailable("down")),
                Answer::Gone => Err(LoadError::NotFound("gone")),
                Answer::Refused => Err(LoadError::Rejected("refused")),
                Answer::Hang => std::future::pending().await,
            }
        };
        timeout(limit, answering).await.unwrap_or(Err(LoadError::Unavailable("late")))
    }

    fn change(&self, answer: Answer) {
        *self.answers.lock().unwrap() = [answer].into();
    }

    fn fetches(&self) -> u32 {
        self.fetches.load(Relaxed)
    }

    async fn get(&self) -> Result<(u32, CacheStatus), CacheError<&'static str>> {
        let served = self.cell.get(|limit| self.fetch(limit)).await?;
        Ok((*served.value, served.status))
    }

    async fn prepare(&self) -> Result<u32, CacheError<&'static str>> {
        self.cell.prepare(|limit| self.fetch(limit)).await.map(|served| *served.value)
    }

    async fn renew(&self) -> Result<Option<u32>, CacheError<&'static str>> {
        let seen = self.cell.peek().unwrap().value;
        self.cell.renew(&seen, |limit| self.fetch(limit)).await.map(|value| value.map(|value| *value))
    }
}

/// What one gets for whom a value serves for a minute, and another minute if there is no other, if it is `least` or
/// more, and who waits five seconds for others.
async fn get_with_policy(
    setting: &Setting,
    least: u32,
) -> Result<(u32, CacheStatus), CacheError<&'static str>> {
    let judge = |value: &u32, age: Duration| {
        let good_for = if age < MINUTE { Freshness::Fresh } else { Freshness::StaleIfError };
        Some(good_for).filter(|_| *value >= least && age < 2 * MINUTE)
    };
    let served = setting.cell.get_with_policy(judge, 5 * SECOND, |limit| setting.fetch(limit)).await?;
    Ok((*served.value, served.status))
}

/// What so many get who come at once.
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

const DOWN: CacheError<&str> = CacheError::LoadFailed("down");

#[tokio::test(start_paused = true)]
async fn a_value_serves_until_it_is_too_old() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Value(2)]);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    advance(MINUTE - TICK).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Hit)));
    advance(TICK).await;
    assert_eq!(setting.get().await, Ok((2, CacheStatus::Miss)));
    assert_eq!(setting.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_prepared_again_when_it_has_lived_half_of_its_time() {
    let setting = setting(POLICY, [Answer::Value(1)]);
    for (later, fetches) in [(0, 1), (29, 1), (1, 2), (29, 2)] {
        advance(Duration::from_secs(later)).await;
        assert_eq!(setting.prepare().await, Ok(1));
        assert_eq!(setting.fetches(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn one_fetch_serves_however_many_wait() {
    for rules in [POLICY, NO_BACK_OFF, CachePolicy { ttl: Duration::ZERO, ..POLICY }] {
        let setting = setting(rules, [Answer::Late(SECOND, 1)]);
        let preparing = tokio::spawn({
            let setting = setting.clone();
            async move { setting.prepare().await }
        });
        assert_eq!(at_once(&setting, 1_000).await, vec![Ok((1, CacheStatus::Miss)); 1_000]);
        assert_eq!(preparing.await.unwrap(), Ok(1));
        assert_eq!(setting.fetches(), 1, "{rules:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_failure_serves_however_many_wait() {
    for rules in [POLICY, NO_BACK_OFF] {
        let setting = setting(rules, [Answer::Hang]);
        let started = Instant::now();
        assert_eq!(at_once(&setting, 1_000).await, vec![Err(CacheError::LoadFailed("late")); 1_000]);
        assert_eq!(setting.fetches(), 1);
        assert_eq!(
            started.elapsed().as_millis(),
            POLICY.timeout.as_millis(),
            "nobody waits for a second one"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_failure_fetches() {
    for rules in [POLICY, NO_BACK_OFF] {
        let setting = setting(rules, [Answer::Down, Answer::Value(1)]);
        assert_eq!(setting.get().await, Err(DOWN));
        advance(TICK).await;
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_put_off_the_next_fetch_for_longer_and_longer() {
    let setting = setting(POLICY, [Answer::Down]);
    assert_eq!(setting.get().await, Err(DOWN));
    advance(TICK).await;
    let mut fetches = 1;
    for seconds in [2, 4, 8, 8] {
        fetches += 1;
        assert_eq!(setting.get().await, Err(DOWN));
        assert_eq!(setting.fetches(), fetches);
        advance(Duration::from_secs(seconds) - TICK).await;
        assert_eq!(setting.get().await, Err(DOWN));
        assert_eq!(setting.fetches(), fetches, "still put off after {seconds} s");
        advance(TICK).await;
    }
    // A success ends it: the next failure is a first one.
    setting.change(Answer::Value(1));
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    setting.change(Answer::Down);
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    advance(SECOND).await;
    let before = setting.fetches();
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(setting.fetches(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn without_back_off_every_failure_is_followed_by_a_fetch() {
    let setting = setting(NO_BACK_OFF, [Answer::Down]);
    for fetches in 1..10 {
        assert_eq!(setting.get().await, Err(DOWN));
        assert_eq!(setting.fetches(), fetches);
        advance(TICK).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_value_goes_on_serving_while_the_source_is_down() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Down]);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    for hour in 1..48 {
        advance(60 * MINUTE).await;
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
        assert_eq!(setting.fetches(), hour + 1);
    }
    setting.change(Answer::Value(2));
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Ok((2, CacheStatus::Miss)));
}

#[tokio::test(start_paused = true)]
async fn without_back_off_an_old_value_never_serves() {
    let setting = setting(NO_BACK_OFF, [Answer::Value(1), Answer::Down]);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Err(DOWN));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_forgotten() {
    for rules in [POLICY, NO_BACK_OFF] {
        let setting = setting(rules, [Answer::Value(1), Answer::Gone]);
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
        advance(MINUTE).await;
        assert_eq!(setting.get().await, Err(CacheError::LoadFailed("gone")));
        assert!(setting.cell.peek().is_none());
        // That was an answer, and puts nothing off.
        assert_eq!(setting.get().await, Err(CacheError::LoadFailed("gone")));
        assert_eq!(setting.fetches(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn while_an_old_value_can_serve_one_waits_for_the_source_and_not_for_long() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Hang]);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    advance(MINUTE).await;
    let started = Instant::now();
    let waiting = tokio::spawn({
        let setting = setting.clone();
        async move { setting.get().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(setting.fetches(), 2);
    assert_eq!(at_once(&setting, 1_000).await, vec![Ok((1, CacheStatus::Revalidating)); 1_000]);
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(waiting.await.unwrap(), Ok((1, CacheStatus::Stale)));
    assert_eq!(started.elapsed().as_millis(), 2_000);
    assert_eq!(setting.fetches(), 2, "nobody else asked");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_is_dropped_has_failed() {
    let setting = setting(POLICY, [Answer::Hang]);
    assert!(timeout(SECOND, setting.get()).await.is_err());
    assert_eq!(setting.get().await, Err(CacheError::Canceled));
    assert_eq!(setting.fetches(), 1);
    setting.change(Answer::Value(1));
    advance(TICK).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
}

#[tokio::test(start_paused = true)]
async fn without_back_off_the_next_who_waits_takes_over_a_dropped_fetch() {
    let setting = setting(NO_BACK_OFF, [Answer::Hang, Answer::Value(1)]);
    let first = tokio::spawn({
        let setting = setting.clone();
        async move { timeout(SECOND, setting.get()).await.is_err() }
    });
    tokio::task::yield_now().await;
    assert_eq!(at_once(&setting, 100).await, vec![Ok((1, CacheStatus::Miss)); 100]);
    assert!(first.await.unwrap());
    assert_eq!(setting.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn preparing_in_vain_puts_nothing_off_and_keeps_the_old_value() {
    let empty = setting(POLICY, [Answer::Down, Answer::Down, Answer::Value(1)]);
    assert_eq!(empty.prepare().await, Err(DOWN));
    advance(TICK).await;
    assert_eq!(empty.prepare().await, Err(DOWN));
    advance(TICK).await;
    assert_eq!(empty.get().await, Ok((1, CacheStatus::Miss)));

    let kept = setting(POLICY, [Answer::Value(1), Answer::Down]);
    assert_eq!(kept.prepare().await, Ok(1));
    advance(MINUTE / 2).await;
    assert_eq!(kept.prepare().await, Err(DOWN));
    assert_eq!(kept.get().await, Ok((1, CacheStatus::Hit)));
}

#[tokio::test(start_paused = true)]
async fn preparing_does_not_shorten_a_back_off_and_its_success_ends_it() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Down]);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    advance(MINUTE).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(setting.prepare().await, Err(DOWN));
    let before = setting.fetches();
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(setting.fetches(), before, "put off by the failed request");
    setting.change(Answer::Value(2));
    assert_eq!(setting.prepare().await, Ok(2));
    assert_eq!(setting.get().await, Ok((2, CacheStatus::Hit)));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_brings_the_newer_value_to_all_who_have_seen_the_older() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Late(SECOND, 2)]);
    setting.get().await.unwrap();
    let seen = setting.cell.peek().unwrap().value;
    let all: Vec<_> = (0..1_000)
        .map(|_| {
            let (setting, seen) = (setting.clone(), seen.clone());
            tokio::spawn(async move { setting.cell.renew(&seen, |limit| setting.fetch(limit)).await })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(Arc::new(2))));
    }
    assert_eq!(setting.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn renewals_are_made_once_per_cool_down_whatever_comes_of_them() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Value(2), Answer::Value(3)]);
    setting.get().await.unwrap();
    for (later, expected, fetches) in
        [(0, Some(2), 2), (0, None, 2), (9_999, None, 2), (1, Some(3), 3), (9_999, None, 3), (1, Some(3), 4)]
    {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.renew().await, Ok(expected));
        assert_eq!(setting.fetches(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_counts_for_cool_down_and_back_off() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Down]);
    setting.get().await.unwrap();
    for (later, fetches) in [(0, 2), (1, 2), (9_998, 2), (1, 3)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.renew().await, Err(DOWN));
        assert_eq!(setting.get().await, Ok((1, CacheStatus::Hit)));
        assert_eq!(setting.fetches(), fetches);
    }
    // A success elsewhere ends the doubt and the back-off, and not the cool-down.
    setting.change(Answer::Value(1));
    advance(MINUTE / 2).await;
    setting.change(Answer::Down);
    assert_eq!(setting.renew().await, Err(DOWN));
    setting.change(Answer::Value(1));
    assert_eq!(setting.prepare().await, Ok(1));
    assert_eq!(setting.renew().await, Ok(None));
    assert_eq!(setting.fetches(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_waits_for_the_end_of_a_back_off() {
    let rules = CachePolicy {
        refresh: RefreshPolicy { cooldown: Cooldown::Fixed(Duration::ZERO), ..POLICY.refresh },
        ..POLICY
    };
    let setting = setting(rules, [Answer::Value(1), Answer::Down]);
    setting.get().await.unwrap();
    for (later, fetches) in [(0, 2), (999, 2), (1, 3), (1_999, 3), (1, 4)] {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.renew().await, Err(DOWN));
        assert_eq!(setting.fetches(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn renewals_in_vain_become_rare_and_another_value_starts_anew() {
    let cooldown = Cooldown::WhileUnchanged { first: SECOND, longest: Duration::from_secs(4) };
    let rules =
        CachePolicy { refresh: RefreshPolicy { cooldown, ..POLICY.refresh }, ttl: 60 * MINUTE, ..POLICY };
    let setting = setting(rules, [Answer::Value(1), Answer::Same]);
    setting.get().await.unwrap();
    for (later, fetches) in
        [(0, 2), (0, 3), (0, 3), (999, 3), (1, 4), (1_999, 4), (1, 5), (3_999, 5), (1, 6), (3_999, 6), (1, 7)]
    {
        advance(Duration::from_millis(later)).await;
        assert_eq!(setting.renew().await, Ok(None));
        assert_eq!(setting.fetches(), fetches);
    }
    advance(MINUTE).await;
    setting.change(Answer::Value(2));
    assert_eq!(setting.renew().await, Ok(Some(2)));
    setting.change(Answer::Same);
    assert_eq!(setting.renew().await, Ok(None));
    assert_eq!(setting.renew().await, Ok(None));
    assert_eq!(setting.fetches(), 10, "twice at once again");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_may_find_that_the_value_is_gone() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Gone]);
    setting.get().await.unwrap();
    assert_eq!(setting.renew().await, Err(CacheError::LoadFailed("gone")));
    assert!(setting.cell.peek().is_none());
}

#[tokio::test(start_paused = true)]
async fn each_fetch_is_told_how_long_it_may_take() {
    let setting = setting(POLICY, [Answer::Hang]);
    let mut started = Instant::now();
    let mut seconds = || {
        let took = started.elapsed().as_secs();
        started = Instant::now();
        took
    };
    assert!(setting.prepare().await.is_err());
    assert_eq!(seconds(), 4);
    advance(TICK).await;
    assert!(setting.get().await.is_err());
    assert_eq!(seconds(), 4);
    setting.change(Answer::Value(1));
    advance(SECOND).await;
    setting.get().await.unwrap();
    setting.change(Answer::Hang);
    seconds();
    assert!(setting.renew().await.is_err());
    assert_eq!(seconds(), 3);
    advance(MINUTE).await;
    seconds();
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    assert_eq!(seconds(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_answered_with_anything_older_and_puts_nothing_off() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Refused]);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Miss)));
    advance(MINUTE).await;
    for fetches in 2..5 {
        assert_eq!(setting.get().await, Err(CacheError::LoadFailed("refused")));
        assert_eq!(setting.fetches(), fetches);
        advance(TICK).await;
    }
    assert_eq!(*setting.cell.peek().unwrap().value, 1, "it may serve again");
    setting.change(Answer::Down);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
}

#[tokio::test(start_paused = true)]
async fn one_refusal_serves_however_many_wait() {
    let setting = setting(NO_BACK_OFF, [Answer::Refused]);
    assert_eq!(at_once(&setting, 1_000).await, vec![Err(CacheError::LoadFailed("refused")); 1_000]);
    assert_eq!(setting.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_somebody_is_fetched_for_them() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Value(2), Answer::Down]);
    assert_eq!(get_with_policy(&setting, 0).await, Ok((1, CacheStatus::Miss)));
    assert_eq!(get_with_policy(&setting, 1).await, Ok((1, CacheStatus::Hit)));
    assert_eq!(get_with_policy(&setting, 2).await, Ok((2, CacheStatus::Miss)));
    assert_eq!(get_with_policy(&setting, 1).await, Ok((2, CacheStatus::Hit)));
    assert_eq!(get_with_policy(&setting, 3).await, Err(DOWN), "nor does it serve as a last resort");
    advance(MINUTE).await;
    assert_eq!(get_with_policy(&setting, 2).await, Ok((2, CacheStatus::Stale)));
    advance(MINUTE).await;
    assert_eq!(get_with_policy(&setting, 2).await, Err(DOWN), "it is too old for that");
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_for_long_enough_fetches_alone() {
    let rules = CachePolicy { timeout: MINUTE, ..POLICY };
    for (alone, expected) in [(Answer::Value(2), Ok((2, CacheStatus::Miss))), (Answer::Down, Err(DOWN))] {
        let setting = setting(rules, [Answer::Late(8 * SECOND, 1), alone]);
        let slow = tokio::spawn({
            let setting = setting.clone();
            async move { get_with_policy(&setting, 0).await }
        });
        tokio::task::yield_now().await;
        let started = Instant::now();
        assert_eq!(get_with_policy(&setting, 0).await, expected);
        assert_eq!(started.elapsed().as_secs(), 5);
        assert_eq!(slow.await.unwrap(), Ok((1, CacheStatus::Miss)));
        // That one came last.
        assert_eq!(get_with_policy(&setting, 0).await, Ok((1, CacheStatus::Hit)));
        assert_eq!(setting.fetches(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_another_on_last_resort_does_not_get_the_old_value_at_once() {
    let setting = setting(POLICY, [Answer::Value(1), Answer::Late(SECOND, 2)]);
    get_with_policy(&setting, 0).await.unwrap();
    advance(MINUTE).await;
    let first = tokio::spawn({
        let setting = setting.clone();
        async move { get_with_policy(&setting, 0).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(get_with_policy(&setting, 0).await, Ok((2, CacheStatus::Miss)));
    assert_eq!(first.await.unwrap(), Ok((2, CacheStatus::Miss)));
    assert_eq!(setting.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_was_found_elsewhere_has_its_age() {
    let setting = setting(POLICY, [Answer::Down]);
    setting.cell.offer(Arc::new(1), MINUTE - SECOND);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Hit)));
    advance(SECOND).await;
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)));
    setting.cell.offer(Arc::new(2), 2 * MINUTE);
    assert_eq!(setting.get().await, Ok((1, CacheStatus::Stale)), "an older one does not replace it");
    setting.cell.offer(Arc::new(3), Duration::ZERO);
    assert_eq!(setting.get().await, Ok((3, CacheStatus::Hit)));
    let old = || async { Ok::<_, LoadError<&'static str>>(Loaded { value: Arc::new(4), age: MINUTE }) };
    advance(MINUTE).await;
    let served = setting.cell.get(|_| old()).await.unwrap();
    assert_eq!((*served.value, served.status), (4, CacheStatus::Miss));
    assert_eq!(setting.cell.peek().unwrap().status, CacheStatus::Stale, "it came old");
}
