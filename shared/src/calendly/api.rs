//! Calendly's API as one request uses it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::{
    available_times::{Availability, AvailableTimes, TimeWindow},
    client::{CallContext, Path, Query},
    json::parse_resource,
    pagination::{AfterPage, EventTypeVisitor, read_page},
    retry::{AttemptError, retry},
    service::CalendlyService,
    time::utc,
    uri::{EventTypeUri, UserUri},
};
use crate::{
    Error,
    cache::{CacheError, RemoteCache, RemoteCacheable, Scope, remote::TableTimeBudget},
    http::{ByteBudget, MAX_BYTES_PER_REQUEST},
    lambda::deadline::Deadline,
    pat::{LoadedPat, PatId},
    telemetry::RequestMetrics,
};

/// The maximum number of pages of a list: 100,000 event types. A longer list counts as endless.
const MAX_PAGES: usize = 1_000;

/// What a request does while a response is parsed, for the log.
const READING: &str = "reading Calendly's response";

/// The maximum number of concurrent calls of one request.
pub const MAX_CALLS_IN_FLIGHT: usize = 8;

/// Calendly's API with the caller's PAT, until the request's deadline.
#[derive(Debug)]
pub struct Calendly<'a> {
    service: &'a CalendlyService,
    context: CallContext<'a>,
    deadline: Deadline,
    table_budget: TableTimeBudget,
    cache: CacheMode,
}

/// Whether cached availability is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheMode {
    /// It is.
    Use,
    /// Calendly is called, and the response is cached.
    Bypass,
}

/// The scope of cached responses: those of one PAT, with the remote cache if there is one.
pub type CacheScope<'a> = Scope<PatId, RemoteCache<'a>>;

/// A request for the slots of a time window.
pub trait WindowRequest: Sync {
    /// The window to request at the moment `now`. Called for each attempt, since Calendly refuses a start that has
    /// become past.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if nothing is left of the window.
    fn window(&self, now: DateTime<Utc>) -> Result<TimeWindow, Error>;
}

#[derive(Deserialize)]
struct User {
    uri: String,
}

impl<'a> Calendly<'a> {
    /// The API for one request.
    pub(crate) fn new(
        service: &'a CalendlyService,
        pat: Arc<LoadedPat>,
        deadline: Deadline,
        cache: CacheMode,
        metrics: &'a RequestMetrics,
    ) -> Self {
        let calls = Semaphore::new(MAX_CALLS_IN_FLIGHT);
        let context =
            CallContext { pat, metrics, calls, byte_budget: ByteBudget::new(MAX_BYTES_PER_REQUEST) };
        Self { service, context, deadline, table_budget: TableTimeBudget::default(), cache }
    }

    /// Whether the caller sent `Cache-Control: no-cache`.
    #[must_use]
    pub fn bypasses_cache(&self) -> bool {
        self.cache == CacheMode::Bypass
    }

