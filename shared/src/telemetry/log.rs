//! Writes JSON lines to standard output, with the timestamp and level that Lambda filters by.

use std::{
    future::Future,
    io::Write,
    sync::{LazyLock, OnceLock},
};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;

/// The level of a line, as Lambda's JSON log format spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
    /// No line has this level, but `AWS_LAMBDA_LOG_LEVEL` may name it.
    Fatal,
}

impl Level {
    /// Whether `AWS_LAMBDA_LOG_LEVEL` includes this level.
    pub(super) fn is_enabled(self) -> bool {
        self >= Self::lowest()
    }

    /// The lowest enabled level. Unset means `INFO`.
    pub(super) fn lowest() -> Self {
        static LOWEST: OnceLock<Level> = OnceLock::new();
        *LOWEST.get_or_init(|| lowest(&std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default()))
    }
}

fn lowest(log_level: &str) -> Level {
    match log_level.to_ascii_uppercase().as_str() {
        "WARN" => Level::Warn,
        "ERROR" => Level::Error,
        "FATAL" => Level::Fatal,
        _ => Level::Info,
    }
}

tokio::task_local! {
    /// The id of the request that the current task serves.
    static REQUEST_ID: String;
}

/// Runs `work` so that every line written meanwhile has `request_id`, including the line of a panic.
pub(crate) async fn in_request<F: Future>(request_id: &str, work: F) -> F::Output {
    REQUEST_ID.scope(request_id.to_owned(), work).await
}

/// Writes a warning line. `problem` must not contain a secret.
pub(crate) fn warn(message: &str, problem: &str) {
    write_problem(Level::Warn, message, problem);
}

/// Writes an error line: the process ends, or a request is lost.
pub(crate) fn error(message: &str, problem: &str) {
    write_problem(Level::Error, message, problem);
}

fn write_problem(level: Level, message: &str, problem: &str) {
    if level.is_enabled() {
        // Fails outside of a request.
        let request_id = REQUEST_ID.try_with(Clone::clone).ok();
        write(&ProblemLine { timestamp: now(), level, version: version(), message, request_id, problem });
    }
}

#[derive(Serialize)]
struct ProblemLine<'a> {
    timestamp: String,
    level: Level,
    version: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    problem: &'a str,
}

/// The version of the deployed function. A canary has a different one.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| std::env::var("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default());
    &VERSION
}

pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes one line. A failure is ignored: there is no other place to report it.
pub(super) fn write(line: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_are_those_of_lambda() {
        assert_eq!(lowest(""), Level::Info);
        assert_eq!(lowest("TRACE"), Level::Info);
        assert_eq!(lowest("debug"), Level::Info);
        assert_eq!(lowest("WARN"), Level::Warn);
        assert_eq!(lowest("ERROR"), Level::Error);
        assert_eq!(lowest("FATAL"), Level::Fatal);
    }
}
