//! The place of one value.

use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::policy::{CachePolicy, Cooldown, Failures, Freshness, Step};

#[cfg(test)]
mod tests;

/// A value of type `T` that is fetched when it is needed; a fetch may fail with an `E`.
///
/// A fetch runs in the task of whoever needs it first. Where that is dropped, because its request's time ran
/// out, the fetch has failed, and nobody waits for it in vain.
#[derive(Debug)]
pub(crate) struct CachedValue<T, E> {
    rules: CachePolicy,
    kept: RwLock<Option<Kept<T>>>,
    /// Held while the value is fetched: whoever waits for it finds what the holder's fetch came to.
    fetching: Mutex<Fetching<T, E>>,
}

/// A value, and how old it is.
#[derive(Debug)]
pub(crate) struct Lookup<T> {
    pub(crate) value: Arc<T>,
    pub(crate) status: CacheStatus,
}

/// A fetch: in a box, since it is rare and large, so that what is usual, a value that is kept, is not moved about with
/// room for one.
type Fetch<'a, T, E> = BoxFuture<'a, Result<Loaded<T>, LoadError<E>>>;

/// What a fetch brings: a value, and how old it is already.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) value: Arc<T>,
    pub(crate) age: Duration,
}

/// How a value came to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// It was at hand and young enough.
    Hit,
    /// It came just now.
    Miss,
    /// It is too old, and somebody else is fetching another.
    Revalidating,
    /// It is too old, and there is no other.
    Stale,
}

/// Why a fetch brought no value.
#[derive(Debug)]
pub(crate) enum LoadError<E> {
    /// The source could not say. An older value may go on serving.
    Unavailable(E),
    /// The source said that there is none. An older value is forgotten.
    NotFound(E),
    /// The source answered, and nothing older may stand in for that.
    Rejected(E),
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CacheError<E> {
    /// The last fetch failed like this.
    LoadFailed(E),
    /// The last fetch was cut off with its request.
    Canceled,
}

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    fetched: Instant,
}

#[derive(Debug)]
struct Fetching<T, E> {
    /// Since the last success.
    failures: Option<Failures>,
    /// What the last failure was; `None` where it was cut off.
    error: Option<E>,
    renewals: Renewals<T>,
}

/// The renewals of a value that did not do.
#[derive(Debug)]
struct Renewals<T> {
    /// The value that came back each time.
    of: Option<Arc<T>>,
    in_vain: u32,
    not_before: Option<Instant>,
}

/// A fetch that is under way and counts as failed unless it is said to have landed.
struct Flight<'a, T, E> {
    fetching: &'a mut Fetching<T, E>,
    rules: &'a CachePolicy,
    /// Whether a request needs it. A failure ahead of any puts nothing off.
    is_needed: bool,
    has_landed: bool,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), fetched: self.fetched }
    }
}

impl<T, E: Clone> CachedValue<T, E> {
    /// An empty one.
    pub(crate) fn new(rules: CachePolicy) -> Self {
        let renewals = Renewals { of: None, in_vain: 0, not_before: None };
        let fetching = Fetching { failures: None, error: None, renewals };
        Self { rules, kept: RwLock::new(None), fetching: Mutex::new(fetching) }
    }

    /// The value, fetched now if there is none or if it is too old. `fetch` is told how long it may take.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if there is none to be had.
    pub(crate) async fn get<F, V>(
        &self,
        fetch: impl FnOnce(Duration) -> F,
    ) -> Result<Lookup<T>, CacheError<E>>
    where
        F: Future<Output = Result<V, LoadError<E>>> + Send,
        V: Into<Loaded<T>>,
    {
        self.get_with_policy(|_, age| Some(self.rules.use_at(age)), Duration::MAX, fetch).await
    }

