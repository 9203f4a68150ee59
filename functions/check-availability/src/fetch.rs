//! Fetches the slots of a question from Calendly.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::{
    StreamExt, TryFutureExt, TryStreamExt,
    stream::{self, FuturesUnordered},
};
use shared::{
    Error,
    calendly::{Calendly, MAX_CALLS_IN_FLIGHT},
};
use tokio::time::timeout;

use crate::{
    CheckAvailability,
    availability_cache::AvailabilityKey,
    entries::Entries,
    event_type::ResolvedEventType,
    merge::{SlotList, WindowSlots},
    question::Question,
    resolve::{EventType, EventTypeError},
    windows::{RangePart, Window},
};

/// The maximum number of concurrent calls per event type. A dozen concurrent calls have been seen to exceed Calendly's
/// rate limit.
const MAX_CALLS_PER_EVENT_TYPE: usize = 4;

/// How much longer the lookup of an event type's duration may take than the fetch of the slots.
const MAX_DURATION_WAIT: Duration = Duration::from_secs(1);

impl CheckAvailability {
    /// Fetches the slots of each event type, in order. If one window fails, the request fails: a partial answer must not
    /// look complete. With a `limit`, requests windows one at a time until there are enough slots.
    pub(crate) async fn fetch_slots(
        &self,
        question: &Question,
        event_types: &mut [EventType],
        calendly: &Calendly<'_>,
    ) -> Result<Vec<SlotList>, EventTypeError> {
        if let Some(duration) = question.duration {
            self.check_durations(duration, event_types, calendly).await?;
        }
        let lists = self.fetch_lists(question, event_types, calendly);
        // The local ends of slots need a duration, which event types requested by URI or id lack.
        let has_local_ends = question.timezone.is_some() && question.duration.is_none();
        let lookups = event_types.iter().filter(|event_type| has_local_ends && event_type.is_uri());
        let lookups =
            lookups.map(|it| self.resolver.with_durations_for_local_ends(&it.resolved, calendly)).collect();
        let (lists, looked_up) = with_optional_durations(lists, lookups, calendly).await?;
        for resolved in looked_up {
            let same = event_types.iter_mut().filter(|event_type| event_type.resolved.uri == resolved.uri);
            same.for_each(|event_type| event_type.resolved = resolved.clone());
        }
        Ok(lists)
    }

    /// Checks that every event type can have this duration. Unknown durations are loaded.
    async fn check_durations(
        &self,
        duration: TimeDelta,
        event_types: &mut [EventType],
        calendly: &Calendly<'_>,
    ) -> Result<(), EventTypeError> {
        let check = async |event_type: &mut EventType| {
            let resolved = self.resolver.with_durations(&event_type.resolved, calendly).await;
            event_type.resolved = resolved.map_err(|error| event_type.error(error))?;
            check_duration(duration, &event_type.resolved).map_err(|error| event_type.error(error))
        };
        let mut checks = Vec::with_capacity(event_types.len());
        for event_type in event_types {
            checks.push(check(event_type));
        }
        join_ordered(checks, MAX_CALLS_IN_FLIGHT).await.map(drop)
    }

    async fn fetch_lists(
        &self,
        question: &Question,
        event_types: &[EventType],
        calendly: &Calendly<'_>,
    ) -> Result<Vec<SlotList>, EventTypeError> {
        // No more windows than calls, so that no lease expires while its holder waits for a call.
        let max_calls = MAX_CALLS_IN_FLIGHT.min(MAX_CALLS_PER_EVENT_TYPE * event_types.len());
        let limit = question.times.limit();
        let windows = Window::all(&question.times, self.cache.is_some());
        let mut lists: Vec<SlotList> = event_types.iter().map(|_| SlotList::default()).collect();
        for batch in windows.chunks(if limit.is_some() { 1 } else { windows.len().max(1) }) {
            let mut calls = Vec::with_capacity(batch.len() * event_types.len());
            for window in batch {
                let fetch = |event_type| self.fetch_window(*window, event_type, calendly);
                calls.extend(event_types.iter().map(fetch));
            }
            for (index, slots) in join_ordered(calls, max_calls).await?.into_iter().enumerate() {
                if let Some(list) = lists.get_mut(index % event_types.len()) {
                    list.add(slots);
                }
            }
            let entries = Entries::new(&lists, question.match_mode);
            if let (Some(limit), Some(last)) = (limit, batch.last())
                && entries.reach(limit, last.end_time())
            {
                break;
            }
        }
        Ok(lists)
    }

