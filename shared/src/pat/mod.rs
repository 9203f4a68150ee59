//! The Calendly personal access token (PAT) of a request: where it is stored, and how it is cached.

mod provider;
mod secret_name;
pub(crate) mod secrets_manager;
mod value;

pub use provider::PatId;
pub(crate) use provider::{LoadedPat, PatProvider};
pub(crate) use secret_name::SecretNameTemplate;
pub(crate) use value::{Pat, StoredPat};
