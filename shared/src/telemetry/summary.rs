//! The summary line: the one log line that ends every invocation.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    log::{Level, now, version, write},
    metrics::Metrics,
    request_metrics::{Counters, RequestMetrics},
};
use crate::Error;

/// The outcome of an invocation, in addition to its [`RequestMetrics`].
pub(crate) struct InvocationOutcome<'a> {
    pub(crate) function: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) xray_trace_id: Option<&'a str>,
    pub(crate) cold_start: bool,
    pub(crate) duration: Duration,
    pub(crate) event: EventOutcome<'a>,
}

/// The outcome by kind of event. Its fields are members of the line.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum EventOutcome<'a> {
    /// An HTTP request: the status, and the error if there was one.
    Request {
        status: u16,
        #[serde(flatten, serialize_with = "error_fields")]
        error: Option<&'a Error>,
    },
    /// A warm-up: the parts that could not be prepared.
    WarmUp { unprepared: &'a [String] },
    /// An unsupported event, described by its shape.
    Unknown { problem: &'a str },
}

fn error_fields<S: Serializer>(error: &Option<&Error>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(None)?;
    fields.serialize_entry("code", &error.map(Error::code))?;
    if let Some(error) = error {
        fields.serialize_entry("reason", &error.reason())?;
        if let Some(parameter) = error.logged_parameter() {
            fields.serialize_entry("parameter", parameter)?;
        }
    }
    fields.end()
}

#[derive(Serialize)]
struct SummaryLine<'a> {
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
    event: EventOutcome<'a>,
    #[serde(flatten)]
    others: &'a BTreeMap<&'static str, &'static str>,
    duration_ms: f64,
    cold_start: bool,
    calendly_calls: u32,
    calendly_retries: u32,
    calendly_ms: f64,
    cache: &'a BTreeMap<&'static str, bool>,
}

/// Writes the summary line of an invocation.
pub(crate) fn log_invocation(metrics: &RequestMetrics, outcome: &InvocationOutcome<'_>) {
    write(&summary_line(&metrics.counters(), outcome));
}

/// The summary line. It has the metrics even if the log level hides its fields.
fn summary_line<'a>(counters: &'a Counters, outcome: &InvocationOutcome<'a>) -> SummaryLine<'a> {
    let (level, message) = match outcome.event {
        EventOutcome::Request { status: 500.., .. } => (Level::Error, "request"),
        EventOutcome::Request { .. } => (Level::Info, "request"),
        EventOutcome::WarmUp { unprepared: [] } => (Level::Info, "warm-up"),
        EventOutcome::WarmUp { .. } => (Level::Warn, "warm-up"),
        EventOutcome::Unknown { .. } => (Level::Error, "unknown event"),
    };
    let calendly_ms = milliseconds(counters.calendly_time);
    let log = level.is_enabled().then(|| Fields {
        message,
        request_id: outcome.request_id,
        xray_trace_id: outcome.xray_trace_id,
        caller: counters.caller.as_deref(),
        event: outcome.event,
        others: &counters.logged,
        duration_ms: milliseconds(outcome.duration),
        cold_start: outcome.cold_start,
        calendly_calls: counters.calendly_calls,
        calendly_retries: counters.calendly_retries,
        calendly_ms,
        cache: &counters.caches,
    });
    SummaryLine {
        timestamp: now(),
        // Lambda drops lines below the enabled level, and the metrics in them.
        level: level.max(Level::lowest()),
        version: version(),
        log,
        function: outcome.function,
        metrics: emf_metrics(counters, outcome, calendly_ms),
    }
}

/// The metrics of an invocation. A warm-up counts as a warm-up, never as a request.
fn emf_metrics(counters: &Counters, outcome: &InvocationOutcome<'_>, calendly_ms: f64) -> Option<Metrics> {
    let (is_request, code, unprepared) = match outcome.event {
        EventOutcome::Request { error, .. } => (true, error.map(Error::code), None),
        EventOutcome::WarmUp { unprepared } => (false, None, Some(unprepared)),
        EventOutcome::Unknown { .. } => (false, None, None),
    };
    let of_request = |value: f64| is_request.then_some(value);
    let if_code = |metric: &'static str| (code == Some(metric)).then_some(1.0);
    let calls = f64::from(counters.calendly_calls);
    let measured = counters.measured.iter().map(|(name, (unit, value))| (*name, *unit, of_request(*value)));
    let common = [
        ("CalendlyCalls", "Count", of_request(calls)),
        ("CalendlyErrors", "Count", of_request(f64::from(counters.calendly_errors))),
        ("CalendlyLatency", "Milliseconds", of_request(calendly_ms / calls).filter(|_| calls > 0.0)),
        ("RateLimitRemaining", "Count", counters.rate_limit_remaining.map(f64::from)),
        ("ColdStart", "Count", of_request(f64::from(u8::from(outcome.cold_start)))),
        ("WarmUp", "Count", unprepared.map(|_| 1.0)),
        ("Unprepared", "Count", unprepared.map(|unprepared| f64::from(u8::from(!unprepared.is_empty())))),
        ("SecretStale", "Count", counters.pat_was_stale.then_some(1.0)),
        ("KeysUnavailable", "Count", if_code("keys_unavailable")),
        ("SecretsUnavailable", "Count", if_code("secrets_unavailable")),
        ("PatMissing", "Count", if_code("pat_missing")),
        ("DeadlineExceeded", "Count", if_code("deadline_exceeded")),
        ("InternalErrors", "Count", if_code("internal_error")),
    ];
    Metrics::new(&common.into_iter().chain(measured).collect::<Vec<_>>())
}

