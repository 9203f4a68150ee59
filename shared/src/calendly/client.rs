//! One attempt of a call to Calendly: the request, and its response's body or error.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use lambda_http::http::StatusCode;
use reqwest::{
    Response,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    CalendlyError,
    retry::{AttemptError, Failure},
};
use crate::{
    Error,
    config::CalendlyConfig,
    error::status_text,
    http::{
        BodyError, ByteBudget, HttpClient, Tls, failure_reason, has_content_coding, json::object_of_bytes,
        read_body,
    },
    pat::LoadedPat,
    telemetry::{RequestMetrics, Stage},
};

/// The largest error body that is read.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The assumed wait after a 429 that states none: Calendly's quota resets every minute.
const RATE_LIMIT_WINDOW: Duration = Duration::from_secs(60);

/// The longest wait taken from a header.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// An HTTP client of Calendly's API.
#[derive(Debug)]
pub(crate) struct CalendlyClient {
    http: HttpClient,
    base_url: String,
    timeout: Duration,
    pub(super) max_retries: u32,
}

/// State that the calls of one request share.
#[derive(Debug)]
pub(super) struct CallContext<'a> {
    pub(super) pat: Arc<LoadedPat>,
    pub(super) metrics: &'a RequestMetrics,
    /// One permit per call in flight.
    pub(super) calls: Semaphore,
    /// The limit on the total size of all responses.
    pub(super) byte_budget: ByteBudget,
}

/// The path of a call, and its pattern for the log, which contains no id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) pattern: &'static str,
    pub(super) path: &'a str,
}

/// The query parameters of a call.
pub(super) type Query = [(&'static str, String)];

type Result<T> = std::result::Result<T, AttemptError<Error>>;

impl From<&'static str> for Path<'_> {
    fn from(path: &'static str) -> Self {
        Self { pattern: path, path }
    }
}

impl CalendlyClient {
    /// Creates a client with its own connection pool. Fails with a sentence for the log.
    pub(crate) fn new(config: CalendlyConfig, tls: &Tls) -> std::result::Result<Self, String> {
        let CalendlyConfig { base_url, timeout, max_retries } = config;
        Ok(Self { http: HttpClient::new(tls)?, base_url, timeout, max_retries })
    }

    /// Opens a connection for the first call. Sends nothing.
    pub(crate) async fn preconnect(&self) -> std::result::Result<(), String> {
        self.http.preconnect(&self.base_url).await
    }

    /// The body of Calendly's 200 response to `GET path?query`. `attempt` counts the attempts of the same call, from 1.
    ///
    /// # Errors
    ///
    /// [`Error::Calendly`] for an error status, [`Error::CalendlyUnreachable`] without a response,
    /// [`Error::CalendlyInvalidResponse`] for any other response, [`Error::AnswerTooLarge`] if the byte budget is used up.
    pub(super) async fn get(
        &self,
        path: Path<'_>,
        query: &Query,
        context: &CallContext<'_>,
        attempt: u32,
    ) -> Result<String> {
        let metrics = context.metrics;
        let _permit = context.calls.acquire().await;
        metrics.enter(Stage::Calendly);
        let mut call = CallInFlight { metrics, started: Instant::now(), is_retry: attempt > 1, failed: true };
        let response = timeout(self.timeout, Box::pin(self.send(path, query, context))).await;
        let result =
            response.unwrap_or_else(|_| Err(AttemptError::connection("it did not answer in time", path)));
        call.failed = result.is_err();
        result
    }

    async fn send(
        &self,
        path: Path<'_>,
        query: &Query,
        CallContext { pat, metrics, byte_budget, .. }: &CallContext<'_>,
    ) -> Result<String> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", pat.pat().expose())).map_err(|_| {
                AttemptError::permanent(Error::Internal { reason: "the PAT is not a valid header value" })
            })?;
        authorization.set_sensitive(true);
        let request = self
            .http
            .get(&format!("{}{}", self.base_url, path.path))
            .query(query)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, authorization);
        let response = self
            .http
            .send(request)
            .await
            .map_err(|error| AttemptError::connection(failure_reason(&error), path))?;
        update_rate_limit(&response, pat, metrics);
        match response.status() {
            StatusCode::OK if has_content_coding(response.headers()) => {
                Err(AttemptError::invalid_response("it has a Content-Encoding, which was not accepted"))
            }
            StatusCode::OK => text(response, byte_budget).await,
            status if status.is_client_error() || status.is_server_error() => {
                let failed = error_response(response, path).await;
                if let Failure::Status { status: 429, wait: Some(wait) } = failed.failure {
                    pat.rate_limit.update(0, 1, wait.min(RATE_LIMIT_WINDOW));
                }
                Err(failed)
            }
            status => {
                Err(AttemptError::invalid_response(format!("it has the status {}", status_text(status))))
            }
        }
    }
}

