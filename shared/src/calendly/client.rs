//! One call to Calendly: the request, its tries, and the answer's body.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_http::http::StatusCode;
use reqwest::{
    Response,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};

use super::retry::{Failure, wait_before_next_try};
use crate::{
    Error,
    config::CalendlyConfig,
    error::{CalendlyError, status_text},
    http::{BodyError, ByteBudget, HttpClient, Tls, body, failure_reason},
    lambda::deadline::Deadline,
    pat::LoadedPat,
    telemetry::{RequestMetrics, Stage},
};

/// The largest error body of which something is passed on.
const LARGEST_ERROR: usize = 64 * 1024;

/// What a 429 without a wait asks for: Calendly counts by the minute.
const RATE_LIMIT_WINDOW: Duration = Duration::from_secs(60);

/// Waits that a header names are believed up to here.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Calls Calendly.
#[derive(Debug)]
pub(crate) struct CalendlyClient {
    connections: HttpClient,
    base_url: String,
    timeout: Duration,
    max_retries: u32,
}

/// What the calls of one request have in common.
#[derive(Debug)]
pub(super) struct CallContext<'a> {
    pub(super) pat: &'a LoadedPat,
    pub(super) deadline: Deadline,
    pub(super) metrics: &'a RequestMetrics,
    /// How much may be read in all.
    pub(super) byte_budget: &'a ByteBudget,
}

/// What is called: for the log without an id that it may have, and as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) pattern: &'static str,
    pub(super) path: &'a str,
}

/// The parameters of a call.
pub(super) type Query = Vec<(&'static str, String)>;

/// A try that failed, and the error that it leaves if it was the last.
struct FailedTry {
    failure: Failure,
    error: Error,
}

impl From<&'static str> for Path<'_> {
    fn from(path: &'static str) -> Self {
        Self { pattern: path, path }
    }
}

impl CalendlyClient {
    /// # Errors
    ///
    /// A sentence, if there can be no HTTP client.
    pub(crate) fn new(config: CalendlyConfig, tls: &Tls) -> Result<Self, String> {
        let CalendlyConfig { base_url, timeout, max_retries } = config;
        Ok(Self { connections: HttpClient::new(tls)?, base_url, timeout, max_retries })
    }

    /// Sees to it that the first call finds an open connection, and sends nothing over it.
    ///
    /// # Errors
    ///
    /// A sentence that says why Calendly cannot be reached.
    pub(crate) async fn connect(&self) -> Result<(), String> {
        self.connections.preconnect(&self.base_url).await
    }

    /// The body of Calendly's 200 answer to `GET path?query`. The query is made afresh for each try, since time
    /// goes by between them.
    ///
    /// # Errors
    ///
    /// [`Error::Calendly`] for an error status, [`Error::CalendlyUnreachable`] if there was no answer,
    /// [`Error::CalendlyInvalidResponse`] for any other answer, each after as many tries as are allowed;
    /// [`Error::AnswerTooLarge`]; and what `query` returns.
    pub(super) async fn get(
        &self,
        path: Path<'_>,
        query: &(dyn Fn() -> Result<Query, Error> + Sync),
        context: &CallContext<'_>,
    ) -> Result<String, Error> {
        let CallContext { metrics, deadline, .. } = *context;
        let mut tries = 0;
        loop {
            let query = query()?;
            metrics.enter(Stage::Calendly);
            let mut call = Call { metrics, started: Instant::now(), is_retry: tries > 0, failed: true };
            let result = match timeout(self.timeout, Box::pin(self.attempt(path, &query, context))).await {
                Ok(result) => result,
                Err(_) => Err(FailedTry::connection("it did not answer in time", path)),
            };
            call.failed = result.is_err();
            drop(call);
            tries += 1;
            let FailedTry { failure, error } = match result {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            let wait =
                wait_before_next_try(failure, tries, self.max_retries, deadline.time_left(), fastrand::f64());
            match wait {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    async fn attempt(
        &self,
        path: Path<'_>,
        query: &Query,
        CallContext { pat, metrics, byte_budget, .. }: &CallContext<'_>,
    ) -> Result<String, FailedTry> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", pat.pat().expose()))
            .map_err(|_| FailedTry::last(Error::Internal { reason: "the PAT makes no header" }))?;
        authorization.set_sensitive(true);
        let request = self
            .connections
            .get(&format!("{}{}", self.base_url, path.path))
            .query(query)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, authorization);
        let response = self
            .connections
            .send(request)
            .await
            .map_err(|error| FailedTry::connection(failure_reason(&error), path))?;
        if let Some(remaining) = whole_number(response.headers(), "x-ratelimit-remaining") {
            metrics.rate_limit_remaining(u32::try_from(remaining).unwrap_or(u32::MAX));
            if let Some(limit) = whole_number(response.headers(), "x-ratelimit-limit") {
                let reset = whole_number(response.headers(), "x-ratelimit-reset").map(Duration::from_secs);
                pat.rate_limit.learn(
                    remaining,
                    limit,
                    reset.map_or(RATE_LIMIT_WINDOW, |reset| reset.min(RATE_LIMIT_WINDOW)),
                );
            }
        }
        match response.status() {
            StatusCode::OK => whole_body(response, byte_budget).await,
            status if status.is_client_error() || status.is_server_error() => {
                let failed = error_answer(response, path).await;
                if let (StatusCode::TOO_MANY_REQUESTS, Error::Calendly(error)) = (status, &failed.error) {
                    let wait = error.retry_after.unwrap_or(RATE_LIMIT_WINDOW).min(RATE_LIMIT_WINDOW);
                    pat.rate_limit.learn(0, 1, wait);
                }
                Err(failed)
            }
            status => Err(FailedTry::last(Error::CalendlyInvalidResponse(format!(
                "it has the status {}",
                status_text(status)
            )))),
        }
    }
}

/// A call that is under way. It is noted when it ends, also where it is given up: by the deadline, or
/// because another call of the same request failed.
struct Call<'a> {
    metrics: &'a RequestMetrics,
    started: Instant,
    is_retry: bool,
    failed: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.metrics.calendly_call(self.started.elapsed(), self.is_retry, self.failed);
    }
}

impl FailedTry {
    /// One without an answer.
    fn connection(what: &'static str, path: Path<'_>) -> Self {
        let error = Error::CalendlyUnreachable { what, path: path.pattern };
        Self { failure: Failure::Connection, error }
    }

    /// One that is not tried again, whatever else.
    fn last(error: Error) -> Self {
        Self { failure: Failure::Status { status: 0, wait: None }, error }
    }
}

async fn whole_body(response: Response, byte_budget: &ByteBudget) -> Result<String, FailedTry> {
    let body = body(response, byte_budget).await.map_err(|error| match error {
        BodyError::Truncated => FailedTry {
            failure: Failure::Connection,
            error: Error::CalendlyInvalidResponse("it broke off".to_owned()),
        },
        BodyError::TooLarge => FailedTry::last(Error::AnswerTooLarge {
            reason: "Calendly's answers have more than 32 MiB in all",
        }),
    })?;
    // Once for the whole, so that no part needs it again.
    String::from_utf8(body)
        .map_err(|_| FailedTry::last(Error::CalendlyInvalidResponse("it is not UTF-8".to_owned())))
}

/// The members of Calendly's error body that are passed on. In front of Calendly stands a content delivery
/// network, so the body may be anything; what is not JSON is left out.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    title: Option<Text>,
    #[serde(default)]
    message: Option<Text>,
    #[serde(default)]
    details: Option<Box<RawValue>>,
}

