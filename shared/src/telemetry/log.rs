//! Writing a line: JSON on standard output, with the timestamp and level that Lambda filters by.

use std::{io::Write, sync::OnceLock};

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

/// Something worth a line that is not the end of a request. `problem` must hold no secret.
pub(crate) fn warn(message: &str, problem: &str) {
    if Level::Warn.is_enabled() {
        write(&ProblemLine { timestamp: now(), level: Level::Warn, message, problem });
    }
}

/// As [`warn()`], for what ends the process or loses a request.
pub(crate) fn error(message: &str, problem: &str) {
    if Level::Error.is_enabled() {
        write(&ProblemLine { timestamp: now(), level: Level::Error, message, problem });
    }
}

#[derive(Serialize)]
struct ProblemLine<'a> {
    timestamp: String,
    level: Level,
    message: &'a str,
    problem: &'a str,
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
