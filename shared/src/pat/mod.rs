//! The Calendly personal access token (PAT) of a request: where it is stored, and how it is cached.

mod provider;
mod secret_name;
pub(crate) mod secrets_manager;
mod value;

pub(crate) use provider::{KnownPat, PatId, Pats, next_id};
pub(crate) use secret_name::SecretIdTemplate;
pub(crate) use value::{Pat, StoredPat};