/// A string; anything else is passed over.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Text {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

async fn error_answer(response: Response, path: Path<'_>) -> FailedTry {
    let status = response.status();
    let asked_wait = asked_wait(status, response.headers(), Utc::now());
    let body = body(response, &ByteBudget::new(LARGEST_ERROR)).await.unwrap_or_default();
    let ErrorBody { title, message, details } = serde_json::from_slice(&body).unwrap_or_default();
    let is_rate_limit = status == StatusCode::TOO_MANY_REQUESTS;
    FailedTry {
        failure: Failure::Status { status: status.as_u16(), wait: asked_wait },
        error: Error::Calendly(Box::new(CalendlyError {
            status,
            title: title.and_then(Text::text),
            message: message.and_then(Text::text),
            details: details.filter(|details| details.get().starts_with('[')),
            retry_after: asked_wait.or(is_rate_limit.then_some(RATE_LIMIT_WINDOW)),
            path: path.pattern,
        })),
    }
}

/// How long Calendly asks to wait: `Retry-After` (RFC 9110, section 10.2.3: seconds or a date) and, over the
/// rate limit, `X-RateLimit-Reset` (seconds), the longer if they disagree. Every answer carries the latter;
/// only with a 429 does it mean that one should wait.
fn asked_wait(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| {
        let text = value.to_str().ok()?.trim();
        match text.parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => {
                let wait = DateTime::parse_from_rfc2822(text).ok()?.signed_duration_since(now);
                // Rounded up, so as not to come back within the last second.
                let milliseconds = u64::try_from(wait.num_milliseconds()).unwrap_or_default();
                Some(Duration::from_secs(milliseconds.div_ceil(1_000)))
            }
        }
    });
    let reset = whole_number(headers, "x-ratelimit-reset")
        .filter(|_| status == StatusCode::TOO_MANY_REQUESTS)
        .map(Duration::from_secs);
    retry_after.max(reset).map(|wait| wait.min(LONGEST_WAIT))
}

fn whole_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_two_waits_rules() {
        let now = DateTime::parse_from_rfc3339("2026-12-01T10:00:00.5Z").unwrap().to_utc();
        let wait_after = |status: u16, retry_after: &str, reset: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("retry-after", retry_after), ("x-ratelimit-reset", reset)] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            asked_wait(StatusCode::from_u16(status).unwrap(), &headers, now).map(|wait| wait.as_secs())
        };
        let wait = |retry_after: &str, reset: &str| wait_after(429, retry_after, reset);
        assert_eq!(wait("", ""), None);
        assert_eq!(wait("7", ""), Some(7));
        assert_eq!(wait("", "60"), Some(60));
        assert_eq!(wait("7", "60"), Some(60));
        assert_eq!(wait("90", "60"), Some(90));
        assert_eq!(wait("Tue, 01 Dec 2026 10:00:30 GMT", ""), Some(30));
        assert_eq!(wait("Tue, 01 Dec 2026 09:00:00 GMT", ""), Some(0));
        assert_eq!(wait("soon", "-1"), None);
        assert_eq!(wait("7200", ""), Some(7_200));
        assert_eq!(wait("999999999999", ""), Some(86_400));
        assert_eq!(wait_after(503, "", "60"), None, "every answer has a reset");
        assert_eq!(wait_after(503, "2", "60"), Some(2));
    }
}
