//! What the three functions share.
//!
//! Data flows one way, and each step has its module:
//!
//! ```text
//! event ─▶ authenticate ─▶ parameters ─▶ PAT ─▶ Calendly ─▶ answer
//! runtime  auth            query         pat    calendly    response, error
//! ```
//!
//! A function is a type that implements [`Function`]: what is particular to it. [`run`] does the
//! rest: it tells API Gateway's events from warm-ups, authenticates the caller, keeps the deadline,
//! turns an [`Error`] into its status, and writes the log line.

mod auth;
pub mod calendly;
mod config;
mod deadline;
mod error;
mod http;
mod pat;
mod query;
mod response;
mod runtime;
mod secrets;
mod telemetry;

#[doc(hidden)]
pub use auth::bench;
pub use error::Error;
pub use query::{Query, quoted};
pub use runtime::{Function, Settings, run};
pub use serde_json::value::RawValue;
