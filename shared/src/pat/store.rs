//! The PATs that are in use: read from Secrets Manager, kept for a while, one read however many wait,
//! served stale while Secrets Manager is down, and never one caller's for another.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use super::{Pat, SecretIdTemplate};
use crate::{
    Error,
    auth::Caller,
    secrets::{SecretError, Secrets},
    telemetry::{self, Record},
};

/// A PAT that Calendly refuses is read again. When that has been in vain twice it is not for this long, then for
/// twice as long, and so on: a revoked PAT must not become a call to Secrets Manager for every request, and
/// one that was just replaced must be found.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(1);

/// The longest time for which a refused PAT is not read again.
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(30);

/// How long a stale PAT serves before Secrets Manager is asked again, at most.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// How long Secrets Manager may take where there is something to answer without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many callers' PATs are kept.
const MOST_KEPT: usize = 1_000;

/// A PAT that was read, and what has been learnt with it. Never outlives the PAT.
#[derive(Debug)]
pub(crate) struct KnownPat {
    pub(crate) pat: Pat,
    /// Differs between any two PATs of this process.
    pub(crate) id: u64,
    /// Its user. Locked while that is being learnt: whoever waits for it finds what the holder was told.
    pub(crate) user: AsyncMutex<KnownUser>,
}

/// What is known of a PAT's user.
#[derive(Debug, Default)]
pub(crate) struct KnownUser {
    /// The user's URI, and when it was learnt.
    pub(crate) uri: Option<(Instant, Arc<str>)>,
    /// Why it was not learnt, and when.
    pub(crate) failure: Option<(Instant, Error)>,
}

/// The PATs of all callers.
#[derive(Debug)]
pub(crate) struct PatStore {
    template: SecretIdTemplate,
    secrets: Secrets,
    max_age: Duration,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// The place of one secret's PAT.
#[derive(Debug)]
struct Slot {
    used: Mutex<Instant>,
    kept: RwLock<Option<Kept>>,
    /// Held while the secret is read: whoever waits for it finds what the holder read.
    reading: AsyncMutex<Reading>,
}

#[derive(Debug, Clone)]
struct Kept {
    pat: Arc<KnownPat>,
    read: Instant,
}

#[derive(Debug, Default)]
struct Reading {
    /// After a failed read: when to try again, as long as a stale PAT can serve.
    not_before: Option<Instant>,
    /// When the last read failed: whoever asked before that has its answer.
    failed: Option<Instant>,
    /// The PAT that was read again in vain.
    refused: Option<Refused>,
}

#[derive(Debug)]
struct Refused {
    id: u64,
    rereads: u32,
    no_reread_before: Instant,
}

impl Refused {
    /// After one more reread of the PAT `id` in vain.
    fn again(before: Option<Self>, id: u64) -> Self {
        let rereads = before.filter(|before| before.id == id).map_or(0, |before| before.rereads) + 1;
        Self { id, rereads, no_reread_before: Instant::now() + cool_down(rereads) }
    }
}

fn cool_down(rereads: u32) -> Duration {
    match rereads {
        0 | 1 => Duration::ZERO,
        _ => FIRST_COOL_DOWN.saturating_mul(2u32.saturating_pow(rereads - 2)).min(LONGEST_COOL_DOWN),
    }
}

impl PatStore {
    /// Keeps each PAT for `max_age`. Reads nothing yet.
    pub(crate) fn new(template: SecretIdTemplate, secrets: Secrets, max_age: Duration) -> Self {
        Self { template, secrets, max_age, slots: Mutex::default() }
    }

    /// How long a PAT is kept, and what was learnt about its user.
    pub(crate) fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The shared PAT, read now if it is missing or has lived half of its time; `None` where each caller
    /// has one of their own.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub(crate) async fn prepare(&self, record: &Record) -> Result<Option<Arc<KnownPat>>, Error> {
        match self.template.shared() {
            Some(secret_id) => self.get(secret_id, self.max_age / 2, record).await.map(Some),
            None => Ok(None),
        }
    }

    /// The caller's PAT.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if there is none, [`Error::SecretsUnavailable`] if that cannot be told and
    /// none is kept.
    pub(crate) async fn of(&self, caller: &Caller, record: &Record) -> Result<Arc<KnownPat>, Error> {
        self.get(&self.template.of(caller)?, self.max_age, record).await
    }

    async fn get(&self, secret_id: &str, max_age: Duration, record: &Record) -> Result<Arc<KnownPat>, Error> {
        let asked = Instant::now();
        let slot = self.slot(secret_id);
        let is_fresh = |kept: &Kept| kept.read.elapsed() < max_age || kept.read >= asked;
        if let Some(kept) = slot.kept().filter(is_fresh) {
            record.pat_cache(true);
            return Ok(kept.pat);
        }
        record.pat_cache(false);
        let mut reading = slot.reading.lock().await;
        let kept = slot.kept();
        if let Some(kept) = kept.clone().filter(is_fresh) {
            return Ok(kept.pat);
        }
        if let Some(kept) = &kept
            && reading.not_before.is_some_and(|not_before| Instant::now() < not_before)
        {
            return Ok(self.served(kept, record));
        }
        if kept.is_none() && reading.failed.is_some_and(|failed| failed >= asked) {
            return Err(Error::SecretsUnavailable);
        }
        let result = match kept {
            Some(_) => self.read_soon(&slot, secret_id).await,
            None => self.read(&slot, secret_id).await,
        };
        match (result, kept) {
            (Err(Error::SecretsUnavailable), Some(kept)) => {
                reading.not_before = Some(Instant::now() + LONGEST_BACK_OFF.min(self.max_age));
                Ok(self.served(&kept, record))
            }
            (result, _) => {
                reading.not_before = None;
                reading.failed = matches!(result, Err(Error::SecretsUnavailable)).then(Instant::now);
                result
            }
        }
    }

