//! What a token issuer is, and what its tokens must say.

use url::Url;

/// Where the keys that verify tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// The issuer publishes them as a JWK Set (RFC 7517).
    Published {
        /// The expected `iss`, to the letter.
        issuer: String,
        /// Where the set is; else OpenID Connect Discovery tells.
        jwks_url: Option<Url>,
    },
    /// A secret in Secrets Manager that the issuer knows too.
    SharedSecret {
        /// Its name or ARN.
        secret_id: String,
    },
}

impl Issuer {
    /// The expected `iss`. A shared secret names its issuer by itself.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Published { issuer, .. } => Some(issuer),
            Self::SharedSecret { .. } => None,
        }
    }
}

/// What the configuration asks of a token beyond a good signature.
#[derive(Debug)]
pub(crate) struct TokenRules {
    /// The expected `iss`, where the issuer publishes its keys.
    pub(crate) issuer: Option<String>,
    /// Accepted audiences and client ids: at least one.
    pub(crate) audiences: Vec<String>,
    /// A scope that every token must have.
    pub(crate) required_scope: Option<String>,
}
