//! Resolves the event types of a question to URIs, and caches what they resolve to.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::future::{FutureExt, join_all};
use shared::{
    Error, Variables,
    cache::{Backoff, CachePolicy, Lookup, OnError, RemoteCacheable, TieredCache},
    calendly::{Calendly, PatId, response_policy},
    quoted,
};

use crate::{
    event_type::{EventTypeRef, EventTypeSelector, ResolvedEventType},
    question::Question,
};

const NOT_SEARCHED: Error = Error::Internal { reason: "an event type was not searched for" };

/// Durations for local ends need a cache of their own: the other one serves no stale value, since a wrong URI would be a wrong
/// answer.
const DURATIONS_ON_ERROR: OnError = OnError::ServeStale {
    backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
    load_timeout: Duration::MAX,
    backoff_without_value: true,
};

type ResolvedEventTypeCache = TieredCache<PatId, EventTypeRef, ResolvedEventType, Error>;

/// Resolves references to event types. Caches the results to save calls.
pub(crate) struct EventTypeResolver {
    cache: ResolvedEventTypeCache,
    /// The durations of event types that were requested by URI, for local ends.
    durations: ResolvedEventTypeCache,
}

/// An event type of a question.
#[derive(Debug, Clone)]
pub struct EventType {
    requested: EventTypeRef,
    /// What the reference resolved to.
    pub resolved: Arc<ResolvedEventType>,
    /// Whether an earlier request resolved it.
    from_cache: bool,
}

/// An error about one event type of a question.
#[derive(Debug)]
pub(crate) struct EventTypeError {
    requested: EventTypeRef,
    error: Error,
}

impl RemoteCacheable<EventTypeRef> for ResolvedEventType {
    fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn from_text(text: &str, _: &EventTypeRef, _: DateTime<Utc>) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl EventTypeError {
    /// The error. If the question has several event types, its detail names this one.
    pub(crate) fn into_error(self, question: &Question) -> Error {
        // These details name the event type already.
        let names_it = matches!(
            self.error,
            Error::NoEventType { .. } | Error::InvalidParameter { parameter: "event_type", .. }
        );
        if question.event_types.len() == 1 || names_it {
            return self.error;
        }
        self.error.about(format!("event_type {}", quoted(&self.requested.to_string())))
    }
}

impl EventType {
    /// An event type that was requested by its URI.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn new(resolved: ResolvedEventType) -> Self {
        let requested = EventTypeRef::Uri(resolved.uri.clone());
        Self { requested, resolved: resolved.into(), from_cache: false }
    }

    /// Whether it was requested by URI or id.
    pub(crate) fn is_uri(&self) -> bool {
        matches!(self.requested, EventTypeRef::Uri(_))
    }

    /// An error about this event type.
    pub(crate) fn error(&self, error: Error) -> EventTypeError {
        EventTypeError { requested: self.requested.clone(), error }
    }
}

impl EventTypeResolver {
    /// Reads `EVENT_TYPE_CACHE_SECONDS`.
    pub(crate) fn from_variables(variables: &mut Variables) -> Self {
        let ttl = variables.seconds("EVENT_TYPE_CACHE_SECONDS", 60, 86_400);
        let policy = response_policy(ttl);
        let durations =
            TieredCache::new("event_type_durations", CachePolicy { on_error: DURATIONS_ON_ERROR, ..policy });
        Self { cache: TieredCache::new("event_type", policy), durations }
    }

    /// The event types of a question, in the order of their references. The list is read once for all that are not cached.
    pub(crate) async fn resolve(
        &self,
        question: &Question,
        calendly: &Calendly<'_>,
    ) -> Result<Vec<EventType>, EventTypeError> {
        let scope = calendly.cache_scope();
        let uncached =
            question.event_types.iter().filter(|requested| !self.cache.is_fresh(&scope, requested));
        let selectors: Vec<&EventTypeSelector> = uncached.filter_map(EventTypeRef::selector).collect();
        let search =
            async { EventTypeSelector::search(&selectors, calendly).await.map(Arc::new) }.boxed().shared();
        let resolve = async |requested: &EventTypeRef| {
            let resolved = match requested {
                EventTypeRef::Uri(uri) => Ok((Arc::new(ResolvedEventType::from_uri(uri.clone())), false)),
                EventTypeRef::Selector(selector) => {
                    let load = async {
                        match selectors.iter().position(|searched| *searched == selector) {
                            Some(index) => {
                                search.clone().await?.get(index).cloned().unwrap_or(Err(NOT_SEARCHED))
                            }
                            // The cached value has just expired.
                            None => search_one(selector, calendly).await,
                        }
                    };
                    let lookup = lookup(&self.cache, requested, calendly, load).await;
                    lookup.map(|lookup| (lookup.value, lookup.status.is_hit()))
                }
            };
            let (resolved, from_cache) =
                resolved.map_err(|error| EventTypeError { requested: requested.clone(), error })?;
            Ok(EventType { requested: requested.clone(), resolved, from_cache })
        };
        join_all(question.event_types.iter().map(resolve)).await.into_iter().collect()
    }

