//! Time, CPU, memory and calls by the size of the answer.

use std::time::Duration;

use end_to_end::Binary;
use serde::Serialize;

use crate::{
    measure::{Life, live, peak_resident},
    question::Question,
    stand_ins::{self, Conditions, StandIns},
    statistics::{Summary, milliseconds},
    subject::Subject,
};

const EVENT_TYPES: [usize; 4] = [20, 100, 1_000, 5_000];
const DAYS: [i64; 4] = [1, 31, 93, 365];
/// Processes per size.
const LIVES: u32 = 3;
/// Warm requests per process.
const WARM_REQUESTS: u32 = 20;

/// The functions whose answers vary in size.
#[derive(Debug, Serialize)]
pub(crate) struct Scaling {
    user_event_types: Vec<Size>,
    check_availability: Vec<Size>,
}

/// Requests for `size` event types or days.
#[derive(Debug, Serialize)]
struct Size {
    size: u64,
    /// Without latency of the stand-ins.
    warm_ms: Summary,
    /// With latency of the stand-ins.
    warm_with_latency_ms: Summary,
    cpu_per_warm_request_ms: Summary,
    /// The median.
    peak_resident_bytes: u64,
    /// Calls of a warm request.
    calendly_calls: usize,
}

pub(crate) async fn run() -> Scaling {
    let mut user_event_types = Vec::new();
    for event_types in EVENT_TYPES {
        println!("user-event-types: {event_types} event types");
        let [at_once, latency] = [Conditions::AtOnce, Conditions::Latency]
            .map(|conditions| StandIns::start(conditions, event_types));
        let question = [Question::event_types(&at_once).await, Question::event_types(&latency).await];
        let subject = Subject::Function(Binary::UserEventTypes);
        user_event_types.push(size(event_types as u64, subject, [&at_once, &latency], question).await);
    }
    let mut check_availability = Vec::new();
    let [at_once, latency] = [Conditions::AtOnce, Conditions::Latency]
        .map(|conditions| StandIns::start(conditions, stand_ins::EVENT_TYPES));
    for days in DAYS {
        println!("check-availability: {days} days");
        let question =
            [Question::availability(&at_once, days).await, Question::availability(&latency, days).await];
        let subject = Subject::Function(Binary::CheckAvailability);
        check_availability.push(size(days.unsigned_abs(), subject, [&at_once, &latency], question).await);
    }
    Scaling { user_event_types, check_availability }
}

async fn size(
    size: u64,
    subject: Subject,
    [at_once, latency]: [&StandIns; 2],
    [question, question_with_latency]: [Question; 2],
) -> Size {
    let mut lives: [Vec<Life>; 2] = Default::default();
    for _ in 0..LIVES {
        lives[0].push(live(subject, at_once, &at_once.variables, &question, WARM_REQUESTS).await);
        lives[1]
            .push(live(subject, latency, &latency.variables, &question_with_latency, WARM_REQUESTS).await);
    }
    let warm = |lives: &[Life]| {
        let durations: Vec<Duration> = lives.iter().flat_map(|life| life.warm.iter().copied()).collect();
        milliseconds(durations)
    };
    Size {
        size,
        warm_ms: warm(&lives[0]),
        warm_with_latency_ms: warm(&lives[1]),
        cpu_per_warm_request_ms: milliseconds(lives[0].iter().map(|life| life.cpu_per_warm_request)),
        peak_resident_bytes: peak_resident(&lives[0]),
        calendly_calls: lives[0][0].calls_per_warm_request.calendly,
    }
}
