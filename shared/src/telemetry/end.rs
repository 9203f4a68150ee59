//! The one line that ends an invocation.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use serde::Serialize;

use super::{
    log::{Level, now, version, write},
    metrics::Metrics,
    record::Record,
};
use crate::Error;

/// What the end of an invocation adds to its [`Record`].
pub(crate) struct Ending<'a> {
    pub(crate) function: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) xray_trace_id: Option<&'a str>,
    pub(crate) cold_start: bool,
    pub(crate) duration: Duration,
    pub(crate) event: Event<'a>,
}

/// Which kind of event it was, and how it ended.
#[derive(Clone, Copy)]
pub(crate) enum Event<'a> {
    /// An HTTP request: its status, and why it failed if it did.
    Request { status: u16, error: Option<&'a Error> },
    /// A warm-up: what could not be prepared.
    WarmUp { unprepared: &'a [String] },
    /// An event that no function understands: its shape.
    Unknown { problem: &'a str },
}

#[derive(Serialize)]
struct EndLine<'a> {
    timestamp: String,
    level: Level,
    version: &'static str,
    #[serde(flatten)]
    log: Option<Fields<'a>>,
    function: &'static str,
    #[serde(flatten)]
    metrics: Option<Metrics>,
}

#[derive(Serialize)]
struct Fields<'a> {
    message: &'static str,
    request_id: &'a str,
    xray_trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    #[serde(flatten)]
    event: EventFields<'a>,
    duration_ms: f64,
    cold_start: bool,
    calendly_calls: u32,
    calendly_retries: u32,
    calendly_ms: f64,
    cache: BTreeMap<&'static str, bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EventFields<'a> {
    Request {
        status: u16,
        code: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter: Option<&'static str>,
    },
    WarmUp {
        unprepared: &'a [String],
    },
    Unknown {
        problem: &'a str,
    },
}

/// Writes the line. Where the log level hides it, the metrics are written all the same.
pub(crate) fn end(record: &Record, ending: &Ending<'_>) {
    let (level, message, event) = match ending.event {
        Event::Request { status, error } => {
            let level = if status >= 500 { Level::Error } else { Level::Info };
            let fields = EventFields::Request {
                status,
                code: error.map(Error::code),
                reason: error.map(Error::reason),
                parameter: error.and_then(Error::parameter),
            };
            (level, "request", fields)
        }
        Event::WarmUp { unprepared } => {
            let level = if unprepared.is_empty() { Level::Info } else { Level::Warn };
            (level, "warm-up", EventFields::WarmUp { unprepared })
        }
        Event::Unknown { problem } => (Level::Error, "unknown event", EventFields::Unknown { problem }),
    };
    let calls = record.calendly_calls.load(Relaxed);
    let calendly_ms = milliseconds(Duration::from_micros(record.calendly_micros.load(Relaxed)));
    let log = level.is_enabled().then(|| Fields {
        message,
        request_id: ending.request_id,
        xray_trace_id: ending.xray_trace_id,
        caller: record.caller.get().map(String::as_str),
        event,
        duration_ms: milliseconds(ending.duration),
        cold_start: ending.cold_start,
        calendly_calls: calls,
        calendly_retries: record.calendly_retries.load(Relaxed),
        calendly_ms,
        cache: record.caches.lock().unwrap_or_else(PoisonError::into_inner).clone(),
    });
    write(&EndLine {
        timestamp: now(),
        // Lambda drops lines below the level that is wanted, and metrics with them.
        level: level.max(Level::least()),
        version: version(),
        log,
        function: ending.function,
        metrics: metrics(record, ending, calls, calendly_ms),
    });
}

/// A warm-up counts as a warm-up and never as a request.
fn metrics(record: &Record, ending: &Ending<'_>, calls: u32, calendly_ms: f64) -> Option<Metrics> {
    let (is_request, code) = match ending.event {
        Event::Request { error, .. } => (true, error.map(Error::code)),
        Event::WarmUp { .. } | Event::Unknown { .. } => (false, None),
    };
    let of_request = |value: f64| is_request.then_some(value);
    let if_code = |metric: &'static str| (code == Some(metric)).then_some(1.0);
    let remaining = record.rate_limit_remaining.load(Relaxed);
    let measured = record.measured.lock().unwrap_or_else(PoisonError::into_inner);
    let measured = measured.iter().map(|(name, (unit, value))| (*name, *unit, of_request(*value)));
    let common = [
        ("CalendlyCalls", "Count", of_request(f64::from(calls))),
        ("CalendlyErrors", "Count", of_request(f64::from(record.calendly_errors.load(Relaxed)))),
        ("CalendlyLatency", "Milliseconds", of_request(calendly_ms / f64::from(calls)).filter(|_| calls > 0)),
        ("RateLimitRemaining", "Count", u32::try_from(remaining - 1).ok().map(f64::from)),
        ("ColdStart", "Count", of_request(f64::from(u8::from(ending.cold_start)))),
        ("WarmUp", "Count", matches!(ending.event, Event::WarmUp { .. }).then_some(1.0)),
        ("SecretStale", "Count", record.pat_was_stale.load(Relaxed).then_some(1.0)),
        ("KeysUnavailable", "Count", if_code("keys_unavailable")),
        ("SecretsUnavailable", "Count", if_code("secrets_unavailable")),
        ("PatMissing", "Count", if_code("pat_missing")),
        ("DeadlineExceeded", "Count", if_code("deadline_exceeded")),
        ("InternalErrors", "Count", if_code("internal_error")),
    ];
    Metrics::new(&common.into_iter().chain(measured).collect::<Vec<_>>())
}

/// With the three decimals that mean something.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