    /// Resolves an event type again if its URI came from the cache and Calendly no longer knows it.
    /// Returns `failed` in any other case.
    pub(crate) async fn resolve_again(
        &self,
        event_types: &mut [EventType],
        failed: EventTypeError,
        calendly: &Calendly<'_>,
    ) -> Result<(), EventTypeError> {
        let stale = event_types
            .iter_mut()
            .find(|event_type| event_type.from_cache && event_type.requested == failed.requested);
        let (Some(stale), EventTypeRef::Selector(selector), true) =
            (stale, &failed.requested, failed.error.is_calendly_not_found())
        else {
            return Err(failed);
        };
        let load = search_one(selector, calendly);
        let newer =
            self.cache.refresh(&calendly.cache_scope(), &failed.requested, &stale.resolved, load).await;
        stale.resolved = newer
            .map_err(|error| EventTypeError { requested: failed.requested.clone(), error: error.into() })?;
        stale.from_cache = false;
        Ok(())
    }

    /// The event type with its durations, which are loaded if they are unknown.
    pub(crate) async fn with_durations(
        &self,
        resolved: &Arc<ResolvedEventType>,
        calendly: &Calendly<'_>,
    ) -> Result<Arc<ResolvedEventType>, Error> {
        with_durations(&self.cache, resolved, calendly).await
    }

    /// Like `with_durations`, for local ends. Failed loads back off and stale durations are served: a local end does not
    /// justify a call per request.
    pub(crate) async fn with_durations_for_local_ends(
        &self,
        resolved: &Arc<ResolvedEventType>,
        calendly: &Calendly<'_>,
    ) -> Result<Arc<ResolvedEventType>, Error> {
        with_durations(&self.durations, resolved, calendly).await
    }
}

/// Looks up an event type in one of the caches, and counts the lookup.
async fn lookup(
    cache: &ResolvedEventTypeCache,
    requested: &EventTypeRef,
    calendly: &Calendly<'_>,
    load: impl Future<Output = Result<ResolvedEventType, Error>> + Send,
) -> Result<Lookup<ResolvedEventType>, Error> {
    let lookup = cache.get(&calendly.cache_scope(), requested, load).await;
    calendly.metrics().cache_lookup("event_type", &lookup);
    Ok(lookup?)
}

async fn with_durations(
    cache: &ResolvedEventTypeCache,
    resolved: &Arc<ResolvedEventType>,
    calendly: &Calendly<'_>,
) -> Result<Arc<ResolvedEventType>, Error> {
    if resolved.has_durations() {
        return Ok(resolved.clone());
    }
    let requested = EventTypeRef::Uri(resolved.uri.clone());
    let load = ResolvedEventType::load(resolved.uri.clone(), calendly);
    Ok(lookup(cache, &requested, calendly, load).await?.value)
}

async fn search_one(
    selector: &EventTypeSelector,
    calendly: &Calendly<'_>,
) -> Result<ResolvedEventType, Error> {
    EventTypeSelector::search(&[selector], calendly).await?.pop().unwrap_or(Err(NOT_SEARCHED))
}

/// The distinct event types, each at the position of its first reference, with its durations if any reference has them.
pub(crate) fn distinct(event_types: &[EventType]) -> Vec<EventType> {
    let mut distinct: Vec<EventType> = Vec::with_capacity(event_types.len());
    for event_type in event_types {
        match distinct.iter_mut().find(|other| other.resolved.uri == event_type.resolved.uri) {
            Some(first) if !first.resolved.has_durations() => first.resolved = event_type.resolved.clone(),
            Some(_) => {}
            None => distinct.push(event_type.clone()),
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use shared::calendly::EventTypeUri;

    use super::*;

    #[test]
    fn an_error_names_its_event_type_among_several() {
        let error_about = |query: &str, error: Error| {
            let query = format!("at=2026-12-01T10:00:00Z&{query}").parse().unwrap();
            let now = "2026-11-01T00:00:00Z".parse().unwrap();
            let question = Question::parse(&query, now).unwrap();
            let requested = question.event_types[0].clone();
            EventTypeError { requested, error }.into_error(&question)
        };
        let is_about =
            |error: &Error| matches!(error, Error::About { subject, .. } if subject.contains("demo"));
        let any = || Error::AnswerTooLarge { reason: "r" };
        let named = || Error::NoEventType { detail: "no demo".to_owned(), reason: "r" };
        assert!(is_about(&error_about("event_type=demo&event_type=other", any())));
        for (query, error) in [
            ("event_type=demo", any()),
            ("event_type=demo", named()),
            ("event_type=demo&event_type=other", named()),
        ] {
            assert!(!is_about(&error_about(query, error)), "{query}");
        }
    }

    #[test]
    fn distinct_event_types_keep_known_durations() {
        let event_type = |requested: &str, id: &str, minutes: Option<i64>| EventType {
            requested: EventTypeRef::parse(Some(requested)).unwrap(),
            resolved: Arc::new(ResolvedEventType {
                uri: EventTypeUri::from_id(id).unwrap(),
                duration: minutes.map(TimeDelta::minutes),
                duration_options: Vec::new(),
            }),
            from_cache: false,
        };
        let uri = "https://api.calendly.com/event_types/A";
        let all = [
            event_type(uri, "A", None),
            event_type("b", "B", None),
            event_type("a", "A", Some(30)),
            event_type("c", "A", Some(60)),
        ];
        let distinct = distinct(&all);
        let seen: Vec<_> = distinct
            .iter()
            .map(|event_type| {
                (event_type.requested.to_string(), event_type.resolved.duration.map(|it| it.num_minutes()))
            })
            .collect();
        assert_eq!(seen, [(uri.to_owned(), Some(30)), ("b".to_owned(), None)]);
    }
}
