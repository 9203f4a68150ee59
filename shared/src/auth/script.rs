//! An issuer that does what a test says, with clocks that a test can move.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use super::jwk::KeySet;

/// What the issuer answers to one fetch.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// This JWK Set.
    Keys(String),
    /// This shared secret.
    Secret(String),
    /// An error.
    Down,
    /// This JWK Set, this much later.
    Late(Duration, String),
    /// Nothing.
    Hang,
}

/// The answers to come, of which the last is given again and again.
#[derive(Debug)]
pub(super) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    fetches: AtomicU32,
}

impl Script {
    pub(super) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), fetches: AtomicU32::new(0) }
    }

    /// What is answered from now on.
    pub(super) fn change(&self, answer: Answer) {
        *self.answers.lock().unwrap() = [answer].into();
    }

    /// How many fetches there were.
    pub(super) fn fetches(&self) -> u32 {
        self.fetches.load(Relaxed)
    }

    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
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
            Answer::Hang => std::future::pending().await,
        }
    }
}
