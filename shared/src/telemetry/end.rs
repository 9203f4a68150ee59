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

/// Writes the line.
pub(crate) fn end(record: &Record, ending: &Ending<'_>) {
    write(&line(record, ending));
}

/// The line. Where the log level hides it, the metrics are there all the same.
fn line<'a>(record: &'a Record, ending: &Ending<'a>) -> EndLine<'a> {
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
    EndLine {
        timestamp: now(),
        // Lambda drops lines below the level that is wanted, and metrics with them.
        level: level.max(Level::least()),
        version: version(),
        log,
        function: ending.function,
        metrics: metrics(record, ending, calls, calendly_ms),
    }
}

/// A warm-up counts as a warm-up and never as a request.
fn metrics(record: &Record, ending: &Ending<'_>, calls: u32, calendly_ms: f64) -> Option<Metrics> {
    let (is_request, code) = match ending.event {
        Event::Request { error, .. } => (true, error.map(Error::code)),
        Event::WarmUp { .. } | Event::Unknown { .. } => (false, None),
    };
    let unprepared = match ending.event {
        Event::WarmUp { unprepared } => Some(unprepared),
        _ => None,
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
        ("WarmUp", "Count", unprepared.map(|_| 1.0)),
        ("Unprepared", "Count", unprepared.map(|what| f64::from(u8::from(!what.is_empty())))),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line_of(record: &Record, event: Event<'_>, cold_start: bool) -> Value {
        let ending = Ending {
            function: "user",
            request_id: "r-1",
            xray_trace_id: None,
            cold_start,
            duration: Duration::from_nanos(12_345_678),
            event,
        };
        serde_json::to_value(line(record, &ending)).unwrap()
    }

    fn request(status: u16) -> Event<'static> {
        Event::Request { status, error: None }
    }

    #[test]
    fn a_request_says_what_it_took() {
        let record = Record::default();
        record.calendly_call(Duration::from_micros(1_500), false, true);
        record.calendly_call(Duration::from_micros(1_503), true, false);
        record.calendly_call(Duration::from_micros(1_002), false, true);
        record.rate_limit_remaining(7);
        for (name, was_at_hand) in [("keys", true), ("pat", true), ("pat", false), ("pat", true)] {
            record.cache(name, was_at_hand);
        }
        record.add("AvailabilityFromCalendly", "Count", 2.0);
        record.add("AvailabilityFromCalendly", "Count", 3.0);
        record.pat_was_stale();
        record.caller("abc".to_owned());
        let line = line_of(&record, request(200), true);
        for (name, expected) in [
            ("level", json!("INFO")),
            ("message", json!("request")),
            ("function", json!("user")),
            ("request_id", json!("r-1")),
            ("caller", json!("abc")),
            ("status", json!(200)),
            ("code", Value::Null),
            ("duration_ms", json!(12.346)),
            ("cold_start", json!(true)),
            ("calendly_calls", json!(3)),
            ("calendly_retries", json!(1)),
            ("calendly_ms", json!(4.005)),
            ("cache", json!({"keys": true, "pat": false})),
            ("CalendlyCalls", json!(3.0)),
            ("CalendlyErrors", json!(2.0)),
            ("CalendlyLatency", json!(1.335)),
            ("RateLimitRemaining", json!(7.0)),
            ("ColdStart", json!(1.0)),
            ("SecretStale", json!(1.0)),
            ("AvailabilityFromCalendly", json!(5.0)),
        ] {
            assert_eq!(line[name], expected, "{name}");
        }
        for absent in ["WarmUp", "InternalErrors", "reason", "parameter"] {
            assert_eq!(line.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn what_did_not_happen_is_not_measured() {
        let line = line_of(&Record::default(), request(200), false);
        for absent in ["CalendlyLatency", "RateLimitRemaining", "SecretStale", "WarmUp", "caller"] {
            assert_eq!(line.get(absent), None, "{absent}");
        }
        assert_eq!((&line["CalendlyCalls"], &line["ColdStart"]), (&json!(0.0), &json!(0.0)));
        let nothing_left = Record::default();
        nothing_left.rate_limit_remaining(0);
        assert_eq!(line_of(&nothing_left, request(200), false)["RateLimitRemaining"], json!(0.0));
    }

    #[test]
    fn a_failure_has_its_code_its_reason_and_its_metric() {
        let error = |status: u16, error: &Error| {
            line_of(&Record::default(), Event::Request { status, error: Some(error) }, false)
        };
        let missing = error(400, &Error::PatMissing("there is none"));
        assert_eq!((&missing["level"], &missing["code"]), (&json!("INFO"), &json!("pat_missing")));
        assert_eq!((&missing["reason"], &missing["PatMissing"]), (&json!("there is none."), &json!(1.0)));
        let parameter = error(400, &Error::invalid_parameter("limit", "limit is wrong."));
        assert_eq!((&parameter["parameter"], parameter.get("PatMissing")), (&json!("limit"), None));
        let internal = error(500, &Error::Internal { reason: "of ours" });
        assert_eq!((&internal["level"], &internal["InternalErrors"]), (&json!("ERROR"), &json!(1.0)));
        assert_eq!(line_of(&Record::default(), request(499), false)["level"], "INFO");
    }

    #[test]
    fn a_warm_up_is_no_request() {
        let record = Record::default();
        record.calendly_call(Duration::from_micros(5), false, false);
        for (unprepared, level, metric) in [(vec![], "INFO", 0.0), (vec!["pat".to_owned()], "WARN", 1.0)] {
            let line = line_of(&record, Event::WarmUp { unprepared: &unprepared }, true);
            assert_eq!((&line["level"], &line["message"]), (&json!(level), &json!("warm-up")));
            assert_eq!((&line["unprepared"], &line["WarmUp"]), (&json!(unprepared), &json!(1.0)));
            assert_eq!(line["Unprepared"], json!(metric));
            for absent in ["CalendlyCalls", "CalendlyErrors", "CalendlyLatency", "ColdStart", "status"] {
                assert_eq!(line.get(absent), None, "{absent}");
            }
        }
        let unknown = line_of(&record, Event::Unknown { problem: "an array" }, false);
        assert_eq!((&unknown["level"], &unknown["problem"]), (&json!("ERROR"), &json!("an array")));
        assert_eq!(unknown.get("WarmUp"), None);
    }
}
