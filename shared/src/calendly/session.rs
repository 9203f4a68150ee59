//! Calendly as one request sees it.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{SubsecRound, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::uri::{EventTypeUri, UserUri};
use super::{
    available_times::{Answered, AvailableTimes, TimeWindow},
    client::{CalendlyClient, CallContext, Path},
    json::parse_resource,
    learnt::{CacheScope, PatScopedCache},
    pagination::Page,
    time::utc,
};
use crate::{
    Error,
    cache::remote::{RemoteCache, Table, TableTimeBudget},
    config::{CalendlyConfig, TableConfig},
    http::{ByteBudget, Tls},
    lambda::deadline::Deadline,
    pat::LoadedPat,
    telemetry::RequestMetrics,
};

/// More pages than this are taken for a list without end: 100,000 event types.
const MOST_PAGES: usize = 1_000;

/// How much is read for one request, all pages or windows together. A page of 100 event types has about 150 KB; 31
/// days of slots every five minutes have about 2 MB. What is larger would not fit in Lambda's 6 MB even if it
/// were gzipped, or not in the function's memory.
const MOST_READ: usize = 32 * 1024 * 1024;

/// What all requests to Calendly have in common.
#[derive(Debug)]
pub(crate) struct Upstream {
    client: CalendlyClient,
    /// Whose each PAT is.
    users: PatScopedCache<(), UserUri>,
    /// What environments share, where they do.
    table: Option<Table>,
}

/// Calendly with the caller's PAT, until the request's deadline.
#[derive(Debug)]
pub struct Calendly<'a> {
    upstream: &'a Upstream,
    pat: Arc<LoadedPat>,
    deadline: Deadline,
    metrics: &'a RequestMetrics,
    byte_budget: ByteBudget,
    patience: TableTimeBudget,
    wants_fresh: bool,
}

#[derive(Deserialize)]
struct User {
    uri: String,
}

impl Upstream {
    /// What was learnt of a PAT's user is kept as long as the PAT.
    ///
    /// # Errors
    ///
    /// A sentence, if there can be no HTTP client.
    pub(crate) fn new(
        calendly: CalendlyConfig,
        table: Option<TableConfig>,
        pat_cache: Duration,
        tls: &Tls,
    ) -> Result<Self, String> {
        let table = table.map(|table| Table::new(table, tls)).transpose()?;
        Ok(Self {
            client: CalendlyClient::new(calendly, tls)?,
            users: PatScopedCache::new("user", pat_cache),
            table,
        })
    }

    /// Sees to it that the first call of Calendly finds an open connection, and sends nothing over it.
    ///
    /// # Errors
    ///
    /// A sentence that says why Calendly cannot be reached.
    pub(crate) async fn connect(&self) -> Result<(), String> {
        self.client.connect().await
    }

    /// As [`Self::connect`], to what environments share.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be reached.
    pub(crate) async fn connect_to_table(&self) -> Result<(), String> {
        match &self.table {
            Some(table) => table.connect().await,
            None => Ok(()),
        }
    }
}

impl<'a> Calendly<'a> {
    /// `wants_fresh` says that nothing that is kept may answer.
    pub(crate) fn new(
        upstream: &'a Upstream,
        pat: Arc<LoadedPat>,
        deadline: Deadline,
        wants_fresh: bool,
        metrics: &'a RequestMetrics,
    ) -> Self {
        let (byte_budget, patience) = (ByteBudget::new(MOST_READ), TableTimeBudget::default());
        Self { upstream, pat, deadline, metrics, byte_budget, patience, wants_fresh }
    }

    /// Whether the caller wants Calendly's answer of this moment (`Cache-Control: no-cache`).
    pub(super) fn wants_fresh(&self) -> bool {
        self.wants_fresh
    }

    /// How long there is to answer.
    pub(super) fn time_left(&self) -> Duration {
        self.deadline.time_left()
    }

    /// How short calls are, from 0 to 1.
    pub(super) fn shortage(&self) -> f64 {
        self.pat.rate_limit.shortage()
    }

    /// The URI of the user whom the PAT belongs to: as the secret has it, or else as Calendly said it not long
    /// ago.
    ///
    /// # Errors
    ///
    /// As every call to Calendly: [`Error::Calendly`], [`Error::CalendlyUnreachable`],
    /// [`Error::CalendlyInvalidResponse`], [`Error::AnswerTooLarge`].
    pub async fn user_uri(&self) -> Result<Arc<UserUri>, Error> {
        match self.pat.user() {
            Some(user) => Ok(user.clone()),
            None => Ok(self.upstream.users.get(self.cache_scope(), &(), self.ask_for_user_uri()).await?.0),
        }
    }

