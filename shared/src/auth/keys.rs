//! The key store: keys are fetched rarely, by one fetch however many wait, and go on serving while the
//! issuer is down.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use super::{
    jwk::{Choice, KeySet},
    jws::CompactJws,
    key_source::KeySource,
    verify::is_signed_by,
};
use crate::{
    Error,
    error::TokenError,
    telemetry::{self, Record},
};

/// A token that no kept key verifies makes the keys be fetched again at most this often, so that made-up
/// tokens do not become calls to the issuer.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// After a failed fetch the next one waits this long, then twice as long, and so on.
const FIRST_BACK_OFF: Duration = Duration::from_millis(250);

/// The longest wait after failed fetches.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

const UNKNOWN_KEY: TokenError = TokenError::Invalid("The token is not signed with a key of the issuer.");

/// The issuer's keys.
#[derive(Debug)]
pub(super) struct KeyStore {
    source: KeySource,
    kept: RwLock<Option<Kept>>,
    /// Held while keys are fetched: whoever waits for it finds the keys that the holder fetched.
    fetching: Mutex<Fetching>,
}

#[derive(Debug, Clone)]
struct Kept {
    keys: Arc<KeySet>,
    fetched: Instant,
}

#[derive(Debug, Default)]
struct Fetching {
    failures: u32,
    not_before: Option<Instant>,
    /// When keys were last fetched because of a token that none of them verified.
    for_unknown_key: Option<Instant>,
}

/// Why keys were not fetched.
#[derive(Debug)]
struct NotFetched(String);

/// What the kept keys say to a token.
enum Verdict {
    Signed,
    /// No key verifies it; newer keys might.
    Unknown,
    Refused(TokenError),
}

impl KeyStore {
    pub(super) fn new(source: KeySource) -> Self {
        Self { source, kept: RwLock::new(None), fetching: Mutex::new(Fetching::default()) }
    }

    /// Fetches keys if there are none or they have lived half of their time.
    ///
    /// # Errors
    ///
    /// A sentence that says why.
    pub(super) async fn prepare(&self) -> Result<(), String> {
        let is_young = |kept: Kept| kept.fetched.elapsed() < self.source.max_age() / 2;
        if self.kept().is_some_and(is_young) {
            return Ok(());
        }
        let mut fetching = self.fetching.lock().await;
        // A failure here is nobody's request yet, so it does not make the first request wait.
        let failures = std::mem::take(&mut *fetching);
        let fetched = self.fetch(&mut fetching).await.map_err(|NotFetched(reason)| reason);
        if fetched.is_err() {
            *fetching = failures;
        }
        fetched
    }

    /// Whether a key of the issuer signed the token.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if none did, [`Error::KeysUnavailable`] if that cannot be told.
    pub(super) async fn verify(&self, jws: &CompactJws<'_>, record: &Record) -> Result<(), Error> {
        let asked = Instant::now();
        let kept = self.kept().filter(|kept| kept.fetched.elapsed() < self.source.max_age());
        record.keys_cache(kept.is_some());
        let kept = match kept {
            Some(kept) => kept,
            None => self.refresh().await?,
        };
        match verdict(&kept.keys, jws) {
            Verdict::Signed => Ok(()),
            Verdict::Refused(error) => Err(error.into()),
            Verdict::Unknown if kept.fetched >= asked => Err(UNKNOWN_KEY.into()),
            Verdict::Unknown => self.verify_with_newer_keys(jws, kept.fetched).await,
        }
    }

    /// Fresh keys, or, where they cannot be had, the ones that are kept.
    async fn refresh(&self) -> Result<Kept, Error> {
        let mut fetching = match (self.fetching.try_lock(), self.kept()) {
            (Ok(fetching), _) => fetching,
            // Somebody else is fetching: no need to wait for the end of that.
            (Err(_), Some(kept)) => return Ok(kept),
            (Err(_), None) => self.fetching.lock().await,
        };
        match self.kept() {
            Some(kept) if kept.fetched.elapsed() < self.source.max_age() => return Ok(kept),
            _ => {}
        }
        let _ = self.fetch(&mut fetching).await;
        self.kept().ok_or(Error::KeysUnavailable)
    }

    /// For a token that no key verified which was fetched at `seen`.
    async fn verify_with_newer_keys(&self, jws: &CompactJws<'_>, seen: Instant) -> Result<(), Error> {
        let mut fetching = self.fetching.lock().await;
        let is_newer = |kept: &Kept| kept.fetched > seen;
        let mut newer = self.kept().filter(is_newer);
        if newer.is_none() {
            if fetching.for_unknown_key.is_some_and(|last| last.elapsed() < COOL_DOWN) {
                return Err(UNKNOWN_KEY.into());
            }
            self.fetch(&mut fetching).await.map_err(|NotFetched(_)| Error::KeysUnavailable)?;
            fetching.for_unknown_key = Some(Instant::now());
            newer = self.kept();
        }
        drop(fetching);
        match newer.map(|kept| verdict(&kept.keys, jws)) {
            Some(Verdict::Signed) => Ok(()),
            Some(Verdict::Refused(error)) => Err(error.into()),
            Some(Verdict::Unknown) | None => Err(UNKNOWN_KEY.into()),
        }
    }

    async fn fetch(&self, fetching: &mut MutexGuard<'_, Fetching>) -> Result<(), NotFetched> {
        if fetching.not_before.is_some_and(|not_before| Instant::now() < not_before) {
            return Err(NotFetched("the last fetch failed just now".to_owned()));
        }
        match self.source.fetch().await {
            Ok(keys) => {
                let kept = Kept { keys: Arc::new(keys), fetched: Instant::now() };
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
                fetching.failures = 0;
                fetching.not_before = None;
                Ok(())
            }
            Err(reason) => {
                telemetry::warn("the token issuer's keys could not be fetched", &reason);
                fetching.not_before = Some(Instant::now() + back_off(fetching.failures));
                fetching.failures = fetching.failures.saturating_add(1);
                Err(NotFetched(reason))
            }
        }
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn back_off(failures: u32) -> Duration {
    FIRST_BACK_OFF.saturating_mul(2u32.saturating_pow(failures)).min(LONGEST_BACK_OFF)
}

fn verdict(keys: &KeySet, jws: &CompactJws<'_>) -> Verdict {
    match keys.choose(jws) {
        Choice::Key(key) if is_signed_by(jws, &key.key) => Verdict::Signed,
        // A published key is known by its kid, and its signature is simply wrong. A key without a kid may
        // have been replaced, as a shared secret is when it is rotated.
        Choice::Key(key) if key.key_id.is_some() => Verdict::Refused(UNKNOWN_KEY),
        Choice::Key(_) | Choice::Unknown => Verdict::Unknown,
        Choice::Ambiguous => Verdict::Refused(TokenError::Invalid(
            "The token names no kid, and more than one key of the issuer fits it.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_grows_to_its_limit() {
        let waits: Vec<_> = [0, 1, 2, 6, 7, u32::MAX].map(|failures| back_off(failures).as_millis()).to_vec();
        assert_eq!(waits, [250, 500, 1_000, 16_000, 30_000, 30_000]);
    }
}
