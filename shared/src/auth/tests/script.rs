//! An issuer that does what a test says, with clocks that a test can move.

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

use crate::auth::{jwk::KeySet, key_source::KeySource};

/// What the issuer answers to one fetch.
#[derive(Debug, Clone)]
pub(in crate::auth) enum Answer {
    /// This JWK Set.
    Keys(String),
    /// This shared secret.
    Secret(String),
    /// An error.
    Down,
    /// This JWK Set, this much later.
    Late(Duration, String),
}

/// The answers to come, of which the last is given again and again.
#[derive(Debug)]
pub(in crate::auth) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    fetches: AtomicU32,
}

impl Script {
    pub(in crate::auth) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), fetches: AtomicU32::new(0) }
    }

    /// What is answered from now on.
    pub(in crate::auth) fn change(&self, answer: Answer) {
        *self.answers.lock().unwrap() = [answer].into();
    }

    /// How many fetches there were.
    pub(in crate::auth) fn fetches(&self) -> u32 {
        self.fetches.load(Relaxed)
    }
}

impl KeySource for Arc<Script> {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            self.fetches.fetch_add(1, Relaxed);
            let answer = {
                let mut answers = self.answers.lock().unwrap();
                if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
            };
            match answer.unwrap() {
                Answer::Keys(jwks) => KeySet::parse(jwks.as_bytes()),
                Answer::Secret(secret) => Ok(KeySet::of_shared_secret(secret.as_bytes())),
                Answer::Down => Err("the issuer is down".to_owned()),
                Answer::Late(time, jwks) => {
                    tokio::time::sleep(time).await;
                    KeySet::parse(jwks.as_bytes())
                }
            }
        })
    }

    fn is_for(&self, _: Algorithm) -> bool {
        true
    }

    fn ttl(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }
}