/// A call in flight. Counts the call when dropped, so that a call canceled by the deadline or by the failure of another
/// call counts too.
struct CallInFlight<'a> {
    metrics: &'a RequestMetrics,
    started: Instant,
    is_retry: bool,
    failed: bool,
}

impl Drop for CallInFlight<'_> {
    fn drop(&mut self) {
        self.metrics.calendly_call(self.started.elapsed(), self.is_retry, self.failed);
    }
}

impl AttemptError<Error> {
    /// A response that does not match Calendly's documentation.
    fn invalid_response(what: impl Into<String>) -> Self {
        Self::permanent(Error::CalendlyInvalidResponse(what.into()))
    }

    /// An attempt without a response.
    fn connection(what: &'static str, path: Path<'_>) -> Self {
        let error = Error::CalendlyUnreachable { what, path: path.pattern };
        Self { failure: Failure::Connection, error }
    }

    /// A failure that a retry cannot fix.
    pub(super) fn permanent(error: Error) -> Self {
        Self { failure: Failure::Permanent, error }
    }
}

/// Records the quota that a response states.
fn update_rate_limit(response: &Response, pat: &LoadedPat, metrics: &RequestMetrics) {
    let number = |name| whole_number(response.headers(), name);
    let Some(remaining) = number("x-ratelimit-remaining") else { return };
    metrics.rate_limit_remaining(u32::try_from(remaining).unwrap_or(u32::MAX));
    if let Some(limit) = number("x-ratelimit-limit") {
        let resets_in = number("x-ratelimit-reset").map_or(RATE_LIMIT_WINDOW, Duration::from_secs);
        pat.rate_limit.update(remaining, limit, resets_in.min(RATE_LIMIT_WINDOW));
    }
}

/// The body of a response as text.
async fn text(response: Response, byte_budget: &ByteBudget) -> Result<String> {
    let body = read_body(response, byte_budget).await.map_err(|error| match error {
        BodyError::Truncated => AttemptError {
            failure: Failure::Connection,
            error: Error::CalendlyInvalidResponse("it was cut off".to_owned()),
        },
        BodyError::TooLarge => AttemptError::permanent(Error::AnswerTooLarge {
            reason: "Calendly's responses have more than 32 MiB in all",
        }),
    })?;
    String::from_utf8(body).map_err(|_| AttemptError::invalid_response("it is not UTF-8"))
}

/// The members of Calendly's error body that are passed on. Calendly is behind a content delivery network, so the body
/// may be anything. Members of another type are left out.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    title: Value,
    message: Value,
    details: Option<Box<RawValue>>,
}

impl ErrorBody {
    fn parse(body: &[u8]) -> Self {
        object_of_bytes(body).unwrap_or_default()
    }
}

async fn error_response(response: Response, path: Path<'_>) -> AttemptError<Error> {
    let status = response.status();
    let wait = requested_wait(status, response.headers(), Utc::now());
    let body = if has_content_coding(response.headers()) {
        Vec::new()
    } else {
        read_body(response, &ByteBudget::new(MAX_ERROR_BYTES)).await.unwrap_or_default()
    };
    let ErrorBody { title, message, details } = ErrorBody::parse(&body);
    let text = |value: Value| value.as_str().map(str::to_owned);
    let is_rate_limit = status == StatusCode::TOO_MANY_REQUESTS;
    AttemptError {
        failure: Failure::Status { status: status.as_u16(), wait },
        error: Error::Calendly(Box::new(CalendlyError {
            status,
            title: text(title),
            message: text(message),
            details: details.filter(|details| details.get().starts_with('[')),
            retry_after: wait.or(is_rate_limit.then_some(RATE_LIMIT_WINDOW)),
            path: path.pattern,
        })),
    }
}

