//! From the process's start to the end of each invocation: the part that is the same for all functions.

mod event;
mod init;
mod pipeline;
mod warm_up;

use std::{future::Future, process::ExitCode, sync::Arc};

use lambda_runtime::{Diagnostic, LambdaEvent, run_concurrent, service_fn};
use serde_json::value::RawValue;

use crate::{Error, Query, calendly::Calendly, config::Config, telemetry};
use init::Services;
use pipeline::Pipeline;

/// What is particular to one function.
pub trait Function: Send + Sync + 'static {
    /// Its name in log lines and metrics: that of the package.
    const NAME: &'static str;

    /// Its query parameters, understood.
    type Parameters: Send + Sync;

    /// Understands the query parameters.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    fn parameters(&self, query: &Query) -> Result<Self::Parameters, Error>;

    /// The answer's JSON. Asked a second time if Calendly refuses the PAT and there is a newer one.
    ///
    /// # Errors
    ///
    /// Those of the calls to Calendly, and [`Error::NoEventType`].
    fn answer(
        &self,
        parameters: &Self::Parameters,
        calendly: &Calendly<'_>,
    ) -> impl Future<Output = Result<String, Error>> + Send;
}

/// Runs a function until Lambda ends the process. `new` makes it from the settings that are its own.
///
/// One invocation at a time, or as many as `AWS_LAMBDA_MAX_CONCURRENCY` says (Lambda Managed Instances).
/// A configuration that is refused ends the process with a log line that says why.
pub fn run<F: Function>(new: impl FnOnce(Settings) -> F) -> ExitCode {
    // Where it happened, and not what it says: that could hold what must not be logged.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        telemetry::error("a bug: the code panicked", &place);
    }));
    match start(new) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended { message, reason }) => {
            telemetry::error(message, &reason);
            ExitCode::FAILURE
        }
    }
}

/// What a function's own parts may want to know of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `EVENT_TYPE_CACHE_SECONDS`: how long to keep which event type was chosen; zero for not at all.
    pub event_type_cache: std::time::Duration,
}

/// Why the process ends before Lambda ends it.
struct Ended {
    message: &'static str,
    reason: String,
}

fn start<F: Function>(new: impl FnOnce(Settings) -> F) -> Result<(), Ended> {
    let cannot_start = |reason| Ended { message: "the function cannot start", reason };
    // All work is waiting for others, so one thread does it: a multi-thread runtime costs init time and
    // latency, and gives nothing back.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| cannot_start(error.to_string()))?;
    runtime.block_on(async {
        let (function, services) = match set_up(new) {
            Ok(parts) => parts,
            Err(reason) => {
                init::report_error(&reason).await;
                return Err(cannot_start(reason));
            }
        };
        services.prepare().await;
        let pipeline = Arc::new(Pipeline::new(function, services));
        let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
            let pipeline = pipeline.clone();
            async move { pipeline.handle(event).await.map_err(Diagnostic::from) }
        });
        run_concurrent(handler)
            .await
            .map_err(|error| Ended { message: "Lambda's Runtime API is gone", reason: error.to_string() })
    })
}

/// Everything that a configuration can be refused for.
fn set_up<F: Function>(new: impl FnOnce(Settings) -> F) -> Result<(F, Services), String> {
    let config = Config::from_environment().map_err(|error| error.to_string())?;
    let function = new(Settings { event_type_cache: config.event_type_cache });
    Ok((function, Services::new(config)?))
}
