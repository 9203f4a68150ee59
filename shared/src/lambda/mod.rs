//! The Lambda runtime of the functions: start-up, and the pipeline that every invocation takes.
//!
//! ```text
//! init ─▶ runtime_api ─▶ event ─▶ pipeline: http_function ─▶ response ─▶ gateway ─▶ answer
//!                          └────▶ warm_up     └▶ authenticate ─▶ query ─▶ PAT ─▶ function
//! ```
//!
//! Depends on all other modules. `calendly` depends on [`deadline`].

mod cache_control;
pub(crate) mod deadline;
pub(crate) mod event;
mod function;
pub(crate) mod gateway;
mod http_function;
mod http_request;
mod init;
mod pipeline;
mod query;
mod request_body;
mod response;
mod runtime_api;
mod session;
mod warm_up;

use std::{process::ExitCode, sync::Arc};

use crate::{
    config::{Config, Variables},
    telemetry,
};
pub use function::{Answer, Function};
pub use http_function::{HttpAnswer, HttpFunction};
pub use http_request::HttpRequest;
use init::Services;
use pipeline::Pipeline;
pub use query::Query;
use runtime_api::{Invocation, RuntimeApi};
pub use session::{CalendlyCall, CallerSession, Session};

/// Runs a function until Lambda ends the process. `new` creates the function from its own variables.
///
/// Invocations run one at a time, or up to `AWS_LAMBDA_MAX_CONCURRENCY` at once (Lambda Managed Instances). An invalid
/// configuration ends the process, and the log says why.
pub fn run<F: HttpFunction>(new: impl FnOnce(&mut Variables) -> F) -> ExitCode {
    // Logs only the location: the message of a panic could contain a secret.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        telemetry::error("a bug: the code panicked", &location);
    }));
    let (message, reason) = match start(new) {
        Ok(reason) => ("Lambda's Runtime API is unreachable", reason),
        Err(reason) => ("the function cannot start", reason),
    };
    telemetry::error(message, &reason);
    ExitCode::FAILURE
}

/// Starts and serves a function. Returns why serving ended.
///
/// # Errors
///
/// A sentence that says why the function cannot start.
fn start<F: HttpFunction>(new: impl FnOnce(&mut Variables) -> F) -> Result<String, String> {
    // All work is I/O, so one thread is enough: a multi-thread runtime costs init time and latency.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let runtime_api = RuntimeApi::from_environment();
        let set_up = set_up(new);
        if let (Ok(runtime_api), Err(reason)) = (&runtime_api, &set_up) {
            runtime_api.report_init_error(reason).await;
        }
        let (function, services) = set_up?;
        let runtime_api = runtime_api?;
        services.prepare().await;
        let pipeline = Arc::new(Pipeline::new(function, services));
        let handler = move |invocation: Arc<Invocation>| {
            let pipeline = pipeline.clone();
            async move { pipeline.handle(&invocation).await }
        };
        Ok(runtime_api.serve(max_concurrency(), handler).await)
    })
}

/// The number of invocations at once: `AWS_LAMBDA_MAX_CONCURRENCY` on Lambda Managed Instances, else 1.
fn max_concurrency() -> usize {
    std::env::var("AWS_LAMBDA_MAX_CONCURRENCY").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Reads the configuration and creates everything that can fail because of it.
fn set_up<F: HttpFunction>(new: impl FnOnce(&mut Variables) -> F) -> Result<(F, Services), String> {
    let mut variables = Variables::from_environment();
    let function = new(&mut variables);
    let config = Config::read(&mut variables);
    Ok((function, Services::new(variables.checked(config)?)?))
}
