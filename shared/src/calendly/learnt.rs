//! What was learnt with a PAT, kept for a while.

use std::{
    future::Future,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::Utc;
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    cache::{
        Age, BackOff, Cell, CoolDown, Failure, Fetched, Keyed, Renewal, Rules, Unserved,
        remote::{Name, Shared, Value},
    },
    pat::PatId,
    telemetry::Record,
};

/// Values that calls to Calendly tell, kept by the PAT of the calls and by a key: what was learnt with one PAT is
/// never used with another. Of many who need the same at once, one asks. Where environments share what they learn,
/// a value that another has found out is taken from there.
#[derive(Debug)]
pub struct Learnt<K, T> {
    name: &'static str,
    max_age: Duration,
    kept: Keyed<(PatId, K), T, Error>,
}

/// Who learns: with which PAT, and for which request.
#[derive(Debug, Clone, Copy)]
pub struct Learner<'a> {
    pub(super) pat: PatId,
    pub(super) record: &'a Record,
    pub(super) shared: Option<Shared<'a>>,
}

impl<K, T> Learnt<K, T>
where
    K: Hash + Eq + Clone + Serialize + Send + Sync,
    T: Serialize + DeserializeOwned + Send + Sync,
{
    /// Keeps each value for `max_age`; zero keeps none. Whether one was at hand stands in the log under `name`.
    #[must_use]
    pub fn new(name: &'static str, max_age: Duration) -> Self {
        // Calls have limits of their own.
        let renewal = Renewal { timeout: Duration::MAX, cool_down: CoolDown::Always(Duration::ZERO) };
        let rules = Rules { max_age, timeout: Duration::MAX, back_off: BackOff::None, renewal };
        Self { name, max_age, kept: Keyed::new(rules) }
    }

    /// The value, and whether it was at hand; else `learn` finds it out.
    ///
    /// # Errors
    ///
    /// What `learn` returns, for all who wait for it.
    pub async fn get(
        &self,
        learner: Learner<'_>,
        key: &K,
        learn: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<(Arc<T>, bool), Error> {
        let was_shared = AtomicBool::new(false);
        let fetch = |_| self.find_out(learner, key, self.max_age, &was_shared, Box::pin(learn));
        let served = self.cell(learner, key).get(fetch).await;
        let was_at_hand = match &served {
            Ok(served) => served.age == Age::Kept || was_shared.load(Relaxed),
            Err(_) => false,
        };
        learner.record.cache(self.name, was_at_hand);
        served.map(|served| (served.value, was_at_hand)).map_err(error)
    }

    /// Whether the value is at hand and young enough.
    #[must_use]
    pub fn is_kept(&self, learner: Learner<'_>, key: &K) -> bool {
        self.cell(learner, key).peek().is_some_and(|served| served.age == Age::Kept)
    }

    /// As [`Self::get`], ahead of time: if there is none or it has lived half of its time.
    pub(super) async fn prepare(
        &self,
        learner: Learner<'_>,
        key: &K,
        learn: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<(), Error> {
        let was_shared = AtomicBool::new(false);
        let fetch = |_| self.find_out(learner, key, self.max_age / 2, &was_shared, Box::pin(learn));
        let served = self.cell(learner, key).prepare(fetch).await;
        let was_at_hand = served.as_ref().is_ok_and(|served| served.age == Age::Kept);
        learner.record.cache(self.name, was_at_hand || was_shared.load(Relaxed));
        served.map(drop).map_err(error)
    }

    /// Keeps the value if another environment has found it out.
    pub(super) async fn recall(&self, learner: Learner<'_>, key: &K) {
        if let Some((shared, name)) = self.shared(learner, key)
            && let Some(Fetched { value, age }) = self.read(shared, &name, self.max_age).await
        {
            self.cell(learner, key).offer(value, age);
        }
    }

    /// Another value than `seen`, which turned out to be wrong: one that somebody has found out since, or what
    /// `learn` finds out now.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub async fn relearn(
        &self,
        learner: Learner<'_>,
        key: &K,
        seen: &Arc<T>,
        learn: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<Arc<T>, Error> {
        // What others have found out is what turned out to be wrong.
        let was_shared = AtomicBool::new(false);
        let fetch = |_| self.find_out(learner, key, Duration::ZERO, &was_shared, Box::pin(learn));
        let renewed = self.cell(learner, key).renew(seen, fetch).await;
        renewed.map(|newer| newer.unwrap_or_else(|| seen.clone())).map_err(error)
    }

    fn cell(&self, learner: Learner<'_>, key: &K) -> Arc<Cell<T, Error>> {
        self.kept.cell(&(learner.pat, key.clone()))
    }

    /// What others have found out not longer ago than this, which `was_shared` then says; else what `learn` finds out,
    /// for others too.
    async fn find_out(
        &self,
        learner: Learner<'_>,
        key: &K,
        young: Duration,
        was_shared: &AtomicBool,
        learn: BoxFuture<'_, Result<T, Error>>,
    ) -> Result<Fetched<T>, Failure<Error>> {
        let shared = self.shared(learner, key);
        if let Some((shared, name)) = &shared
            && let Some(fetched) = self.read(*shared, name, young).await
        {
            was_shared.store(true, Relaxed);
            return Ok(fetched);
        }
        let as_of = Utc::now();
        let value = learn.await.map_err(Failure::Unavailable)?;
        if let Some((shared, name)) = &shared
            && let Ok(text) = serde_json::to_string(&value)
        {
            shared.write(name, &Value { as_of, text }, self.max_age).await;
        }
        Ok(Arc::new(value).into())
    }

    /// Where others look for the value, unless it is not to be kept.
    fn shared<'a>(&self, learner: Learner<'a>, key: &K) -> Option<(Shared<'a>, Name)> {
        let shared = learner.shared.filter(|_| !self.max_age.is_zero())?;
        Some((shared, shared.name(self.name, &serde_json::to_string(key).ok()?)))
    }

    async fn read(&self, shared: Shared<'_>, name: &Name, young: Duration) -> Option<Fetched<T>> {
        if young.is_zero() {
            return None;
        }
        let value = shared.read(name).await?;
        let age = value.age(Utc::now()).filter(|age| *age < young)?;
        Some(Fetched { value: Arc::new(serde_json::from_str(&value.text).ok()?), age })
    }
}

fn error(unserved: Unserved<Error>) -> Error {
    match unserved {
        Unserved::Failed(error) => error,
        Unserved::CutOff => Error::DeadlineExceeded { during: "Calendly was called for another request" },
    }
}
