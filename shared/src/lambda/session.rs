//! What a function can do for a request: authenticate the caller, and call Calendly with the caller's PAT.

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use lambda_http::http::HeaderMap;

use super::{cache_control::is_no_cache, init::Services, response};
use crate::{
    Error,
    auth::Caller,
    calendly::{CacheMode, Calendly},
    lambda::deadline::Deadline,
    telemetry::{RequestMetrics, Stage},
};

/// One request, with the services, the deadline and the metrics of its invocation.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    pub(super) services: &'a Services,
    pub(super) headers: &'a HeaderMap,
    pub(super) request_id: &'a str,
    pub(super) deadline: Deadline,
    pub(super) metrics: &'a RequestMetrics,
}

/// A request whose caller is known.
#[derive(Debug)]
pub struct CallerSession<'a> {
    session: Session<'a>,
    caller: Caller,
}

/// Work that calls Calendly.
pub trait CalendlyCall: Sync {
    /// The result.
    type Output: Send;

    /// Does the work. Called again if Calendly refuses the PAT and Secrets Manager has a newer one.
    ///
    /// # Errors
    ///
    /// The errors of the calls to Calendly, and those of the work itself.
    fn run(&self, calendly: &Calendly<'_>) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

impl<'a> Session<'a> {
    /// Validates the token of the request.
    ///
    /// # Errors
    ///
    /// [`Error::Token`], [`Error::KeysUnavailable`].
    pub async fn authenticate(&self) -> Result<CallerSession<'a>, Error> {
        let Services { authenticator, caller_hash, .. } = self.services;
        let caller = authenticator.authenticate(self.headers, self.metrics).await?;
        if let Some(hash) = caller_hash.as_ref().and_then(|hash| hash.hash(caller.text_claim("sub")?)) {
            self.metrics.caller(hash);
        }
        Ok(CallerSession { session: *self, caller })
    }

    /// Runs `work` until the deadline. A panic becomes an error.
    ///
    /// # Errors
    ///
    /// The errors of `work`, [`Error::DeadlineExceeded`] and [`Error::Internal`].
    pub async fn within_deadline<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        within_deadline(work, self.deadline, self.metrics, |_| true).await
    }

    /// The problem of an error, as JSON.
    #[must_use]
    pub fn problem(&self, error: &Error) -> String {
        response::problem(error, self.request_id)
    }

    /// Adds a member to the log line that ends the request.
    pub fn log(&self, name: &'static str, value: &'static str) {
        self.metrics.log(name, value);
    }
}

impl CallerSession<'_> {
    /// Runs `call` with the caller's PAT.
    ///
    /// # Errors
    ///
    /// [`Error::PatMissing`], [`Error::SecretsUnavailable`], and the errors of `call`.
    pub async fn call<C: CalendlyCall>(&self, call: &C) -> Result<C::Output, Error> {
        let Session { services, headers, deadline, metrics, .. } = self.session;
        let pat_provider = &services.pat_provider;
        let claim = |name: &str| self.caller.text_claim(name);
        let pat = pat_provider.get(claim, metrics).await?;
        let cache = if is_no_cache(headers) { CacheMode::Bypass } else { CacheMode::Use };
        let with = |pat| Calendly::new(&services.calendly, pat, deadline, cache, metrics);

        let result = match call.run(&with(pat.clone())).await {
            // The PAT may have been rotated. A newer one may belong to another user, so the answer starts over.
            Err(error) if error.is_pat_refused() => match pat_provider.refresh(claim, &pat, metrics).await? {
                Some(newer) => call.run(&with(newer)).await,
                None => Err(error),
            },
            result => result,
        };
        metrics.enter(Stage::Answer);
        result
    }
}

/// Runs `work` until the deadline. A panic becomes an error, and so does a late result for which `expires` returns
/// true.
pub(super) async fn within_deadline<T>(
    work: impl Future<Output = Result<T, Error>>,
    deadline: Deadline,
    metrics: &RequestMetrics,
    expires: impl Fn(&T) -> bool,
) -> Result<T, Error> {
    let exceeded = || Err(Error::DeadlineExceeded { during: metrics.activity() });
    match tokio::time::timeout_at(deadline.instant(), AssertUnwindSafe(work).catch_unwind()).await {
        // A future that never yields cannot time out, so the deadline is checked again.
        Ok(Ok(Ok(result))) if expires(&result) && deadline.time_left().is_zero() => exceeded(),
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => {
            Err(Error::Internal { reason: "the code panicked: another ERROR line says where" })
        }
        Err(_) => exceeded(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The answer, or the code of the error.
    async fn run(
        work: impl Future<Output = Result<&'static str, Error>>,
        limit_ms: u64,
        expires: bool,
    ) -> &'static str {
        let deadline = Deadline::within(Duration::from_millis(limit_ms));
        let result = within_deadline(work, deadline, &RequestMetrics::default(), |_| expires).await;
        result.unwrap_or_else(|error| error.code())
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_canceled_at_the_deadline() {
        let metrics = RequestMetrics::default();
        let slow = async {
            metrics.enter(Stage::Calendly);
            tokio::time::sleep(Duration::from_millis(1_001)).await;
            Ok("late")
        };
        let deadline = Deadline::within(Duration::from_secs(1));
        let error = within_deadline(slow, deadline, &metrics, |_| true).await.unwrap_err();
        assert_eq!(error.code(), "deadline_exceeded");
        assert_eq!(error.reason(), "time ran out while calling Calendly.");
    }

    /// A future that is ready at once cannot time out.
    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_discarded() {
        for (limit_ms, expires, expected) in
            [(0, true, "deadline_exceeded"), (1, true, "ready"), (0, false, "ready")]
        {
            assert_eq!(run(async { Ok("ready") }, limit_ms, expires).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_an_internal_error() {
        assert_eq!(run(async { panic!("on purpose") }, 1_000, true).await, "internal_error");
    }
}
