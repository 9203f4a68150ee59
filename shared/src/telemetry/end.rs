//! The one line that ends an invocation.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use serde::Serialize;

use super::{
    log::{Level, now, write},
    metrics::Metrics,
    record::Record,
};

/// What the end of an invocation adds to its [`Record`].
pub(crate) struct Ending<'a> {
    pub(crate) function: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) xray_trace_id: Option<&'a str>,
    pub(crate) cold_start: bool,
    pub(crate) duration: Duration,
    pub(crate) what: What<'a>,
}

/// Which kind of invocation ended, and how.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// An HTTP request: its status, the code of its error, and the parameter that the error is about.
    Request { status: u16, code: Option<&'a str>, parameter: Option<&'a str> },
    /// A warm-up: what could not be prepared.
    WarmUp { unprepared: &'a [String] },
    /// An event that no function understands: its shape.
    UnknownEvent { problem: &'a str },
}

#[derive(Serialize)]
struct EndLine<'a> {
    timestamp: String,
    level: Level,
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
    #[serde(flatten)]
    what: WhatFields<'a>,
    duration_ms: f64,
    cold_start: bool,
    calendly_calls: u32,
    calendly_retries: u32,
    calendly_ms: f64,
    cache: Cache,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WhatFields<'a> {
    Request {
        status: u16,
        code: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter: Option<&'a str>,
    },
    WarmUp {
        unprepared: &'a [String],
    },
    UnknownEvent {
        problem: &'a str,
    },
}

/// Which caches held what was needed; what did not come up is left out.
#[derive(Serialize)]
struct Cache {
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pat: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<bool>,
}

/// Writes the line. Where the log level hides it, the metrics are written all the same.
pub(crate) fn end(record: &Record, ending: &Ending<'_>) {
    let (level, message, what) = match ending.what {
        What::Request { status, code, parameter } => {
            let level = if status >= 500 { Level::Error } else { Level::Info };
            (level, "request", WhatFields::Request { status, code, parameter })
        }
        What::WarmUp { unprepared } => {
            let level = if unprepared.is_empty() { Level::Info } else { Level::Warn };
            (level, "warm-up", WhatFields::WarmUp { unprepared })
        }
        What::UnknownEvent { problem } => {
            (Level::Error, "unknown event", WhatFields::UnknownEvent { problem })
        }
    };
    let calls = record.calendly_calls.load(Relaxed);
    let calendly_ms = milliseconds(Duration::from_micros(record.calendly_micros.load(Relaxed)));
    let log = level.is_enabled().then(|| Fields {
        message,
        request_id: ending.request_id,
        xray_trace_id: ending.xray_trace_id,
        what,
        duration_ms: milliseconds(ending.duration),
        cold_start: ending.cold_start,
        calendly_calls: calls,
        calendly_retries: record.calendly_retries.load(Relaxed),
        calendly_ms,
        cache: Cache {
            keys: record.keys_hit.get(),
            pat: record.pat_hit.get(),
            user: record.user_hit.get(),
            event_type: record.event_type_hit.get(),
        },
    });
    write(&EndLine {
        timestamp: now(),
        // Lambda drops lines below the level that is wanted, and metrics with them.
        level: level.max(Level::least()),
        log,
        function: ending.function,
        metrics: metrics(record, ending, calls, calendly_ms),
    });
}

/// A warm-up counts as a warm-up and never as a request.
fn metrics(record: &Record, ending: &Ending<'_>, calls: u32, calendly_ms: f64) -> Option<Metrics> {
    let of_request = |value: f64| matches!(ending.what, What::Request { .. }).then_some(value);
    let is_keys_unavailable = matches!(ending.what, What::Request { code: Some("keys_unavailable"), .. });
    let remaining = record.rate_limit_remaining.load(Relaxed);
    Metrics::new([
        ("CalendlyCalls", "Count", of_request(f64::from(calls))),
        ("CalendlyErrors", "Count", of_request(f64::from(record.calendly_errors.load(Relaxed)))),
        ("CalendlyLatency", "Milliseconds", of_request(calendly_ms / f64::from(calls)).filter(|_| calls > 0)),
        ("RateLimitRemaining", "Count", u32::try_from(remaining - 1).ok().map(f64::from)),
        ("ColdStart", "Count", of_request(f64::from(u8::from(ending.cold_start)))),
        ("WarmUp", "Count", matches!(ending.what, What::WarmUp { .. }).then_some(1.0)),
        ("SecretStale", "Count", record.pat_stale.get().map(|_| 1.0)),
        ("KeysUnavailable", "Count", is_keys_unavailable.then_some(1.0)),
    ])
}

/// With the three decimals that mean something.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
