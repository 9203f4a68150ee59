//! What the three functions share.
//!
//! Data flows one way, and each step has its module:
//!
//! ```text
//! event ─▶ Request ─▶ authenticate ─▶ parameters ─▶ PAT ─▶ Calendly ─▶ Response ─▶ the gateway's answer
//! runtime::event      auth            query         pat_provider   calendly    response    runtime::gateway
//! ```
//!
//! `Request` and `Response` are `lambda_http`'s. Beside the path stand `cache`, in which keys, PATs and what was
//! learnt with a PAT are kept; `http`, the one HTTP stack; `secrets`, which reads Secrets Manager; `error`, where
//! what went wrong becomes a status; `telemetry`, the log; and `config`.
//!
//! A function is a type that implements [`Function`]: what is particular to it. [`run`] does the
//! rest: it tells API Gateway's events from warm-ups, authenticates the caller, keeps the deadline,
//! turns an [`Error`] into its status, and writes the log line.

mod auth;
mod cache;
pub mod calendly;
mod config;
mod error;
#[cfg(any(test, fuzzing))]
#[path = "../fuzz_oracle/mod.rs"]
pub mod fuzz_oracle;
mod http;
mod lambda;
mod pat;
mod telemetry;

pub use config::Variables;
pub use error::{Error, quoted};
pub use lambda::{Answer, Function, Query, run};
pub use serde_json::value::RawValue;
