//! Writing a line: JSON on standard output, with the timestamp and level that Lambda filters by.

use std::{
    future::Future,
    io::Write,
    sync::{LazyLock, OnceLock},
};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;

/// How grave a line is, spelled as Lambda's JSON log format spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
    /// Nothing here is; but it may be the least that is wanted.
    Fatal,
}

impl Level {
    /// Whether `AWS_LAMBDA_LOG_LEVEL` lets lines of this level through.
    pub(super) fn is_enabled(self) -> bool {
        self >= Self::least()
    }

    /// The least level that is wanted. Unset means `INFO`.
    pub(super) fn least() -> Self {
        static LEAST: OnceLock<Level> = OnceLock::new();
        *LEAST.get_or_init(|| least(&std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default()))
    }
}

fn least(log_level: &str) -> Level {
    match log_level.to_ascii_uppercase().as_str() {
        "WARN" => Level::Warn,
        "ERROR" => Level::Error,
        "FATAL" => Level::Fatal,
        _ => Level::Info,
    }
}

tokio::task_local! {
    /// The request that is being worked on.
    static REQUEST_ID: String;
}

/// Does the work of one request: every line that is written meanwhile names it, that of a panic too.
pub(crate) async fn about_request<F: Future>(request_id: &str, work: F) -> F::Output {
    REQUEST_ID.scope(request_id.to_owned(), work).await
}

/// Something worth a line that is not the end of a request. `problem` must hold no secret.
pub(crate) fn warn(message: &str, problem: &str) {
    write_problem(Level::Warn, message, problem);
}

/// As [`warn()`], for what ends the process or loses a request.
pub(crate) fn error(message: &str, problem: &str) {
    write_problem(Level::Error, message, problem);
}

fn write_problem(level: Level, message: &str, problem: &str) {
    if level.is_enabled() {
        // An error says that no request is being worked on.
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

/// The version of the deployed function: that of a canary differs.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| std::env::var("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default());
    &VERSION
}

pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes one line. There is nobody to tell if standard output is gone.
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
    fn the_log_level_is_lambdas() {
        assert_eq!(least(""), Level::Info);
        assert_eq!(least("TRACE"), Level::Info);
        assert_eq!(least("debug"), Level::Info);
        assert_eq!(least("WARN"), Level::Warn);
        assert_eq!(least("ERROR"), Level::Error);
        assert_eq!(least("FATAL"), Level::Fatal);
    }
}
