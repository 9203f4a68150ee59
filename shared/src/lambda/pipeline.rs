//! The pipeline of one invocation: event → authenticate → parameters → PAT → Calendly → answer → log line.

use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::{Body, Response};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    event::Event,
    gateway,
    http_function::{HttpAnswer, HttpFunction},
    http_request::HttpRequest,
    init::Services,
    response::{BodyFormat, failure, success},
    runtime_api::{FunctionError, Invocation},
    session::{Session, within_deadline},
    warm_up::{MIN_DURATION, WarmUp},
};
use crate::{
    Error,
    http::with_trace_id,
    lambda::deadline::Deadline,
    telemetry::{self, EventOutcome, InvocationOutcome, RequestMetrics},
};

/// A function and the services that it uses.
pub(super) struct Pipeline<F> {
    function: F,
    services: Services,
    is_cold: AtomicBool,
}

impl<F: HttpFunction> Pipeline<F> {
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
        match Event::parse(&invocation.event, F::MAX_BODY_BYTES) {
            Event::Request(request) => {
                let (response, error) = self.respond(&request, request_id, deadline, &metrics).await;
                let status = response.status().as_u16();
                let answer = gateway::answer(request.gateway, response).await;
                let payload = payload(&answer);
                log(EventOutcome::Request { status, error: error.as_ref() });
                payload
            }
            Event::WarmUp { is_concurrent } => {
                // Boxed, as are requests: the large future is not moved with each invocation.
                let prepare = Box::pin(WarmUp::prepare(&self.services, cold_start, deadline, &metrics));
                let warm_up = if is_concurrent {
                    tokio::join!(prepare, tokio::time::sleep(MIN_DURATION)).0
                } else {
                    prepare.await
                };
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
        request: &HttpRequest,
        request_id: &str,
        deadline: Deadline,
        metrics: &RequestMetrics,
    ) -> (Response<Body>, Option<Error>) {
        let session =
            Session { services: &self.services, headers: &request.headers, request_id, deadline, metrics };
        let work = Box::pin(self.function.respond(request, &session));
        // An answer that reports an error may already report the missed deadline.
        let expires = |answer: &HttpAnswer| answer.error.is_none();
        let answer = within_deadline(work, deadline, metrics, expires).await;
        let format = BodyFormat::new(request.gateway, &request.headers, deadline);
        let response = answer.and_then(|answer| {
            if let Some(age) = answer.age {
                metrics.add("AnswerAge", "Seconds", age.as_secs_f64());
            }
            let error = answer.error.clone();
            Ok((success(answer, format, request_id)?, error))
        });
        response.unwrap_or_else(|error| {
            let challenge_parameters = match error {
                Error::Token(_) => self.function.challenge_parameters(request),
                _ => Vec::new(),
            };
            (failure(&error, &challenge_parameters, format, request_id), Some(error))
        })
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
