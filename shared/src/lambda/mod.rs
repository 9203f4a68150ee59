//! From the process's start to the end of each invocation: the part that is the same for all functions.

mod cache_control;
pub(crate) mod deadline;
pub(crate) mod event;
mod function;
mod gateway;
mod init;
mod pipeline;
mod query;
mod response;
mod warm_up;

use std::{process::ExitCode, sync::Arc};

use lambda_runtime::{Diagnostic, LambdaEvent, run_concurrent, service_fn};
use serde_json::value::RawValue;

use crate::{
    config::{Config, Variables},
    telemetry,
};
pub use function::{Answer, Function};
use init::Services;
use pipeline::Pipeline;
pub use query::Query;

/// Runs a function until Lambda ends the process. `new` makes it, and reads the variables that are its own.
///
/// One invocation at a time, or as many as `AWS_LAMBDA_MAX_CONCURRENCY` says (Lambda Managed Instances).
/// A configuration that is refused ends the process with a log line that says why.
pub fn run<F: Function>(new: impl FnOnce(&mut Variables) -> F) -> ExitCode {
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

/// Why the process ends before Lambda ends it.
struct Ended {
    message: &'static str,
    reason: String,
}

fn start<F: Function>(new: impl FnOnce(&mut Variables) -> F) -> Result<(), Ended> {
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
fn set_up<F: Function>(new: impl FnOnce(&mut Variables) -> F) -> Result<(F, Services), String> {
    let mut variables = Variables::from_environment();
    let function = new(&mut variables);
    let config = Config::read(&mut variables);
    Ok((function, Services::new(variables.checked(config)?)?))
}