    async fn fetch_window(
        &self,
        window: Window,
        event_type: &EventType,
        calendly: &Calendly<'_>,
    ) -> Result<WindowSlots, EventTypeError> {
        let uri = &event_type.resolved.uri;
        let fetch = async {
            let wanted_from = window.wanted_from(Utc::now())?;
            let (availability, is_cached) = match (window, &self.cache) {
                (Window::Aligned(RangePart { start_time, end_time, .. }), Some(cache)) => {
                    let key = AvailabilityKey { event_type: uri.clone(), start_time, end_time };
                    (cache.get(&key, wanted_from, &window, calendly).await?, true)
                }
                _ => (Arc::new(calendly.available_times(uri, &window).await?), false),
            };
            // After retries the requested window may start later.
            let range = window.slot_range(availability.window.start_time.max(wanted_from));
            Ok(WindowSlots { availability, range, is_cached })
        };
        fetch.await.map_err(|error| event_type.error(error))
    }
}

/// Returns the slots, and the event types whose durations were found before the slots or up to [`MAX_DURATION_WAIT`] later.
async fn with_optional_durations(
    lists: impl Future<Output = Result<Vec<SlotList>, EventTypeError>>,
    mut lookups: FuturesUnordered<impl Future<Output = Result<Arc<ResolvedEventType>, Error>>>,
    calendly: &Calendly<'_>,
) -> Result<(Vec<SlotList>, Vec<Arc<ResolvedEventType>>), EventTypeError> {
    let mut lists = pin!(lists);
    let mut looked_up = Vec::new();
    let lists = loop {
        tokio::select! {
            lists = &mut lists => break lists?,
            Some(resolved) = lookups.next() => looked_up.extend(resolved),
        }
    };
    let rest = async {
        while let Some(resolved) = lookups.next().await {
            looked_up.extend(resolved);
        }
    };
    // A slot of unknown duration has no local end, which is not an error.
    let _ = timeout(MAX_DURATION_WAIT.min(calendly.time_left() / 2), rest).await;
    Ok((lists, looked_up))
}

/// Returns the results of all calls in order, with at most `max_calls` in flight. The first error cancels the others,
/// so that a call that hangs does not delay it.
async fn join_ordered<T>(
    calls: Vec<impl Future<Output = Result<T, EventTypeError>>>,
    max_calls: usize,
) -> Result<Vec<T>, EventTypeError> {
    let numbered =
        calls.into_iter().enumerate().map(|(number, call)| call.map_ok(move |result| (number, result)));
    let mut results: Vec<_> = stream::iter(numbered).buffer_unordered(max_calls).try_collect().await?;
    results.sort_unstable_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn check_duration(duration: TimeDelta, event_type: &ResolvedEventType) -> Result<(), Error> {
    let minutes = duration.num_minutes().to_string();
    if !event_type.has_durations() {
        // The MCP server replaces `duration` by the name of its argument: here it is nothing but the parameter.
        let reason = "cannot be checked, since Calendly states none for this event type: omit duration.";
        return Err(Error::invalid_value("duration", &minutes, reason));
    }
    if event_type.durations().any(|offered| offered == duration) {
        return Ok(());
    }
    let offered: Vec<String> =
        event_type.durations().map(|offered| offered.num_minutes().to_string()).collect();
    let reason = format!("is not offered by this event type: send {}.", offered.join(" or "));
    Err(Error::invalid_value("duration", &minutes, reason))
}
