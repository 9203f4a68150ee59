//! The key store: keys are fetched rarely, by one fetch however many wait, and go on serving while the
//! issuer is down.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
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

#[cfg(test)]
mod tests;

/// How long one fetch may take, discovery included.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// How long one may take where old keys can serve instead.
const TIMEOUT_OF_A_REFRESH: Duration = Duration::from_secs(2);

/// A token that no kept key verifies makes the keys be fetched again at most this often, whether that
/// succeeds or not, so that made-up tokens do not become calls to the issuer.
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
    /// Held while keys are fetched: whoever waits for it finds what the holder's fetch came to.
    fetching: Mutex<Fetching>,
}

#[derive(Debug, Clone)]
struct Kept {
    keys: Arc<KeySet>,
    fetched: Instant,
}

#[derive(Debug, Default)]
struct Fetching {
    /// How many fetches have failed since one succeeded.
    failures: u32,
    /// When the last one failed.
    failed: Option<Instant>,
    /// No fetch before, because the last one failed.
    not_before: Option<Instant>,
    /// When keys were last fetched because of a token that none of them verified.
    for_unknown_key: Option<Instant>,
}

/// A fetch that is under way. Dropped without success, because it failed or because the invocation's time
/// ran out, it puts the next one off.
#[derive(Debug)]
struct Attempt<'a> {
    fetching: &'a mut Fetching,
    has_succeeded: bool,
}

/// What the kept keys say to a token.
enum Verdict {
    Signed,
    /// There is no key for it; newer keys might have one.
    Unknown,
    /// The key that fits it, and that it does not name, did not sign it; a newer one might have.
    Unsigned,
    Refused(TokenError),
}

impl Kept {
    /// Whether both come from the same fetch.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Fetching {
    /// A fetch for a request that has no keys at all and came at the moment `asked`. One failure alone may have
    /// been a hiccup, and puts off only those who waited for it.
    fn first_attempt(&mut self, asked: Instant) -> Option<Attempt<'_>> {
        if self.failures == 1 && self.failed.is_some_and(|failed| failed < asked) {
            self.not_before = None;
        }
        self.attempt()
    }

    /// A fetch, unless the last one failed just now.
    fn attempt(&mut self) -> Option<Attempt<'_>> {
        let may_fetch = self.not_before.is_none_or(|not_before| not_before <= Instant::now());
        may_fetch.then(|| Attempt { fetching: self, has_succeeded: false })
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }
}