/// Milliseconds, rounded to three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line_of(metrics: &RequestMetrics, event: EventOutcome<'_>, cold_start: bool) -> Value {
        let outcome = InvocationOutcome {
            function: "user",
            request_id: "r-1",
            xray_trace_id: None,
            cold_start,
            duration: Duration::from_nanos(12_345_678),
            event,
        };
        serde_json::to_value(summary_line(&metrics.counters(), &outcome)).unwrap()
    }

    fn request(status: u16) -> EventOutcome<'static> {
        EventOutcome::Request { status, error: None }
    }

    #[test]
    fn a_request_has_its_counters_and_metrics() {
        let metrics = RequestMetrics::default();
        metrics.calendly_call(Duration::from_micros(1_500), false, true);
        metrics.calendly_call(Duration::from_micros(1_503), true, false);
        metrics.calendly_call(Duration::from_micros(1_002), false, true);
        metrics.rate_limit_remaining(7);
        for (name, is_hit) in [("keys", true), ("pat", true), ("pat", false), ("pat", true)] {
            metrics.cache_hit(name, is_hit);
        }
        metrics.add("AvailabilityFromCalendly", "Count", 2.0);
        metrics.add("AvailabilityFromCalendly", "Count", 3.0);
        metrics.pat_was_stale();
        metrics.caller("abc".to_owned());
        let line = line_of(&metrics, request(200), true);
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
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Metrics"][0], json!({"Name": "CalendlyCalls", "Unit": "Count"}));
        assert_eq!(directive["Metrics"].as_array().unwrap().len(), 7);
        assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
        for absent in ["WarmUp", "Unprepared", "InternalErrors", "reason", "parameter"] {
            assert_eq!(line.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn counters_without_a_value_are_no_metrics() {
        let line = line_of(&RequestMetrics::default(), request(200), false);
        for absent in ["CalendlyLatency", "RateLimitRemaining", "SecretStale", "WarmUp", "caller"] {
            assert_eq!(line.get(absent), None, "{absent}");
        }
        assert_eq!((&line["CalendlyCalls"], &line["ColdStart"]), (&json!(0.0), &json!(0.0)));
        let nothing_left = RequestMetrics::default();
        nothing_left.rate_limit_remaining(0);
        assert_eq!(line_of(&nothing_left, request(200), false)["RateLimitRemaining"], json!(0.0));
    }

    #[test]
    fn a_failed_request_has_its_code_reason_and_metric() {
        let error = |status: u16, error: &Error| {
            line_of(&RequestMetrics::default(), EventOutcome::Request { status, error: Some(error) }, false)
        };
        let missing = error(400, &Error::PatMissing("there is none"));
        assert_eq!((&missing["level"], &missing["code"]), (&json!("INFO"), &json!("pat_missing")));
        assert_eq!((&missing["reason"], &missing["PatMissing"]), (&json!("there is none."), &json!(1.0)));
        let parameter = error(400, &Error::invalid_parameter("limit", "limit is wrong."));
        assert_eq!((&parameter["parameter"], parameter.get("PatMissing")), (&json!("limit"), None));
        let internal = error(500, &Error::Internal { reason: "of ours" });
        assert_eq!((&internal["level"], &internal["InternalErrors"]), (&json!("ERROR"), &json!(1.0)));
        assert_eq!(line_of(&RequestMetrics::default(), request(499), false)["level"], "INFO");
    }

    #[test]
    fn warm_ups_have_no_request_metrics() {
        let metrics = RequestMetrics::default();
        metrics.calendly_call(Duration::from_micros(5), false, false);
        for (unprepared, level, metric) in [(vec![], "INFO", 0.0), (vec!["pat".to_owned()], "WARN", 1.0)] {
            let line = line_of(&metrics, EventOutcome::WarmUp { unprepared: &unprepared }, true);
            assert_eq!((&line["level"], &line["message"]), (&json!(level), &json!("warm-up")));
            assert_eq!((&line["unprepared"], &line["WarmUp"]), (&json!(unprepared), &json!(1.0)));
            assert_eq!(line["Unprepared"], json!(metric));
            for absent in ["CalendlyCalls", "CalendlyErrors", "CalendlyLatency", "ColdStart", "status"] {
                assert_eq!(line.get(absent), None, "{absent}");
            }
        }
        let unknown = line_of(&metrics, EventOutcome::Unknown { problem: "an array" }, false);
        assert_eq!((&unknown["level"], &unknown["problem"]), (&json!("ERROR"), &json!("an array")));
        assert_eq!((unknown.get("WarmUp"), unknown.get("_aws")), (None, None));
    }
}