    /// The time left until the deadline.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.time_left()
    }

    /// How short the PAT's quota of calls is, from 0 (plenty) to 1 (used up).
    #[must_use]
    pub fn quota_shortage(&self) -> f64 {
        self.context.pat.rate_limit.shortage()
    }

    /// The metrics of the request.
    #[must_use]
    pub fn metrics(&self) -> &'a RequestMetrics {
        self.context.metrics
    }

    /// The cache scope of the responses to this PAT's calls.
    #[must_use]
    pub fn cache_scope(&self) -> CacheScope<'_> {
        let CallContext { pat, metrics, .. } = &self.context;
        let remote = |table| RemoteCache::new(table, pat.item_mac(), &self.table_budget, metrics);
        Scope { id: pat.id, remote: self.service.table.as_ref().map(remote) }
    }

    /// The URI of the PAT's user: from the secret, from the cache, or from Calendly.
    ///
    /// # Errors
    ///
    /// Those of every call: [`Error::Calendly`], [`Error::CalendlyUnreachable`], [`Error::CalendlyInvalidResponse`],
    /// [`Error::AnswerTooLarge`].
    pub async fn user_uri(&self) -> Result<Arc<UserUri>, Error> {
        if let Some(user) = self.context.pat.user() {
            return Ok(user.clone());
        }
        let lookup = self.service.users.get(&self.cache_scope(), &(), self.get_user_uri()).await;
        self.context.metrics.cache_lookup("user", &lookup);
        Ok(lookup?.value)
    }

    /// Caches the URI of the PAT's user before a request needs it.
    pub(crate) async fn preload_user_uri(&self) -> Result<(), Error> {
        if self.context.pat.user().is_none() {
            let lookup = self.service.users.preload(&self.cache_scope(), &(), self.get_user_uri()).await;
            self.context.metrics.cache_lookup("user", &lookup);
            lookup?;
        }
        Ok(())
    }

    /// Copies the URI of the PAT's user from the remote cache, if it is there.
    pub(crate) async fn read_remote_user_uri(&self) {
        if self.context.pat.user().is_none() {
            self.service.users.read_remote(&self.cache_scope(), &()).await;
        }
    }

    async fn get_user_uri(&self) -> Result<UserUri, Error> {
        let body = self.get("/users/me".into(), &[]).await?;
        let User { uri } = parse_resource(&body, "users/me")?;
        UserUri::from_calendly(uri)
            .ok_or_else(|| Error::CalendlyInvalidResponse("the user's uri is not a URI".to_owned()))
    }

    /// Passes the user's event types to `visitor`, sorted by name, page by page. `active` restricts them to the active
    /// or the inactive ones.
    ///
    /// Pages are requested by token, never by a URL in a response. A repeated token is an error. A token that Calendly
    /// refuses restarts the list from its first page, once.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and the visitor's.
    pub async fn event_types(
        &self,
        active: Option<bool>,
        visitor: &mut dyn EventTypeVisitor,
    ) -> Result<(), Error> {
        let user = self.user_uri().await?;
        let mut query = vec![
            ("user", user.as_str().to_owned()),
            ("count", "100".to_owned()),
            ("sort", "name:asc".to_owned()),
        ];
        query.extend(active.map(|active| ("active", active.to_string())));
        let first_page = query.len();
        let mut seen = HashSet::new();
        let mut has_restarted = false;
        for _ in 0..MAX_PAGES {
            let page = match self.get("/event_types".into(), &query).await {
                // The token expired. The caller did not send it, so the error is not passed on.
                Err(error)
                    if error.is_calendly_bad_request() && query.len() > first_page && !has_restarted =>
                {
                    has_restarted = true;
                    seen.clear();
                    query.truncate(first_page);
                    visitor.restart();
                    continue;
                }
                page => page?,
            };
            match read_page(&page, visitor, self.deadline.checks(READING))? {
                AfterPage::End => return Ok(()),
                AfterPage::Next { page_token } => {
                    if !seen.insert(page_token.clone()) {
                        break;
                    }
                    query.truncate(first_page);
                    query.push(("page_token", page_token));
                }
            }
        }
        Err(Error::CalendlyInvalidResponse("the list of event types has no end".to_owned()))
    }

    /// Reads an event type, even one that the list omits.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and those of `read`.
    pub async fn event_type<T>(
        &self,
        uri: &EventTypeUri,
        read: impl FnOnce(&RawValue) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let path = format!("/event_types/{}", uri.id());
        let path = Path { pattern: "/event_types/{uuid}", path: &path };
        let body = self.get(path, &[]).await?;
        read(parse_resource(&body, "the event type")?)
    }

    /// The slots of an event type in a time window.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and those of `request`.
    pub async fn available_times(
        &self,
        event_type: &EventTypeUri,
        request: &impl WindowRequest,
    ) -> Result<Availability, Error> {
        let client = &self.service.client;
        let attempt = |attempt| async move {
            let window = request.window(Utc::now()).map_err(AttemptError::permanent)?;
            let as_of = Utc::now().trunc_subsecs(3);
            let query = [
                ("event_type", event_type.as_str().to_owned()),
                ("start_time", utc(window.start_time)),
                ("end_time", utc(window.end_time)),
            ];
            let path = "/event_type_available_times".into();
            let body = client.get(path, &query, &self.context, attempt).await?;
            Ok((window, as_of, body))
        };
        let (window, as_of, body) = retry(client.max_retries, self.deadline, attempt).await?;
        let times = AvailableTimes::parse_checked(body, self.deadline.checks(READING))?;
        Ok(Availability { times, window, as_of })
    }

    /// Calls `GET path?query`, with retries.
    async fn get(&self, path: Path<'_>, query: &Query) -> Result<String, Error> {
        let client = &self.service.client;
        let attempt = |attempt| client.get(path, query, &self.context, attempt);
        retry(client.max_retries, self.deadline, attempt).await
    }
}

impl From<CacheError<Error>> for Error {
    fn from(error: CacheError<Error>) -> Self {
        match error {
            CacheError::LoadFailed(error) => error,
            CacheError::Canceled => {
                Self::DeadlineExceeded { during: "waiting for another request's call to Calendly" }
            }
        }
    }
}

impl RemoteCacheable<()> for UserUri {
    fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn from_text(text: &str, (): &(), _: DateTime<Utc>) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use chrono::TimeDelta;
    use sandbox::{Config, DEFAULT_PAT, Sandbox};

    use super::*;
    use crate::{config::CalendlyConfig, http::Tls, pat::StoredPat};

    struct All;

    impl EventTypeVisitor for All {
        fn restart(&mut self) {}

        fn visit(&mut self, _: &RawValue) -> Result<ControlFlow<()>, Error> {
            Ok(ControlFlow::Continue(()))
        }
    }

    impl WindowRequest for TimeWindow {
        fn window(&self, _: DateTime<Utc>) -> Result<TimeWindow, Error> {
            Ok(*self)
        }
    }

    /// Parsing does not yield, so the request's time-out cannot end it.
    #[tokio::test]
    async fn responses_are_parsed_until_the_deadline() {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        let config =
            CalendlyConfig { base_url: sandbox.base_url(), timeout: Duration::from_secs(5), max_retries: 0 };
        let service = CalendlyService::new(config, None, Duration::ZERO, &Tls::new(None).unwrap()).unwrap();
        let pat = Arc::new(LoadedPat::new(StoredPat::from_secret(DEFAULT_PAT.as_bytes()).unwrap()));
        let metrics = RequestMetrics::default();
        let uri = EventTypeUri::parse(&sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap()).unwrap();
        let start_time = Utc::now() + TimeDelta::days(1);
        let window = TimeWindow { start_time, end_time: start_time + TimeWindow::MAX };
        for (time_left, expected) in
            [(Duration::from_secs(20), None), (Duration::ZERO, Some("deadline_exceeded"))]
        {
            let deadline = Deadline::within(time_left);
            let calendly = Calendly::new(&service, pat.clone(), deadline, CacheMode::Use, &metrics);
            let listed = calendly.event_types(None, &mut All).await;
            assert_eq!(listed.err().map(|error| error.code()), expected);
            let slots = calendly.available_times(&uri, &window).await;
            assert_eq!(slots.err().map(|error| error.code()), expected);
        }
    }
}