impl Attempt<'_> {
    fn succeeded(mut self) {
        self.has_succeeded = true;
        self.fetching.succeeded();
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.has_succeeded {
            self.fetching.failed = Some(Instant::now());
            self.fetching.not_before = Some(Instant::now() + back_off(self.fetching.failures));
            self.fetching.failures = self.fetching.failures.saturating_add(1);
        }
    }
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
        let are_young = || self.kept().is_some_and(|kept| kept.fetched.elapsed() < self.source.max_age() / 2);
        if are_young() {
            return Ok(());
        }
        let mut fetching = self.fetching.lock().await;
        if are_young() {
            return Ok(());
        }
        // A failure here is nobody's request yet, so it does not put the first request's fetch off.
        self.fetch(TIMEOUT).await?;
        fetching.succeeded();
        Ok(())
    }

    /// Whether a key of the issuer signed the token.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if none did, [`Error::KeysUnavailable`] if that cannot be told.
    pub(super) async fn verify(&self, jws: &CompactJws<'_>, record: &Record) -> Result<(), Error> {
        if !self.source.is_for(jws.algorithm) {
            return Err(TokenError::Invalid("The token's alg is not accepted.").into());
        }
        let known = self.kept();
        let young = known.clone().filter(|kept| kept.fetched.elapsed() < self.source.max_age());
        record.keys_cache(young.is_some());
        let kept = match young {
            Some(kept) => kept,
            None => self.refresh().await?,
        };
        match verdict(&kept.keys, jws) {
            Verdict::Signed => Ok(()),
            Verdict::Refused(error) => Err(error.into()),
            // They came while this token waited: there is nothing newer.
            Verdict::Unknown | Verdict::Unsigned if known.as_ref().is_none_or(|known| !known.is(&kept)) => {
                Err(UNKNOWN_KEY.into())
            }
            Verdict::Unknown => self.verify_with_newer_keys(jws, &kept, || Error::KeysUnavailable).await,
            // Without newer keys the one that fits has the last word.
            Verdict::Unsigned => self.verify_with_newer_keys(jws, &kept, || UNKNOWN_KEY.into()).await,
        }
    }

    /// Fresh keys, or, where they cannot be had, the ones that are kept.
    async fn refresh(&self) -> Result<Kept, Error> {
        let asked = Instant::now();
        let mut fetching = match (self.fetching.try_lock(), self.kept()) {
            (Ok(fetching), _) => fetching,
            // Somebody else is fetching: no need to wait for the end of that.
            (Err(_), Some(kept)) => return Ok(kept),
            (Err(_), None) => self.fetching.lock().await,
        };
        let kept = self.kept();
        let limit = match &kept {
            Some(kept) if kept.fetched.elapsed() < self.source.max_age() => return Ok(kept.clone()),
            Some(_) => TIMEOUT_OF_A_REFRESH,
            None => TIMEOUT,
        };
        let attempt = if kept.is_some() { fetching.attempt() } else { fetching.first_attempt(asked) };
        let Some(attempt) = attempt else { return kept.ok_or(Error::KeysUnavailable) };
        match self.fetch(limit).await {
            Ok(fresh) => {
                attempt.succeeded();
                Ok(fresh)
            }
            Err(_) => kept.ok_or(Error::KeysUnavailable),
        }
    }

    /// For a token that none of the keys in `seen` verified; `unavailable` if newer ones cannot be had.
    async fn verify_with_newer_keys(
        &self,
        jws: &CompactJws<'_>,
        seen: &Kept,
        unavailable: impl Fn() -> Error,
    ) -> Result<(), Error> {
        let mut fetching = self.fetching.lock().await;
        let newer = match self.kept().filter(|kept| !kept.is(seen)) {
            Some(newer) => newer,
            None if fetching.for_unknown_key.is_some_and(|last| last.elapsed() < COOL_DOWN) => {
                // Where the last fetch failed, nobody knows whether the issuer has such a key by now.
                let is_known = fetching.failures == 0;
                return Err(if is_known { UNKNOWN_KEY.into() } else { unavailable() });
            }
            None => {
                let attempt = fetching.attempt().ok_or_else(&unavailable)?;
                attempt.fetching.for_unknown_key = Some(Instant::now());
                let newer = self.fetch(TIMEOUT).await.map_err(|_| unavailable())?;
                attempt.succeeded();
                newer
            }
        };
        drop(fetching);
        match verdict(&newer.keys, jws) {
            Verdict::Signed => Ok(()),
            Verdict::Refused(error) => Err(error.into()),
            Verdict::Unknown | Verdict::Unsigned => Err(UNKNOWN_KEY.into()),
        }
    }

    /// Fetches keys and keeps them; a failure is logged. Only for whoever holds `fetching`.
    async fn fetch(&self, limit: Duration) -> Result<Kept, String> {
        let fetched = timeout(limit, self.source.fetch())
            .await
            .unwrap_or_else(|_| Err("the issuer did not answer in time".to_owned()));
        match fetched {
            Ok(keys) => {
                let kept = Kept { keys: Arc::new(keys), fetched: Instant::now() };
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
                Ok(kept)
            }
            Err(reason) => {
                telemetry::warn("the token issuer's keys could not be fetched", &reason);
                Err(reason)
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
        // The key that the token names is at hand, so its signature is simply wrong. A key that it does not
        // name may have been replaced, as a shared secret is when it is rotated.
        Choice::Key(key) if jws.key_id.is_some() && key.key_id == jws.key_id => Verdict::Refused(UNKNOWN_KEY),
        Choice::Key(_) => Verdict::Unsigned,
        Choice::Unknown => Verdict::Unknown,
        Choice::Ambiguous => Verdict::Refused(TokenError::Invalid(
            "The token does not say which of several keys of the issuer signed it.",
        )),
    }
}