/// The wait that a response asks for: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), and with a 429
/// `X-RateLimit-Reset` in seconds, the longer of the two. Every response has the latter; only a 429 asks for a wait.
fn requested_wait(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let retry_after = whole_number(headers, RETRY_AFTER.as_str()).map(Duration::from_secs).or_else(|| {
        let date = http_date(headers.get(RETRY_AFTER)?.to_str().ok()?.trim())?;
        // Rounded up, so that the next call does not come within the last second of the wait.
        let milliseconds = u64::try_from((date - now).num_milliseconds()).unwrap_or_default();
        Some(Duration::from_secs(milliseconds.div_ceil(1_000)))
    });
    let reset = whole_number(headers, "x-ratelimit-reset")
        .filter(|_| status == StatusCode::TOO_MANY_REQUESTS)
        .map(Duration::from_secs);
    retry_after.max(reset).map(|wait| wait.min(MAX_WAIT))
}

/// The value of a header of digits alone; the largest number if it is larger.
fn whole_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Parses a date in a header: IMF-fixdate, and the obsolete forms of RFC 850 and asctime (RFC 9110, section 5.6.7). A
/// format string for each would link chrono's parser of format strings.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let date = match words.as_slice() {
        [_, day, month, year, time, "GMT"] | [_, month, day, time, year] => {
            DateTime::parse_from_rfc2822(&format!("{day} {month} {year} {time} GMT"))
        }
        _ => DateTime::parse_from_rfc2822(text),
    };
    Some(date.ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_longer_requested_wait_wins() {
        let now = DateTime::parse_from_rfc3339("2026-12-01T10:00:00.5Z").unwrap().to_utc();
        for (status, retry_after, reset, expected) in [
            (429, None, None, None),
            (429, Some("7"), None, Some(7)),
            (429, None, Some("60"), Some(60)),
            (429, Some("7"), Some("60"), Some(60)),
            (429, Some("90"), Some("60"), Some(90)),
            (429, Some("Tue, 01 Dec 2026 10:00:30 GMT"), None, Some(30)),
            (429, Some("Tue, 01 Dec 2026 09:00:00 GMT"), None, Some(0)),
            (429, Some("soon"), Some("-1"), None),
            (429, Some("+7"), Some("+9"), None),
            (429, Some("999999999999"), None, Some(86_400)),
            (429, Some("99999999999999999999"), None, Some(86_400)),
            // Every response has a reset.
            (503, None, Some("60"), None),
            (503, Some("2"), Some("60"), Some(2)),
        ] {
            let values = [(RETRY_AFTER, retry_after), (HeaderName::from_static("x-ratelimit-reset"), reset)];
            let headers =
                values.into_iter().filter_map(|(name, value)| Some((name, value?.parse().unwrap())));
            let status = StatusCode::from_u16(status).unwrap();
            let wait = requested_wait(status, &headers.collect(), now).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{status} {retry_after:?} {reset:?}");
        }
    }

    #[test]
    fn only_objects_are_error_bodies() {
        for (body, title, details) in [
            (r#" {"title":"t","message":5,"details":[1.0]}"#, json!("t"), Some("[1.0]")),
            (r#"{"title":{"a":1},"more":null}"#, json!({"a": 1}), None),
            (r#"["t","m",[1]]"#, Value::Null, None),
            ("<html>", Value::Null, None),
            ("", Value::Null, None),
        ] {
            let parsed = ErrorBody::parse(body.as_bytes());
            assert_eq!(
                (parsed.title, parsed.details.as_ref().map(|details| details.get())),
                (title, details),
                "{body}"
            );
        }
    }

    /// RFC 9110, section 5.6.7: a recipient accepts the two obsolete forms too.
    #[test]
    fn every_form_of_an_http_date() {
        let expected = DateTime::parse_from_rfc3339("2026-12-01T10:00:30Z").unwrap().to_utc();
        for date in [
            "Tue, 01 Dec 2026 10:00:30 GMT",
            "Tuesday, 01-Dec-26 10:00:30 GMT",
            "Tue Dec  1 10:00:30 2026",
            "Tue, 01 Dec 2026 10:00:30 +0000",
        ] {
            assert_eq!(http_date(date), Some(expected), "{date}");
        }
        for bad in ["", "soon", "2026-12-01T10:00:30Z", "Tue, 31 Nov 2026 10:00:30 GMT", "-1", "1.5"] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }
}
