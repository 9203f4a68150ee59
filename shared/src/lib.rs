//! What the three functions share.
//!
//! Data flows one way, and each step has its module:
//!
//! ```text
//! event ─▶ Request ─▶ authenticate ─▶ parameters ─▶ PAT ─▶ Calendly ─▶ Response ─▶ the gateway's answer
//! runtime::event      auth            query         pats   calendly    response    runtime::gateway
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
mod aws;
mod cache;
mod cache_control;
pub mod calendly;
mod caller_hash;
mod config;
mod deadline;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
mod http;
mod issuer;
mod json;
mod pat;
mod pats;
mod query;
mod rate_limit;
mod response;
mod runtime;
mod secret_id;
mod secrets;
mod table;
mod telemetry;
mod uri;

pub use config::Variables;
pub use error::{Error, quoted};
pub use query::Query;
pub use runtime::{Answer, Function, run};
pub use serde_json::value::RawValue;
