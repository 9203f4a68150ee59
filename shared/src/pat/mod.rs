//! The Calendly personal access token (PAT) of a request: where it is stored, and how it is cached.

mod provider;
mod secret_name;
pub(crate) mod secrets_manager;
mod value;

#[cfg(test)]
pub(crate) use provider::next_id;
pub(crate) use provider::{LoadedPat, PatId, PatProvider};
pub(crate) use secret_name::SecretNameTemplate;
pub(crate) use value::{Pat, StoredPat};
