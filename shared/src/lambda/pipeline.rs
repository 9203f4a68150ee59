//! The pipeline of one invocation: event → authenticate → parameters → PAT → Calendly → answer → log line.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::FutureExt;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    cache_control::is_no_cache,
    deadline::Deadline,
    event::Event,
    function::{Answer, Function},
    gateway,
    init::Services,
    response::{BodyFormat, failure, success},
    runtime_api::{FunctionError, Invocation},
    warm_up::{self, WarmUp},
};
use crate::{
    Error, Query,
    calendly::Calendly,
    http::with_trace_id,
    telemetry::{self, EventOutcome, InvocationOutcome, RequestMetrics, Stage},
};

/// A function and the services that it uses.
pub(super) struct Pipeline<F> {
    function: F,
    services: Services,
    is_cold: AtomicBool,
}

impl<F: Function> Pipeline<F> {
    pub(super) fn new(function: F, services: Services) -> Self {
        Self { function, services, is_cold: AtomicBool::new(starts_on_demand()) }
    }

    /// Answers an invocation: the payload of the answer, or a function error.
    pub(super) async fn handle(&self, invocation: &Invocation) -> Result<Vec<u8>, FunctionError> {
        with_trace_id(invocation.xray_trace_id.as_deref(), self.answer_invocation(invocation)).await
    }

    async fn answer_invocation(&self, invocation: &Invocation) -> Result<Vec<u8>, FunctionError> {
        let started = Instant::now();
        let Invocation { request_id, xray_trace_id, deadline_ms, .. } = invocation;
        let cold_start = self.is_cold.swap(false, Ordering::Relaxed);
        let deadline = Deadline::from_epoch_millis(*deadline_ms);
        let metrics = RequestMetrics::default();
        let log = |event| {
            telemetry::log_invocation(
                &metrics,
                &InvocationOutcome {
                    function: F::NAME,
                    request_id,
                    xray_trace_id: xray_trace_id.as_deref(),
                    cold_start,
                    duration: started.elapsed(),
                    event,
                },
            );
        };
        match Event::parse(&invocation.event) {
            Event::Request(request) => {
                let (response, error) = self.respond(&request, request_id, deadline, &metrics).await;
                let status = response.status().as_u16();
                let answer = gateway::answer(request.request_context_ref(), response).await;
                let payload = payload(&answer);
                log(EventOutcome::Request { status, error: error.as_ref() });
                payload
            }
            Event::WarmUp { is_one_of_several } => {
                // Boxed, as are requests: the large future is not moved with each invocation.
                let prepare = Box::pin(WarmUp::prepare(&self.services, cold_start, deadline, &metrics));
                let warm_up =
                    if is_one_of_several { warm_up::keep_busy(prepare).await } else { prepare.await };
                log(EventOutcome::WarmUp { unprepared: &warm_up.unprepared });
                payload(&warm_up)
            }
            Event::Unknown(problem) => {
                log(EventOutcome::Unknown { problem: &problem });
                Err(FunctionError { error_type: "UnknownEvent", error_message: problem })
            }
        }
    }

    /// The response to a request, and the error that it reports, if any.
    async fn respond(
        &self,
        request: &Request,
        request_id: &str,
        deadline: Deadline,
        metrics: &RequestMetrics,
    ) -> (Response<Body>, Option<Error>) {
        let answer =
            within_deadline(Box::pin(self.answer(request, deadline, metrics)), deadline, metrics).await;
        let format = BodyFormat::new(request, deadline);
        let response = answer.and_then(|answer| {
            if let Some(age) = answer.age {
                metrics.add("AnswerAge", "Seconds", age.as_secs_f64());
            }
            success(answer, format, request_id)
        });
        match response {
            Ok(response) => (response, None),
            Err(error) => (failure(&error, format, request_id), Some(error)),
        }
    }