    /// A PAT that serves because the secret cannot be read. For a warm-up, which renews it early, it may still
    /// be young enough.
    fn served(&self, kept: &Kept, record: &Record) -> Arc<KnownPat> {
        if kept.read.elapsed() >= self.max_age {
            record.pat_stale();
        }
        kept.pat.clone()
    }

    /// Another PAT for the caller, after Calendly refused `refused`: the secret is read once more. `None`
    /// if there is no other.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if the secret holds none any more.
    pub(crate) async fn reread(
        &self,
        caller: &Caller,
        refused: &KnownPat,
    ) -> Result<Option<Arc<KnownPat>>, Error> {
        let secret_id = self.template.of(caller)?;
        let slot = self.slot(&secret_id);
        let mut reading = slot.reading.lock().await;
        if let Some(kept) = slot.kept().filter(|kept| kept.pat.id != refused.id) {
            return Ok(Some(kept.pat));
        }
        let is_too_soon =
            |before: &Refused| before.id == refused.id && Instant::now() < before.no_reread_before;
        if reading.refused.as_ref().is_some_and(is_too_soon) {
            return Ok(None);
        }
        match self.read_soon(&slot, &secret_id).await {
            Ok(pat) if pat.id != refused.id => Ok(Some(pat)),
            Ok(_) | Err(Error::SecretsUnavailable) => {
                reading.refused = Some(Refused::again(reading.refused.take(), refused.id));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// As [`Self::read`], but not at any price.
    async fn read_soon(&self, slot: &Slot, secret_id: &str) -> Result<Arc<KnownPat>, Error> {
        tokio::time::timeout(PATIENCE, self.read(slot, secret_id))
            .await
            .unwrap_or(Err(Error::SecretsUnavailable))
    }

    /// Reads the secret and keeps what it holds. A PAT that is the same as before stays the same
    /// [`KnownPat`], with all that was learnt with it.
    async fn read(&self, slot: &Slot, secret_id: &str) -> Result<Arc<KnownPat>, Error> {
        let secret = match self.secrets.read(secret_id).await {
            Ok(secret) => secret,
            Err(SecretError::NotFound) => {
                slot.keep(None);
                return Err(Error::PatMissing("No Calendly token is stored for this caller."));
            }
            Err(SecretError::Unavailable(reason)) => {
                telemetry::warn("the secret of the Calendly token could not be read", &reason);
                return Err(Error::SecretsUnavailable);
            }
        };
        let Some(pat) = Pat::from_secret(secret.expose_secret()) else {
            slot.keep(None);
            return Err(Error::PatMissing(
                "The secret that should hold the Calendly token holds none: store the bare token, or a JSON \
                 object with it under pat, token or access_token.",
            ));
        };
        let pat = match slot.kept() {
            Some(kept) if kept.pat.pat == pat => kept.pat,
            _ => Arc::new(KnownPat { pat, id: next_id(), user: AsyncMutex::default() }),
        };
        slot.keep(Some(Kept { pat: pat.clone(), read: Instant::now() }));
        Ok(pat)
    }

    /// The secret's slot. Where there would be too many, the one that was not used for longest goes.
    fn slot(&self, secret_id: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(secret_id) {
            slot.touch();
            return slot.clone();
        }
        if slots.len() >= MOST_KEPT
            && let Some(oldest) = slots.iter().min_by_key(|(_, slot)| slot.used()).map(|(id, _)| id.clone())
        {
            slots.remove(&oldest);
        }
        let slot = Arc::new(Slot::new());
        slots.insert(secret_id.to_owned(), slot.clone());
        slot
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Slot {
    fn new() -> Self {
        Self { used: Mutex::new(Instant::now()), kept: RwLock::default(), reading: AsyncMutex::default() }
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, kept: Option<Kept>) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cool_down_of_a_refused_pat_grows() {
        let seconds: Vec<_> =
            [0, 1, 2, 3, 6, 7, u32::MAX].map(|rereads| cool_down(rereads).as_secs()).to_vec();
        assert_eq!(seconds, [0, 0, 1, 2, 16, 30, 30]);
    }

    #[test]
    fn only_rereads_of_the_same_pat_count() {
        let first = Refused::again(None, 1);
        let second = Refused::again(Some(first), 1);
        assert_eq!(second.rereads, 2);
        assert_eq!(Refused::again(Some(second), 2).rereads, 1);
    }
}
