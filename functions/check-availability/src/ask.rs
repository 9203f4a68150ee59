//! The calls to Calendly that a question takes.

use std::{future::Future, sync::Arc};

use chrono::{TimeDelta, Utc};
use futures_util::{StreamExt, TryFutureExt, TryStreamExt, stream};
use shared::{
    Error,
    calendly::{AvailabilityCache, Calendly, EventTypeUri, Span},
};

use crate::{
    aligned::Aligned,
    chosen::{Choices, Chosen, Failed},
    entries::Entries,
    event_type::Choice,
    open_times::{OpenTimes, Window},
    question::{Asked, Question},
};

/// How many windows are asked for at a time when there is one event type: a dozen at once have been seen to meet
/// Calendly's rate limit.
const OF_ONE: usize = 4;

/// And of all event types, however many.
const OF_ALL: usize = 8;

/// The open times of each event type, in their order. If one window fails all do: a part is never passed off as the
/// whole. With a `limit`, window comes after window until there are enough.
pub(crate) async fn open_times(
    question: &Question,
    chosen: &mut [Chosen],
    choices: &Choices,
    kept: Option<&AvailabilityCache>,
    calendly: &Calendly<'_>,
) -> Result<Vec<OpenTimes>, Failed> {
    if let Some(duration) = question.duration {
        check_durations(duration, chosen, choices, calendly).await?;
    }
    let chosen: &[Chosen] = chosen;
    let in_flight = OF_ALL.min(OF_ONE * chosen.len());
    let limit = question.times.limit();
    let parts = question.times.parts(kept.is_some());
    let mut times: Vec<OpenTimes> = chosen.iter().map(|_| OpenTimes::default()).collect();
    for round in parts.chunks(if limit.is_some() { 1 } else { parts.len().max(1) }) {
        let mut calls = Vec::with_capacity(round.len() * chosen.len());
        for part in round {
            calls.extend(chosen.iter().map(|chosen| window_of(*part, chosen, kept, calendly)));
        }
        let mut answers = all_of(calls, in_flight).await?.into_iter();
        while answers.len() > 0 {
            times.iter_mut().zip(answers.by_ref()).for_each(|(times, window)| times.add(window));
        }
        if limit.is_some_and(|limit| Entries::of(&times, question.matching).first(limit).count() >= limit) {
            break;
        }
    }
    Ok(times)
}

/// What comes of all calls, in their order, so many of them `in_flight` at once. The first that fails ends the others:
/// one that hangs does not hold up the error.
async fn all_of<T>(
    calls: Vec<impl Future<Output = Result<T, Failed>>>,
    in_flight: usize,
) -> Result<Vec<T>, Failed> {
    let numbered = calls.into_iter().enumerate().map(|(number, call)| call.map_ok(move |it| (number, it)));
    let mut answers: Vec<_> = stream::iter(numbered).buffer_unordered(in_flight).try_collect().await?;
    answers.sort_unstable_by_key(|(number, _)| *number);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

async fn window_of(
    part: Asked,
    chosen: &Chosen,
    kept: Option<&AvailabilityCache>,
    calendly: &Calendly<'_>,
) -> Result<Window, Failed> {
    let event_type = &chosen.choice.uri;
    let window = match part {
        Asked::Part(part) => {
            calendly.available_times(event_type, &|| part.window(Utc::now())).await.map(Window::whole)
        }
        Asked::Around(at) => {
            calendly.available_times(event_type, &|| at.window(Utc::now())).await.map(Window::whole)
        }
        Asked::Shared(aligned) => shared_window(aligned, event_type, kept, calendly).await,
    };
    window.map_err(|error| chosen.failed(error))
}

/// The part of a shared window that is wanted.
async fn shared_window(
    aligned: Aligned,
    event_type: &EventTypeUri,
    kept: Option<&AvailabilityCache>,
    calendly: &Calendly<'_>,
) -> Result<Window, Error> {
    let window = || aligned.window(Utc::now());
    let wanted_from = aligned.wanted_from(Utc::now())?;
    let answered = match kept {
        Some(kept) => {
            let (start_time, end_time) = aligned.span();
            let span = Span { event_type: event_type.clone(), start_time, end_time };
            kept.get(calendly, &span, wanted_from, &window).await?
        }
        None => Arc::new(calendly.available_times(event_type, &window).await?),
    };
    // Where it took a while, what was asked for in the end may begin later.
    let from = wanted_from.max(answered.asked.start_time);
    Ok(Window::cut(answered, from..=aligned.wanted_until()))
}

/// Refuses event types of another length. Of those whose length is not known yet, Calendly is asked for it.
async fn check_durations(
    duration: TimeDelta,
    chosen: &mut [Chosen],
    choices: &Choices,
    calendly: &Calendly<'_>,
) -> Result<(), Failed> {
    let with_lengths = async |chosen: &mut Chosen| {
        let choice = choices.with_lengths(&chosen.choice, calendly).await;
        chosen.choice = choice.map_err(|error| chosen.failed(error))?;
        check_duration(duration, &chosen.choice).map_err(|error| chosen.failed(error))
    };
    let mut checks = Vec::with_capacity(chosen.len());
    for chosen in chosen {
        checks.push(with_lengths(chosen));
    }
    all_of(checks, OF_ALL).await.map(drop)
}

fn check_duration(asked: TimeDelta, choice: &Choice) -> Result<(), Error> {
    let minutes = asked.num_minutes().to_string();
    if !choice.has_lengths() {
        let reason = "cannot be checked: Calendly does not say how long the event type is. Leave it out.";
        return Err(Error::invalid_value("duration", &minutes, reason));
    }
    if choice.lengths().any(|length| length == asked) {
        return Ok(());
    }
    Err(Error::invalid_value(
        "duration",
        &minutes,
        "is not a length of the event type: ask for one of its own.",
    ))
}