    /// As [`Self::get`], for somebody who judges by themselves what a value of this age is good for, `None` for
    /// nothing, and who fetches a value alone when somebody else's fetch takes longer than `patience`.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(crate) async fn get_with_policy<F, V>(
        &self,
        judge: impl Fn(&T, Duration) -> Option<Freshness>,
        patience: Duration,
        fetch: impl FnOnce(Duration) -> F,
    ) -> Result<Lookup<T>, CacheError<E>>
    where
        F: Future<Output = Result<V, LoadError<E>>> + Send,
        V: Into<Loaded<T>>,
    {
        let asked = Instant::now();
        let judged = || {
            let kept = self.kept()?;
            Some((judge(&kept.value, kept.fetched.elapsed())?, kept))
        };
        let known = judged();
        if let Some((Freshness::Fresh, kept)) = &known {
            return Ok(kept.served(CacheStatus::Hit));
        }
        let mut fetching = match (self.fetching.try_lock(), known) {
            (Ok(fetching), _) => fetching,
            (Err(_), Some((Freshness::StaleWhileRevalidate, kept))) => {
                return Ok(kept.served(CacheStatus::Revalidating));
            }
            (Err(_), _) => match timeout(patience, self.fetching.lock()).await {
                Ok(fetching) => fetching,
                Err(_) => return self.load_uncoalesced(judge, boxed(fetch(self.rules.timeout))).await,
            },
        };
        let known = judged();
        if let Some((Freshness::Fresh, kept)) = &known {
            return Ok(kept.served(CacheStatus::Miss));
        }
        if let Some((_, kept)) = known.as_ref().filter(|(_, kept)| kept.fetched >= asked) {
            return Ok(kept.served(CacheStatus::Miss));
        }
        let older = known.filter(|(good_for, _)| *good_for != Freshness::Expired).map(|(_, kept)| kept);
        let timeout = match self.rules.step(older.is_some(), fetching.failures, asked, Instant::now()) {
            Step::Fetch { timeout } => timeout,
            Step::ServeStale => {
                return older.map(|kept| kept.served(CacheStatus::Stale)).ok_or(CacheError::Canceled);
            }
            Step::Fail => return Err(fetching.last_failure()),
        };
        match self.fetch(&mut fetching, true, boxed(fetch(timeout))).await {
            Ok(value) => Ok(Lookup { value, status: CacheStatus::Miss }),
            Err(Ended::Refused(failure)) => Err(failure),
            // The fetch may have found one that will do. What is gone is not kept any more.
            Err(Ended::Failed(failure)) => Self::or_older(judged(), failure),
        }
    }

    /// Fetches beside somebody else's fetch that takes too long, which stays the one that counts.
    async fn load_uncoalesced(
        &self,
        judge: impl Fn(&T, Duration) -> Option<Freshness>,
        fetched: Fetch<'_, T, E>,
    ) -> Result<Lookup<T>, CacheError<E>> {
        match fetched.await {
            Ok(Loaded { value, age }) => {
                self.offer(value.clone(), age);
                Ok(Lookup { value, status: CacheStatus::Miss })
            }
            Err(LoadError::NotFound(error) | LoadError::Rejected(error)) => {
                Err(CacheError::LoadFailed(error))
            }
            Err(LoadError::Unavailable(error)) => {
                let kept = self.kept();
                let judged = kept.and_then(|kept| Some((judge(&kept.value, kept.fetched.elapsed())?, kept)));
                Self::or_older(judged, CacheError::LoadFailed(error))
            }
        }
    }

    /// What can be served in place of a failure.
    fn or_older(
        judged: Option<(Freshness, Kept<T>)>,
        failure: CacheError<E>,
    ) -> Result<Lookup<T>, CacheError<E>> {
        match judged {
            Some((Freshness::Fresh | Freshness::StaleWhileRevalidate | Freshness::StaleIfError, kept)) => {
                Ok(kept.served(CacheStatus::Stale))
            }
            Some((Freshness::Expired, _)) | None => Err(failure),
        }
    }

    /// Fetches the value ahead of time: if there is none or it has lived half of its time. A failure here is
    /// nobody's request yet, so it does not put the first request's fetch off.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if it could not be fetched; an older value is kept all the same.
    pub(crate) async fn prepare<F, V>(
        &self,
        fetch: impl FnOnce(Duration) -> F,
    ) -> Result<Lookup<T>, CacheError<E>>
    where
        F: Future<Output = Result<V, LoadError<E>>> + Send,
        V: Into<Loaded<T>>,
    {
        let asked = Instant::now();
        let young = || {
            let half = self.rules.ttl / 2;
            self.kept().filter(|kept| kept.fetched >= asked || kept.fetched.elapsed() < half)
        };
        if let Some(kept) = young() {
            return Ok(kept.served(CacheStatus::Hit));
        }
        let mut fetching = self.fetching.lock().await;
        if let Some(kept) = young() {
            return Ok(kept.served(CacheStatus::Miss));
        }
        let value = self
            .fetch(&mut fetching, false, boxed(fetch(self.rules.timeout)))
            .await
            .map_err(Ended::failure)?;
        Ok(Lookup { value, status: CacheStatus::Miss })
    }

    /// A newer value than `seen`, which did not do although it is young enough. `None` if there is no other, or
    /// if that was found out so recently that it is not asked again.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if it cannot be told.
    pub(crate) async fn renew<F, V>(
        &self,
        seen: &Arc<T>,
        fetch: impl FnOnce(Duration) -> F,
    ) -> Result<Option<Arc<T>>, CacheError<E>>
    where
        F: Future<Output = Result<V, LoadError<E>>> + Send,
        V: Into<Loaded<T>>,
    {
        let mut fetching = self.fetching.lock().await;
        if let Some(newer) = self.kept().filter(|kept| !Arc::ptr_eq(&kept.value, seen)) {
            return Ok(Some(newer.value));
        }
        let now = Instant::now();
        let is_put_off = fetching.failures.is_some_and(|failures| now < failures.not_before);
        if !fetching.renewals.is_due(seen, now, self.rules.refresh.cooldown) {
            // Where the last fetch failed, nobody knows whether there is a newer value by now.
            return if fetching.failures.is_none() { Ok(None) } else { Err(fetching.last_failure()) };
        }
        if is_put_off {
            return Err(fetching.last_failure());
        }
        fetching.renewals.start(now, self.rules.refresh.cooldown);
        let result = self.fetch(&mut fetching, true, boxed(fetch(self.rules.refresh.timeout))).await;
        if !result.as_ref().is_ok_and(|value| !Arc::ptr_eq(value, seen)) {
            fetching.renewals.was_in_vain(seen, Instant::now(), self.rules.refresh.cooldown);
        }
        result.map(|value| Some(value).filter(|value| !Arc::ptr_eq(value, seen))).map_err(Ended::failure)
    }

    /// The value as it is.
    pub(crate) fn peek(&self) -> Option<Lookup<T>> {
        self.kept().map(|kept| {
            let is_young = kept.fetched.elapsed() < self.rules.ttl;
            kept.served(if is_young { CacheStatus::Hit } else { CacheStatus::Stale })
        })
    }

    /// Keeps a value of this age, unless a younger one is kept.
    pub(crate) fn offer(&self, value: Arc<T>, age: Duration) {
        let now = Instant::now();
        let offered = Kept { value, fetched: now.checked_sub(age).unwrap_or(now) };
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| kept.fetched <= offered.fetched) {
            *kept = Some(offered);
        }
    }

    /// Waits for a fetch, and keeps what comes of it. Only for whoever holds `fetching`.
    async fn fetch(
        &self,
        fetching: &mut Fetching<T, E>,
        is_needed: bool,
        fetched: Fetch<'_, T, E>,
    ) -> Result<Arc<T>, Ended<E>> {
        let flight = Flight { fetching, rules: &self.rules, is_needed, has_landed: false };
        match fetched.await {
            Ok(Loaded { value, age }) => {
                flight.landed();
                self.offer(value.clone(), age);
                Ok(value)
            }
            Err(LoadError::NotFound(error)) => {
                flight.landed();
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = None;
                Err(Ended::Failed(CacheError::LoadFailed(error)))
            }
            Err(LoadError::Rejected(error)) => {
                flight.refused(error.clone());
                Err(Ended::Refused(CacheError::LoadFailed(error)))
            }
            Err(LoadError::Unavailable(error)) => {
                flight.failed(error.clone());
                Err(Ended::Failed(CacheError::LoadFailed(error)))
            }
        }
    }

    fn kept(&self) -> Option<Kept<T>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn boxed<'a, T, E, V: Into<Loaded<T>>>(
    fetch: impl Future<Output = Result<V, LoadError<E>>> + Send + 'a,
) -> Fetch<'a, T, E> {
    Box::pin(async { fetch.await.map(Into::into) })
}