    async fn answer(
        &self,
        request: &Request,
        deadline: Deadline,
        metrics: &RequestMetrics,
    ) -> Result<Answer, Error> {
        let Services { authenticator, pat_provider, caller_hash, .. } = &self.services;
        let caller = authenticator.authenticate(request.headers(), metrics).await?;
        if let Some(hash) = caller_hash.as_ref().and_then(|hash| hash.hash(caller.text_claim("sub")?)) {
            metrics.caller(hash);
        }
        let query = Query::from_request(request);
        query.check_names(F::PARAMETERS)?;
        let parameters = self.function.parameters(&query)?;
        let claim = |name: &str| caller.text_claim(name);
        let pat = pat_provider.get(claim, metrics).await?;
        let no_cache = is_no_cache(request.headers());
        let with = |pat| Calendly::new(&self.services.calendly, pat, deadline, no_cache, metrics);

        let result = match self.function.answer(&parameters, &with(pat.clone())).await {
            // The PAT may have been rotated. A newer one may belong to another user, so the answer starts over.
            Err(error) if error.is_pat_refused() => match pat_provider.refresh(claim, &pat, metrics).await? {
                Some(newer) => self.function.answer(&parameters, &with(newer)).await,
                None => Err(error),
            },
            result => result,
        };
        metrics.enter(Stage::Answer);
        result
    }
}

fn payload(answer: &impl Serialize) -> Result<Vec<u8>, FunctionError> {
    serde_json::to_vec(answer).map_err(|_| FunctionError {
        error_type: "Serialization",
        error_message: "the answer could not be serialized".to_owned(),
    })
}

/// Whether a caller waits while the environment starts. With provisioned concurrency, and on managed instances, Lambda
/// starts environments ahead of requests.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
fn starts_on_demand() -> bool {
    let initialization = std::env::var("AWS_LAMBDA_INITIALIZATION_TYPE").unwrap_or_default();
    !matches!(initialization.as_str(), "provisioned-concurrency" | "lambda-managed-instances")
}

/// Runs `answer` until the deadline. A panic becomes an error.
async fn within_deadline(
    answer: impl Future<Output = Result<Answer, Error>>,
    deadline: Deadline,
    metrics: &RequestMetrics,
) -> Result<Answer, Error> {
    match tokio::time::timeout_at(deadline.instant(), AssertUnwindSafe(answer).catch_unwind()).await {
        // A future that never yields cannot time out, so the deadline is checked again.
        Ok(Ok(Ok(_))) | Err(_) if deadline.time_left().is_zero() => {
            Err(Error::DeadlineExceeded { during: metrics.stage() })
        }
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => {
            Err(Error::Internal { reason: "the code panicked: another line of this request says where" })
        }
        Err(_) => Err(Error::DeadlineExceeded { during: metrics.stage() }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_an_internal_error() {
        let panics = async { panic!("on purpose") };
        assert_eq!(
            within_deadline(panics, Deadline::within(Duration::from_secs(1)), &RequestMetrics::default())
                .await
                .unwrap_err()
                .code(),
            "internal_error"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_canceled_at_the_deadline() {
        let deadline = Deadline::within(Duration::from_secs(1));
        let slow = async {
            tokio::time::sleep(Duration::from_millis(1_001)).await;
            Ok("late".to_owned().into())
        };
        assert_eq!(
            within_deadline(slow, deadline, &RequestMetrics::default()).await.unwrap_err().code(),
            "deadline_exceeded"
        );
        assert_eq!(deadline.time_left(), Duration::ZERO);
    }

    /// A future that is ready at once cannot time out.
    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_discarded() {
        let answer = async || Ok("late".to_owned().into());
        let metrics = RequestMetrics::default();
        let past = Deadline::within(Duration::ZERO);
        assert_eq!(within_deadline(answer(), past, &metrics).await.unwrap_err().code(), "deadline_exceeded");
        let ahead = Deadline::within(Duration::from_millis(1));
        assert!(within_deadline(answer(), ahead, &metrics).await.is_ok());
    }
}