    /// As [`Self::user_uri`], ahead of time.
    pub(crate) async fn prepare_user_uri(&self) -> Result<(), Error> {
        if self.pat.user().is_none() {
            self.upstream.users.prepare(self.cache_scope(), &(), self.ask_for_user_uri()).await?;
        }
        Ok(())
    }

    /// Keeps the URI of the user if another environment has asked for it.
    pub(crate) async fn recall_user_uri(&self) {
        if self.upstream.table.is_some() && self.pat.user().is_none() {
            self.upstream.users.recall(self.cache_scope(), &()).await;
        }
    }

    async fn ask_for_user_uri(&self) -> Result<UserUri, Error> {
        let body = self.upstream.client.get("/users/me".into(), &|| Ok(Vec::new()), &self.context()).await?;
        let User { uri } = parse_resource(&body, "users/me")?;
        UserUri::given(uri)
            .ok_or_else(|| Error::CalendlyInvalidResponse("the user's uri is not a URI".to_owned()))
    }

    /// Shows `visit` the user's event types of all pages, sorted by name, until it breaks off or there
    /// are no more. `active` picks the active or the inactive ones.
    ///
    /// Pages are followed by token, never by a URL that an answer names, and a list that goes round in
    /// circles is an error.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and what `visit` returns.
    pub async fn event_types<B>(
        &self,
        active: Option<bool>,
        mut visit: impl FnMut(&RawValue) -> Result<ControlFlow<B>, Error> + Send,
    ) -> Result<Option<B>, Error> {
        let user = self.user_uri().await?;
        let mut seen = HashSet::new();
        let mut page_token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![
                ("user", user.as_str().to_owned()),
                ("count", "100".to_owned()),
                ("sort", "name:asc".to_owned()),
            ];
            query.extend(active.map(|active| ("active", active.to_string())));
            query.extend(page_token.take().map(|page_token| ("page_token", page_token)));
            let body = self
                .upstream
                .client
                .get("/event_types".into(), &|| Ok(query.clone()), &self.context())
                .await?;
            match Page::read(&body, &mut visit)? {
                Page::Over(found) => return Ok(Some(found)),
                Page::Last => return Ok(None),
                Page::Next { token } if seen.insert(token.clone()) => page_token = Some(token),
                Page::Next { .. } => break,
            }
        }
        Err(Error::CalendlyInvalidResponse("the list of event types has no end".to_owned()))
    }

    /// What `read` finds in an event type's object, which may be one that no list has.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and what `read` returns.
    pub async fn event_type<T>(
        &self,
        uri: &EventTypeUri,
        read: impl FnOnce(&RawValue) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let path = format!("/event_types/{}", uri.id());
        let path = Path { pattern: "/event_types/{uuid}", path: &path };
        let body = self.upstream.client.get(path, &|| Ok(Vec::new()), &self.context()).await?;
        read(parse_resource(&body, "the event type")?)
    }

    /// The open times of an event type in a window. `window` says it anew for each try, since Calendly refuses a start
    /// that has become past.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and what `window` returns.
    pub async fn available_times(
        &self,
        event_type: &EventTypeUri,
        window: &(dyn Fn() -> Result<TimeWindow, Error> + Sync),
    ) -> Result<Answered, Error> {
        let asked = Mutex::new(None);
        let query = || {
            let window = window()?;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((window, Utc::now().trunc_subsecs(3)));
            Ok(vec![
                ("event_type", event_type.as_str().to_owned()),
                ("start_time", utc(window.start_time)),
                ("end_time", utc(window.end_time)),
            ])
        };
        let path = "/event_type_available_times".into();
        let body = self.upstream.client.get(path, &query, &self.context()).await?;
        let asked = asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (asked, as_of) =
            asked.ok_or(Error::Internal { reason: "an answer came before it was asked for" })?;
        Ok(Answered { times: AvailableTimes::parse(body)?, asked, as_of })
    }

    /// For what is [`PatScopedCache`].
    #[must_use]
    pub fn cache_scope(&self) -> CacheScope<'_> {
        let table = self.upstream.table.as_ref();
        let shared =
            table.map(|table| RemoteCache::new(table, self.pat.seal(), &self.patience, self.metrics));
        CacheScope { pat: self.pat.id, metrics: self.metrics, shared }
    }

    fn context(&self) -> CallContext<'_> {
        CallContext {
            pat: &self.pat,
            deadline: self.deadline,
            metrics: self.metrics,
            byte_budget: &self.byte_budget,
        }
    }
}