/// A fetch that ended without a value.
enum Ended<E> {
    /// Something older may serve instead.
    Failed(CacheError<E>),
    Refused(CacheError<E>),
}

impl<E> Ended<E> {
    fn failure(self) -> CacheError<E> {
        match self {
            Self::Failed(failure) | Self::Refused(failure) => failure,
        }
    }
}

impl<T> From<Arc<T>> for Loaded<T> {
    /// One that is new.
    fn from(value: Arc<T>) -> Self {
        Self { value, age: Duration::ZERO }
    }
}

impl<T> Kept<T> {
    fn served(&self, status: CacheStatus) -> Lookup<T> {
        Lookup { value: self.value.clone(), status }
    }
}

impl<T, E: Clone> Fetching<T, E> {
    fn last_failure(&self) -> CacheError<E> {
        self.error.clone().map_or(CacheError::Canceled, CacheError::LoadFailed)
    }
}

impl<T> Renewals<T> {
    fn is_due(&self, seen: &Arc<T>, now: Instant, cooldown: Cooldown) -> bool {
        let counts = match cooldown {
            Cooldown::Fixed(_) => true,
            Cooldown::WhileUnchanged { .. } => self.is_of(seen),
        };
        !(counts && self.not_before.is_some_and(|not_before| now < not_before))
    }

