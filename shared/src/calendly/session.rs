//! Calendly as one request sees it.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    available_times::{AvailableTimes, TimeWindow},
    client::{CalendlyClient, CallContext, Path},
    event_types::Page,
    json::parse_resource,
    learnt::{Learner, Learnt},
    time::utc,
};
use crate::{
    Error,
    deadline::Deadline,
    http::Allowance,
    pats::KnownPat,
    telemetry::Record,
    uri::{EventTypeUri, UserUri},
};

/// More pages than this are taken for a list without end: 100,000 event types.
const MOST_PAGES: usize = 1_000;

/// How much is read for one request, all pages or windows together. A page of 100 event types has about 150 KB; 31
/// days of slots every five minutes have about 2 MB. What is larger would not fit in Lambda's 6 MB even if it
/// were gzipped, or not in the function's memory.
const MOST_READ: usize = 32 * 1024 * 1024;

/// Calendly with the caller's PAT, until the request's deadline.
#[derive(Debug)]
pub struct Calendly<'a> {
    client: &'a CalendlyClient,
    users: &'a Learnt<(), UserUri>,
    pat: Arc<KnownPat>,
    deadline: Deadline,
    record: &'a Record,
    allowance: Allowance,
}

#[derive(Deserialize)]
struct User {
    uri: String,
}

impl<'a> Calendly<'a> {
    pub(crate) fn new(
        client: &'a CalendlyClient,
        users: &'a Learnt<(), UserUri>,
        pat: Arc<KnownPat>,
        deadline: Deadline,
        record: &'a Record,
    ) -> Self {
        Self { client, users, pat, deadline, record, allowance: Allowance::new(MOST_READ) }
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
            None => Ok(self.users.get(self.learner(), &(), || self.ask_for_user_uri()).await?.0),
        }
    }

    /// As [`Self::user_uri`], ahead of time.
    pub(crate) async fn prepare_user_uri(&self) -> Result<(), Error> {
        if self.pat.user().is_none() {
            self.users.prepare(self.learner(), &(), || self.ask_for_user_uri()).await?;
        }
        Ok(())
    }

    async fn ask_for_user_uri(&self) -> Result<UserUri, Error> {
        let nothing = || Ok([("", ""); 0]);
        let body = self.client.get("/users/me".into(), nothing, &self.context()).await?;
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
            let mut query = vec![("user", user.as_str()), ("count", "100"), ("sort", "name:asc")];
            if let Some(active) = active {
                query.push(("active", if active { "true" } else { "false" }));
            }
            if let Some(page_token) = &page_token {
                query.push(("page_token", page_token));
            }
            let body = self.client.get("/event_types".into(), || Ok(&query), &self.context()).await?;
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
        let body = self.client.get(path, || Ok([("", ""); 0]), &self.context()).await?;
        read(parse_resource(&body, "the event type")?)
    }

    /// The open times of an event type in a window, and the window that was asked: `window` says it anew for each
    /// try, since Calendly refuses a start that has become past.
    ///
    /// # Errors
    ///
    /// As [`Self::user_uri`], and what `window` returns.
    pub async fn available_times(
        &self,
        event_type: &EventTypeUri,
        window: impl Fn() -> Result<TimeWindow, Error>,
    ) -> Result<(AvailableTimes, TimeWindow), Error> {
        let asked = Mutex::new(None);
        let query = || {
            let window = window()?;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(window);
            Ok([
                ("event_type", event_type.as_str().to_owned()),
                ("start_time", utc(window.start_time)),
                ("end_time", utc(window.end_time)),
            ])
        };
        let body = self.client.get("/event_type_available_times".into(), query, &self.context()).await?;
        let asked = asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let asked = asked.ok_or(Error::Internal { reason: "an answer came before it was asked for" })?;
        Ok((AvailableTimes::parse(body)?, asked))
    }

    /// For what is [`Learnt`].
    #[must_use]
    pub fn learner(&self) -> Learner<'_> {
        Learner { pat: self.pat.id, record: self.record }
    }

    fn context(&self) -> CallContext<'_> {
        CallContext {
            pat: self.pat.pat(),
            deadline: self.deadline,
            record: self.record,
            allowance: &self.allowance,
        }
    }
}
