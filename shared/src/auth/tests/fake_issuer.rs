//! A scripted token issuer.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use jsonwebtoken::Algorithm;

use crate::auth::{key_set::KeySet, keys::KeySource};

/// The answer to one fetch.
#[derive(Debug, Clone)]
pub(in crate::auth) enum Answer {
    /// A JWK Set.
    Keys(String),
    /// A shared secret.
    Secret(String),
    /// An error.
    Down,
}

/// A key source with scripted answers, the last of which repeats.
#[derive(Debug)]
pub(in crate::auth) struct FakeIssuer {
    answers: Mutex<VecDeque<Answer>>,
    fetches: AtomicU32,
}

impl FakeIssuer {
    pub(in crate::auth) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), fetches: AtomicU32::new(0) }
    }

    /// Replaces the answers with one.
    pub(in crate::auth) fn set_answer(&self, answer: Answer) {
        *self.answers.lock().unwrap() = [answer].into();
    }

    /// The number of fetches so far.
    pub(in crate::auth) fn fetches(&self) -> u32 {
        self.fetches.load(Relaxed)
    }
}

impl KeySource for Arc<FakeIssuer> {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            self.fetches.fetch_add(1, Relaxed);
            let answer = {
                let mut answers = self.answers.lock().unwrap();
                if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
            };
            match answer.unwrap() {
                Answer::Keys(jwks) => KeySet::parse(jwks.as_bytes()),
                Answer::Secret(secret) => Ok(KeySet::from_shared_secret(secret.as_bytes())),
                Answer::Down => Err("the issuer is down".to_owned()),
            }
        })
    }

    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn ttl(&self) -> Duration {
        Duration::from_hours(1)
    }
}
