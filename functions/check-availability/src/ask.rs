//! The calls to Calendly that a question takes.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    Error,
    calendly::{AvailableTimes, Calendly, TimeWindow},
};

use crate::{
    chosen::{Chosen, Failed},
    entries::Entries,
    event_type::Choice,
    open_times::OpenTimes,
    question::{Asked, Question},
};

/// How many windows of one event type are asked for at a time: a dozen at once have been seen to meet Calendly's rate
/// limit.
const OF_ONE: usize = 4;

/// And of all event types.
const OF_ALL: usize = 8;

/// The open times of each event type, in their order. If one window fails all do: a part is never passed off as the
/// whole. With a `limit`, window comes after window until there are enough.
pub(crate) async fn open_times(
    question: &Question,
    chosen: &mut [Chosen],
    calendly: &Calendly<'_>,
) -> Result<Vec<OpenTimes>, Failed> {
    if let Some(duration) = question.duration {
        check_durations(duration, chosen, calendly).await?;
    }
    let chosen: &[Chosen] = chosen;
    let in_flight = OF_ALL.min(OF_ONE * chosen.len());
    let limit = question.times.limit();
    let parts = question.times.parts();
    let mut times: Vec<OpenTimes> = chosen.iter().map(|_| OpenTimes::default()).collect();
    for round in parts.chunks(if limit.is_some() { 1 } else { parts.len().max(1) }) {
        let mut calls = Vec::with_capacity(round.len() * chosen.len());
        for part in round {
            calls.extend(chosen.iter().map(|chosen| window_of(*part, chosen, calendly)));
        }
        let answers: Vec<_> = stream::iter(calls).buffered(in_flight).try_collect().await?;
        let mut answers = answers.into_iter();
        while answers.len() > 0 {
            for (times, (available, asked)) in times.iter_mut().zip(answers.by_ref()) {
                times.add(available, asked);
            }
        }
        if limit.is_some_and(|limit| Entries::of(&times, question.matching).first(limit).count() >= limit) {
            break;
        }
    }
    Ok(times)
}

async fn window_of(
    part: Asked,
    chosen: &Chosen,
    calendly: &Calendly<'_>,
) -> Result<(AvailableTimes, TimeWindow), Failed> {
    let window = || part.window(Utc::now());
    calendly.available_times(&chosen.choice.uri, window).await.map_err(|error| chosen.failed(error))
}

impl Asked {
    fn window(self, now: DateTime<Utc>) -> Result<TimeWindow, Error> {
        match self {
            Self::Part(part) => part.window(now),
            Self::Around(at) => at.window(now),
        }
    }
}

/// Refuses event types of another length. Of those whose length is not known yet, Calendly is asked for it.
async fn check_durations(
    duration: TimeDelta,
    chosen: &mut [Chosen],
    calendly: &Calendly<'_>,
) -> Result<(), Failed> {
    let mut calls = Vec::with_capacity(chosen.len());
    for chosen in chosen.iter_mut().filter(|chosen| chosen.choice.duration.is_none()) {
        calls.push(look_up_lengths(chosen, calendly));
    }
    stream::iter(calls).buffered(OF_ALL).try_collect::<()>().await?;
    chosen
        .iter()
        .try_for_each(|chosen| check_duration(duration, &chosen.choice).map_err(|error| chosen.failed(error)))
}

async fn look_up_lengths(chosen: &mut Chosen, calendly: &Calendly<'_>) -> Result<(), Failed> {
    let choice = chosen.choice.with_lengths_from(calendly).await.map_err(|error| chosen.failed(error))?;
    chosen.choice = Arc::new(choice);
    Ok(())
}

fn check_duration(asked: TimeDelta, choice: &Choice) -> Result<(), Error> {
    let minutes = asked.num_minutes().to_string();
    let mut lengths = choice.duration.iter().chain(&choice.duration_options).peekable();
    if lengths.peek().is_none() {
        let reason = "cannot be checked: Calendly does not say how long the event type is. Leave it out.";
        return Err(Error::invalid_value("duration", &minutes, reason));
    }
    if lengths.any(|length| *length == asked) {
        return Ok(());
    }
    Err(Error::invalid_value(
        "duration",
        &minutes,
        "is not a length of the event type: ask for one of its own.",
    ))
}