    fn start(&mut self, now: Instant, cooldown: Cooldown) {
        self.not_before = Some(now + cooldown.after(0));
    }

    fn was_in_vain(&mut self, seen: &Arc<T>, now: Instant, cooldown: Cooldown) {
        if matches!(cooldown, Cooldown::WhileUnchanged { .. }) {
            self.in_vain = if self.is_of(seen) { self.in_vain.saturating_add(1) } else { 1 };
            self.of = Some(seen.clone());
            self.not_before = Some(now + cooldown.after(self.in_vain));
        }
    }

    fn is_of(&self, seen: &Arc<T>) -> bool {
        self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, seen))
    }
}

impl<T, E> Flight<'_, T, E> {
    fn landed(mut self) {
        self.has_landed = true;
        self.fetching.failures = None;
        self.fetching.error = None;
    }

    fn failed(mut self, error: E) {
        self.has_landed = true;
        self.note_failure(Some(error));
    }

    /// Those who waited share the answer, and it puts nothing off.
    fn refused(mut self, error: E) {
        self.has_landed = true;
        let now = Instant::now();
        self.fetching.failures = Some(Failures { count: 0, last: now, was_cut_off: false, not_before: now });
        self.fetching.error = Some(error);
    }

    fn note_failure(&mut self, error: Option<E>) {
        let now = Instant::now();
        let before = self.fetching.failures;
        let (count, not_before) = match before {
            before if self.is_needed => {
                let count = before.map_or(0, |before| before.count).saturating_add(1);
                (count, now + self.rules.wait_after(count))
            }
            Some(before) => (before.count, before.not_before),
            None => (0, now),
        };
        let was_cut_off = error.is_none();
        self.fetching.failures = Some(Failures { count, last: now, was_cut_off, not_before });
        self.fetching.error = error;
    }
}

impl<T, E> Drop for Flight<'_, T, E> {
    fn drop(&mut self) {
        if !self.has_landed {
            self.note_failure(None);
        }
    }
}
