//! The PATs that are in use: read from Secrets Manager, kept for a while, served stale while Secrets Manager is
//! down, and never one caller's for another.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{
    Pat, SecretIdTemplate, StoredPat,
    secrets_manager::{SecretError, Secrets},
};
use crate::{
    Error,
    cache::{Age, BackOff, Cell, CoolDown, Failure, Keyed, Renewal, Rules, Served, Unserved, remote::Seal},
    calendly::{rate_limit::RateLimit, uri::UserUri},
    telemetry::{self, Record, Stage},
};

/// How long Secrets Manager may take. Its client has a shorter limit of its own.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take where there is something to answer without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A PAT that is too old serves while Secrets Manager is down. Without any, every request asks: what was put
/// right is to be noticed at once.
const BACK_OFF: BackOff = BackOff::Stale {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(10),
    timeout: PATIENCE,
    also_without_value: false,
};

/// A PAT that Calendly refuses is read again. When that has been in vain twice it is not for a second, then for
/// twice as long, and so on: a revoked PAT must not become a call to Secrets Manager for every request, and
/// one that was just replaced must be found.
const RENEWAL: Renewal = Renewal {
    timeout: PATIENCE,
    cool_down: CoolDown::InVain { first: Duration::from_secs(1), longest: Duration::from_secs(30) },
};

/// Which PAT of this process: what was learnt with one is never used with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PatId(u64);

/// A PAT that was read.
#[derive(Debug)]
pub(crate) struct KnownPat {
    pub(crate) id: PatId,
    /// What is left of the calls of its user.
    pub(crate) rate_limit: RateLimit,
    stored: StoredPat,
    seal: OnceLock<Seal>,
}

impl KnownPat {
    fn new(stored: StoredPat) -> Self {
        Self { id: next_id(), rate_limit: RateLimit::default(), stored, seal: OnceLock::new() }
    }

    pub(crate) fn pat(&self) -> &Pat {
        &self.stored.pat
    }

    /// The URI of its user, where the secret has it.
    pub(crate) fn user(&self) -> Option<&Arc<UserUri>> {
        self.stored.user.as_ref()
    }

    /// What binds to it what environments share.
    pub(crate) fn seal(&self) -> &Seal {
        self.seal.get_or_init(|| Seal::of(self.pat()))
    }
}

/// The PATs of all callers.
#[derive(Debug)]
pub(crate) struct Pats {
    template: SecretIdTemplate,
    secrets: Secrets,
    kept: Keyed<String, KnownPat, Error>,
}

impl Pats {
    /// Keeps each PAT for `max_age`. Reads nothing yet.
    pub(crate) fn new(template: SecretIdTemplate, secrets: Secrets, max_age: Duration) -> Self {
        let rules = Rules { max_age, timeout: TIMEOUT, back_off: BACK_OFF, renewal: RENEWAL };
        Self { template, secrets, kept: Keyed::new(rules) }
    }

    /// The shared PAT, read now if it is missing or has lived half of its time; `None` where each caller
    /// has one of their own.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub(crate) async fn prepare(&self, record: &Record) -> Result<Option<Arc<KnownPat>>, Error> {
        let Some(secret_id) = self.template.shared() else { return Ok(None) };
        let cell = self.kept.cell(secret_id);
        let prepared = cell.prepare(|limit| self.read(&cell, secret_id, limit)).await;
        let was_at_hand = prepared.as_ref().is_ok_and(|served| served.age == Age::Kept);
        // One that could not be renewed is still good.
        let pat = noted(prepared.or_else(|unserved| cell.peek().ok_or(unserved)), record);
        record.cache("pat", was_at_hand);
        pat.map(Some)
    }

    /// The PAT of the caller whose claims `claim` looks up.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if there is none, [`Error::SecretsUnavailable`] if that cannot be told and
    /// none is kept.
    pub(crate) async fn of<'a>(
        &self,
        claim: impl Fn(&str) -> Option<&'a str>,
        record: &Record,
    ) -> Result<Arc<KnownPat>, Error> {
        record.enter(Stage::Pat);
        let secret_id = self.template.fill(claim)?;
        let cell = self.kept.cell(&secret_id);
        noted(cell.get(|limit| self.read(&cell, &secret_id, limit)).await, record)
    }

    /// Another PAT for that caller, after Calendly refused `refused`: the secret is read once more. `None`
    /// if there is no other.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`] if the secret holds none any more.
    pub(crate) async fn renew<'a>(
        &self,
        claim: impl Fn(&str) -> Option<&'a str>,
        refused: &Arc<KnownPat>,
        record: &Record,
    ) -> Result<Option<Arc<KnownPat>>, Error> {
        record.enter(Stage::Pat);
        let secret_id = self.template.fill(claim)?;
        let cell = self.kept.cell(&secret_id);
        match cell.renew(refused, |limit| self.read(&cell, &secret_id, limit)).await {
            Ok(newer) => Ok(newer),
            Err(Unserved::Failed(error @ Error::PatMissing(_))) => Err(error),
            Err(Unserved::Failed(_) | Unserved::CutOff) => Ok(None),
        }
    }

    /// Reads the secret. A PAT that is the same as before stays the same [`KnownPat`], with all that was learnt
    /// with it.
    async fn read(
        &self,
        cell: &Cell<KnownPat, Error>,
        secret_id: &str,
        limit: Duration,
    ) -> Result<Arc<KnownPat>, Failure<Error>> {
        let secret = match timeout(limit, self.secrets.read(secret_id)).await {
            Ok(Ok(secret)) => secret,
            Ok(Err(SecretError::NotFound)) => {
                return Err(Failure::Gone(Error::PatMissing("No Calendly token is stored for this caller.")));
            }
            Ok(Err(SecretError::Unavailable(reason))) => return Err(unavailable(reason)),
            Err(_) => return Err(unavailable("Secrets Manager did not answer in time".to_owned())),
        };
        let stored =
            StoredPat::from_secret(secret.expose_secret()).ok_or(Failure::Gone(Error::PatMissing(
                "The secret that should hold the Calendly token holds none: store the bare token, or a JSON \
             object with it under pat, token or access_token.",
            )))?;
        Ok(match cell.peek() {
            Some(kept) if kept.value.stored == stored => kept.value,
            _ => Arc::new(KnownPat::new(stored)),
        })
    }
}

fn unavailable(reason: String) -> Failure<Error> {
    telemetry::warn("the secret of the Calendly token could not be read", &reason);
    Failure::Unavailable(Error::SecretsUnavailable { reason: reason.into() })
}

fn noted(served: Result<Served<KnownPat>, Unserved<Error>>, record: &Record) -> Result<Arc<KnownPat>, Error> {
    record.cache("pat", served.as_ref().is_ok_and(|served| served.age == Age::Kept));
    match served {
        Ok(served) => {
            if served.age == Age::Stale {
                record.pat_was_stale();
            }
            Ok(served.value)
        }
        Err(Unserved::Failed(error)) => Err(error),
        Err(Unserved::CutOff) => Err(Error::SecretsUnavailable {
            reason: "Secrets Manager did not answer before an earlier request's time ran out".into(),
        }),
    }
}

pub(crate) fn next_id() -> PatId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    PatId(NEXT.fetch_add(1, Ordering::Relaxed))
}
