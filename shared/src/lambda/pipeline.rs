//! One invocation: event → authenticate → parameters → PAT → Calendly → answer → log line.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::FutureExt;
use lambda_http::{Body, Request, RequestExt, Response};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    cache_control::wants_fresh,
    deadline::Deadline,
    response::{Payload, accepts_gzip, failure, success},
};
use super::{
    event::Event,
    function::{Answer, Function},
    gateway,
    init::Services,
    warm_up::{self, WarmUp},
};
use crate::{
    Error, Query,
    calendly::Calendly,
    telemetry::{self, Ending, RequestMetrics, Stage},
};

/// A function and all that it needs.
pub(super) struct Pipeline<F> {
    function: F,
    services: Services,
    is_cold: AtomicBool,
}

/// What an invocation answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Outcome<R> {
    Response(R),
    WarmUp(WarmUp),
}

/// An event that is neither a request nor a warm-up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UnknownEvent(String);

impl From<UnknownEvent> for Diagnostic {
    fn from(UnknownEvent(error_message): UnknownEvent) -> Self {
        Self { error_type: "UnknownEvent".to_owned(), error_message }
    }
}

impl<F: Function> Pipeline<F> {
    pub(super) fn new(function: F, services: Services) -> Self {
        Self { function, services, is_cold: AtomicBool::new(callers_wait_for_a_start()) }
    }

    pub(super) async fn handle(
        &self,
        LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>,
    ) -> Result<Outcome<impl Serialize + use<F>>, UnknownEvent> {
        let request_id = context.request_id.clone();
        telemetry::about_request(&request_id, self.invocation(&payload, context)).await
    }

    async fn invocation(
        &self,
        event: &RawValue,
        context: Context,
    ) -> Result<Outcome<impl Serialize + use<F>>, UnknownEvent> {
        let started = Instant::now();
        let cold_start = self.is_cold.swap(false, Ordering::Relaxed);
        let deadline = Deadline::of_invocation(context.deadline);
        let metrics = RequestMetrics::default();
        let end = |context: &Context, event| {
            telemetry::end(
                &metrics,
                &Ending {
                    function: F::NAME,
                    request_id: &context.request_id,
                    xray_trace_id: context.xray_trace_id.as_deref(),
                    cold_start,
                    duration: started.elapsed(),
                    event,
                },
            );
        };
        match Event::parse(event.get()) {
            Event::Request(request) => {
                let request = request.with_lambda_context(context);
                let (response, error) = self.respond(&request, deadline, &metrics).await;
                let status = response.status().as_u16();
                let answer = gateway::answer(request.request_context_ref(), response).await;
                end(
                    request.lambda_context_ref().unwrap_or(&Context::default()),
                    telemetry::Event::Request { status, error: error.as_ref() },
                );
                Ok(Outcome::Response(answer))
            }
            Event::WarmUp { is_one_of_several } => {
                // Boxed, like the answer to a request: what is large is not to be moved about with each invocation.
                let prepare = Box::pin(WarmUp::prepare(&self.services, cold_start, deadline, &metrics));
                let warm_up = if is_one_of_several { warm_up::held(prepare).await } else { prepare.await };
                end(&context, telemetry::Event::WarmUp { unprepared: &warm_up.unprepared });
                Ok(Outcome::WarmUp(warm_up))
            }
            Event::Unknown(problem) => {
                end(&context, telemetry::Event::Unknown { problem: &problem });
                Err(UnknownEvent(problem))
            }
        }
    }

    /// The response to a request, and why it is a problem if it is one.
    async fn respond(
        &self,
        request: &Request,
        deadline: Deadline,
        metrics: &RequestMetrics,
    ) -> (Response<Body>, Option<Error>) {
        let request_id = request.lambda_context_ref().map_or("", |context| &context.request_id);
        let answer = guarded(Box::pin(self.answer(request, deadline, metrics)), deadline, metrics).await;
        let payload = answer.and_then(|Answer { json, age }| {
            if let Some(age) = age {
                metrics.add("AnswerAge", "Seconds", age.as_secs_f64());
            }
            Ok((Payload::new(json, accepts_gzip(request.headers()), deadline)?, age))
        });
        match payload {
            Ok((payload, age)) => (success(payload, age, request_id), None),
            Err(error) => (failure(&error, request_id), Some(error)),
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
        if let Some(hash) = caller_hash.as_ref().and_then(|hash| hash.of(caller.text_claim("sub")?)) {
            metrics.caller(hash);
        }
        let parameters = self.function.parameters(&Query::of(request))?;
        let claim = |name: &str| caller.text_claim(name);
        let pat = pat_provider.get(claim, metrics).await?;
        let wants_fresh = wants_fresh(request.headers());
        let with = |pat| Calendly::new(&self.services.calendly, pat, deadline, wants_fresh, metrics);

        let result = match self.function.answer(&parameters, &with(pat.clone())).await {
            // The PAT may have been rotated since it was read. A newer one may be another user's, so the
            // answer is made from the start.
            Err(error) if error.is_pat_refused() => match pat_provider.renew(claim, &pat, metrics).await? {
                Some(newer) => self.function.answer(&parameters, &with(newer)).await,
                None => Err(error),
            },
            result => result,
        };
        metrics.enter(Stage::Answer);
        result
    }
}

/// Whether somebody waits while an environment starts. Under provisioned concurrency, and on managed instances,
/// Lambda starts environments ahead of requests.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
fn callers_wait_for_a_start() -> bool {
    let kind = std::env::var("AWS_LAMBDA_INITIALIZATION_TYPE").unwrap_or_default();
    !matches!(kind.as_str(), "provisioned-concurrency" | "lambda-managed-instances")
}

/// The answer within the deadline; a panic becomes an error like any other.
async fn guarded(
    answer: impl Future<Output = Result<Answer, Error>>,
    deadline: Deadline,
    metrics: &RequestMetrics,
) -> Result<Answer, Error> {
    match tokio::time::timeout_at(deadline.instant(), AssertUnwindSafe(answer).catch_unwind()).await {
        // Work that waits for nobody is not cut off, and may have ended late.
        Ok(Ok(Ok(_))) | Err(_) if deadline.time_left().is_zero() => {
            Err(Error::DeadlineExceeded { during: metrics.during() })
        }
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(Error::Internal { reason: "the code panicked: another line tells where" }),
        Err(_) => Err(Error::DeadlineExceeded { during: metrics.during() }),
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
            guarded(panics, Deadline::within(Duration::from_secs(1)), &RequestMetrics::default())
                .await
                .unwrap_err()
                .code(),
            "internal_error"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_cut_off() {
        let deadline = Deadline::within(Duration::from_secs(1));
        let slow = async {
            tokio::time::sleep(Duration::from_millis(1_001)).await;
            Ok("late".to_owned().into())
        };
        assert_eq!(
            guarded(slow, deadline, &RequestMetrics::default()).await.unwrap_err().code(),
            "deadline_exceeded"
        );
        assert_eq!(deadline.time_left(), Duration::ZERO);
    }

    /// One that is there at once is never cut off, so that its lateness has to be seen afterwards.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_too_late_is_none() {
        let answer = async || Ok("late".to_owned().into());
        let metrics = RequestMetrics::default();
        let past = Deadline::within(Duration::ZERO);
        assert_eq!(guarded(answer(), past, &metrics).await.unwrap_err().code(), "deadline_exceeded");
        let ahead = Deadline::within(Duration::from_millis(1));
        assert!(guarded(answer(), ahead, &metrics).await.is_ok());
    }
}
