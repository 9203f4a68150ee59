//! Authentication as a whole, from the header to the caller, with tokens that other code signed.

mod algorithms;
mod attacks;
mod mutations;

use std::sync::Arc;

use super::{
    Authenticator, Caller,
    claims::Rules,
    key_source::KeySource,
    keys::KeyStore,
    script::{Answer, Script},
    verify,
};
use crate::{Error, error::TokenError, telemetry::Record};

/// An authenticator of the issuer that answers so, for its audience.
fn authenticator(issuer: Option<&str>, audience: &str, answer: Answer) -> Authenticator {
    verify::install();
    Authenticator {
        keys: KeyStore::new(KeySource::Scripted(Arc::new(Script::new([answer])))),
        rules: Rules {
            issuer: issuer.map(str::to_owned),
            audiences: vec![audience.to_owned()],
            required_scope: None,
        },
    }
}

async fn authenticate(authenticator: &Authenticator, token: &str) -> Result<Caller, Error> {
    authenticator.authenticate(&[&format!("Bearer {token}")], &Record::default()).await
}

/// Whether it was refused as `token_invalid`, and not for want of keys.
fn is_invalid(result: &Result<Caller, Error>) -> bool {
    matches!(result, Err(Error::Token(TokenError::Invalid(_))))
}
