//! Everything that the functions share: from a Lambda event to an answer.
//!
//! ```text
//! event ─▶ authenticate ─▶ parameters ─▶ PAT ─▶ Calendly ─▶ response
//! lambda   auth            lambda        pat    calendly    lambda
//! ```
//!
//! A function implements [`Function`], and its `main` calls [`run`]. `docs/architecture.md` walks through a request.

mod auth;
pub mod cache;
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
pub use lambda::{
    Answer, CalendlyCall, CallerSession, Function, HttpAnswer, HttpFunction, HttpRequest, Query, Session, run,
};
pub use serde_json::value::RawValue;
pub use telemetry::RequestMetrics;
