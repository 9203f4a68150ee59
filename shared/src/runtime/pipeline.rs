//! One invocation: event → authenticate → parameters → PAT → Calendly → answer → log line.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::FutureExt;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    Function,
    event::{Event, Request},
    init::Services,
    warm_up::{self, WarmUp},
};
use crate::{
    Error,
    calendly::Calendly,
    deadline::Deadline,
    response::{GatewayResponse, Payload, failure, success},
    telemetry::{self, Ending, Record, What},
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
pub(super) enum Outcome {
    Response(Box<GatewayResponse>),
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
        Self { function, services, is_cold: AtomicBool::new(true) }
    }

    pub(super) async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Outcome, UnknownEvent> {
        let started = Instant::now();
        let cold_start = self.is_cold.swap(false, Ordering::Relaxed);
        let LambdaEvent { payload, context } = event;
        let deadline = Deadline::of_invocation(context.deadline);
        let record = Record::default();
        let end = |what| {
            telemetry::end(&record, &ending::<F>(&context, cold_start, started, what));
        };
        match Event::parse(payload.get()) {
            Event::Request(request) => {
                let result = guarded(self.answer(&request, deadline, &record), deadline).await;
                let payload = result.and_then(|json| Payload::new(json, request.accepts_gzip));
                let (response, error) = match payload {
                    Ok(payload) => (success(payload, request.gateway, &context.request_id), None),
                    Err(error) => (failure(&error, request.gateway, &context.request_id), Some(error)),
                };
                end(What::Request {
                    status: error.as_ref().map_or(200, |error| error.status().as_u16()),
                    code: error.as_ref().map(Error::code),
                    parameter: error.as_ref().and_then(Error::parameter),
                });
                Ok(Outcome::Response(Box::new(response)))
            }
            Event::WarmUp { is_one_of_several } => {
                let prepare = WarmUp::prepare(&self.services, cold_start, deadline, &record);
                let warm_up = if is_one_of_several { warm_up::held(prepare).await } else { prepare.await };
                end(What::WarmUp { unprepared: &warm_up.unprepared });
                Ok(Outcome::WarmUp(warm_up))
            }
            Event::Unknown(problem) => {
                end(What::UnknownEvent { problem: &problem });
                Err(UnknownEvent(problem))
            }
        }
    }

    async fn answer(&self, request: &Request, deadline: Deadline, record: &Record) -> Result<String, Error> {
        let Services { authenticator, pats, calendly } = &self.services;
        let authorization: Vec<&str> = request.authorization.iter().map(String::as_str).collect();
        let caller = authenticator.authenticate(&authorization, record).await?;
        let parameters = self.function.parameters(&request.query)?;
        let pat = pats.of(&caller, record).await?;
        let with = |pat| Calendly::new(calendly, pat, pats.max_age(), deadline, record);

        match self.function.answer(&parameters, &with(pat.clone())).await {
            // The PAT may have been rotated since it was read. A newer one may be another user's, so the
            // answer is made from the start.
            Err(error) if error.is_pat_refused() => match pats.reread(&caller, &pat).await? {
                Some(newer) => self.function.answer(&parameters, &with(newer)).await,
                None => Err(error),
            },
            result => result,
        }
    }
}

/// The answer within the deadline; a panic becomes an error like any other.
async fn guarded(
    answer: impl Future<Output = Result<String, Error>>,
    deadline: Deadline,
) -> Result<String, Error> {
    match tokio::time::timeout_at(deadline.instant(), AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(Error::Internal),
        Err(_) => Err(Error::DeadlineExceeded),
    }
}

fn ending<'a, F: Function>(
    context: &'a Context,
    cold_start: bool,
    started: Instant,
    what: What<'a>,
) -> Ending<'a> {
    Ending {
        function: F::NAME,
        request_id: &context.request_id,
        xray_trace_id: context.xray_trace_id.as_deref(),
        cold_start,
        duration: started.elapsed(),
        what,
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
            guarded(panics, Deadline::within(Duration::from_secs(1))).await.unwrap_err().code(),
            "internal_error"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_cut_off() {
        let deadline = Deadline::within(Duration::from_secs(1));
        let slow = async {
            tokio::time::sleep(Duration::from_millis(1_001)).await;
            Ok("late".to_owned())
        };
        assert_eq!(guarded(slow, deadline).await.unwrap_err().code(), "deadline_exceeded");
        assert_eq!(deadline.time_left(), Duration::ZERO);
    }
}
