//! Time, CPU, memory and calls by the size of the answer.

use end_to_end::Binary;
use serde::Serialize;

use crate::{
    exchange::Exchange,
    measure::{peak_resident, run_several, summarize, warm_ms},
    stand_ins::{self, Conditions, StandIns},
    statistics::Summary,
    subject::Subject,
};

/// Processes per size.
const RUNS: u32 = 3;
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
    size: usize,
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
    for event_types in [20, 100, 1_000, 5_000] {
        user_event_types.push(size(Binary::UserEventTypes, event_types, event_types).await);
    }
    let mut check_availability = Vec::new();
    for days in [1, 31, 93, 365] {
        check_availability.push(size(Binary::CheckAvailability, days, stand_ins::EVENT_TYPES).await);
    }
    Scaling { user_event_types, check_availability }
}

async fn size(function: Binary, size: usize, event_types: usize) -> Size {
    println!("scaling: {} of size {size}", function.name());
    let measure = async |conditions| {
        let stand_ins = StandIns::start(conditions, event_types);
        let exchange = match function {
            Binary::CheckAvailability => Exchange::availability(&stand_ins, size as i64, None).await,
            _ => Exchange::event_types(&stand_ins).await,
        };
        run_several(RUNS, Subject::Function(function), &stand_ins, &exchange, WARM_REQUESTS).await
    };
    let (with_latency, runs) = (measure(Conditions::Latency).await, measure(Conditions::NoLatency).await);
    Size {
        size,
        warm_ms: warm_ms(&runs),
        warm_with_latency_ms: warm_ms(&with_latency),
        cpu_per_warm_request_ms: summarize(&runs, |run| run.cpu_per_warm_request),
        peak_resident_bytes: peak_resident(&runs),
        calendly_calls: runs[0].calls_per_warm_request.calendly,
    }
}
