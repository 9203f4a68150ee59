//! Calendly personal access tokens (PATs): where they are stored, and how they are cached.
//!
//! ```text
//! secret_name            the name of the caller's secret
//!   └▶ secrets_manager   its value
//!       └▶ value         the PAT in it
//!           └▶ provider  the cache of PATs
//! ```
//!
//! Depends on `cache`, `http`, `config::aws`, `telemetry`, `error` and two types of `calendly` (a user's URI and the
//! rate limit). `auth` and `telemetry` use `secrets_manager` for their own secrets, and `auth` uses [`FormatFault`].

mod format_fault;
mod provider;
mod secret_name;
pub(crate) mod secrets_manager;
mod value;

pub(crate) use format_fault::FormatFault;
pub use provider::PatId;
pub(crate) use provider::{LoadedPat, PatProvider};
pub(crate) use secret_name::{SecretNameTemplate, secret_id};
pub(crate) use value::{Pat, StoredPat};
