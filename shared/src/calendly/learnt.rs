//! What was learnt with a PAT, kept for a while.

use std::{future::Future, hash::Hash, sync::Arc, time::Duration};

use crate::{
    Error,
    cache::{Age, BackOff, Cell, CoolDown, Failure, Keyed, Renewal, Rules, Served, Unserved},
    pats::PatId,
    telemetry::Record,
};

/// Values that calls to Calendly tell, kept by the PAT of the calls and by a key: what was learnt with one PAT is
/// never used with another. Of many who need the same at once, one asks.
#[derive(Debug)]
pub struct Learnt<K, T> {
    name: &'static str,
    kept: Keyed<(PatId, K), T, Error>,
}

/// Who learns: with which PAT, and for which request.
#[derive(Debug, Clone, Copy)]
pub struct Learner<'a> {
    pub(super) pat: PatId,
    pub(super) record: &'a Record,
}

impl<K: Hash + Eq + Clone, T> Learnt<K, T> {
    /// Keeps each value for `max_age`; zero keeps none. Whether one was at hand stands in the log under `name`.
    #[must_use]
    pub fn new(name: &'static str, max_age: Duration) -> Self {
        // Calls have limits of their own.
        let renewal = Renewal { timeout: Duration::MAX, cool_down: CoolDown::Always(Duration::ZERO) };
        let rules = Rules { max_age, timeout: Duration::MAX, back_off: BackOff::None, renewal };
        Self { name, kept: Keyed::new(rules) }
    }

    /// The value, and whether it was at hand; else `learn` finds it out.
    ///
    /// # Errors
    ///
    /// What `learn` returns, for all who wait for it.
    pub async fn get<F>(
        &self,
        learner: Learner<'_>,
        key: &K,
        learn: impl FnOnce() -> F,
    ) -> Result<(Arc<T>, bool), Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let served = self.cell(learner, key).get(|_| fetch(learn())).await;
        self.noted(learner, served)
    }

    /// Whether the value is at hand and young enough.
    #[must_use]
    pub fn is_kept(&self, learner: Learner<'_>, key: &K) -> bool {
        self.cell(learner, key).peek().is_some_and(|served| served.age == Age::Kept)
    }

    /// As [`Self::get`], ahead of time: if there is none or it has lived half of its time.
    pub(super) async fn prepare<F>(
        &self,
        learner: Learner<'_>,
        key: &K,
        learn: impl FnOnce() -> F,
    ) -> Result<(Arc<T>, bool), Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let served = self.cell(learner, key).prepare(|_| fetch(learn())).await;
        self.noted(learner, served)
    }

    /// Another value than `seen`, which turned out to be wrong: one that somebody has found out since, or what
    /// `learn` finds out now.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub async fn relearn<F>(
        &self,
        learner: Learner<'_>,
        key: &K,
        seen: &Arc<T>,
        learn: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let renewed = self.cell(learner, key).renew(seen, |_| fetch(learn())).await;
        renewed.map(|newer| newer.unwrap_or_else(|| seen.clone())).map_err(error)
    }

    fn cell(&self, learner: Learner<'_>, key: &K) -> Arc<Cell<T, Error>> {
        self.kept.cell(&(learner.pat, key.clone()))
    }

    fn noted(
        &self,
        learner: Learner<'_>,
        served: Result<Served<T>, Unserved<Error>>,
    ) -> Result<(Arc<T>, bool), Error> {
        let was_at_hand = served.as_ref().is_ok_and(|served| served.age == Age::Kept);
        learner.record.cache(self.name, was_at_hand);
        served.map(|served| (served.value, was_at_hand)).map_err(error)
    }
}

async fn fetch<T>(learnt: impl Future<Output = Result<T, Error>>) -> Result<Arc<T>, Failure<Error>> {
    learnt.await.map(Arc::new).map_err(Failure::Unavailable)
}

fn error(unserved: Unserved<Error>) -> Error {
    match unserved {
        Unserved::Failed(error) => error,
        Unserved::CutOff => Error::DeadlineExceeded { during: "Calendly was called for another request" },
    }
}
