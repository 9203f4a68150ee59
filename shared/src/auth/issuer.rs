//! The configured token issuer, and the rules for its tokens.

use url::Url;

/// The issuer of the accepted tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// An issuer that publishes its keys as a JWK Set (RFC 7517).
    PublishedKeys {
        /// The expected `iss`.
        issuer: String,
        /// The URL of the JWK Set; `None` to look it up with OpenID Connect Discovery.
        jwks_url: Option<Url>,
    },
    /// An issuer that shares a secret in Secrets Manager.
    SharedSecret {
        /// The name or ARN of the secret.
        secret_id: String,
    },
}

/// What the configuration requires of a token's claims.
#[derive(Debug)]
pub(crate) struct TokenRules {
    /// The expected `iss`; `None` with a shared secret, which alone identifies its issuer.
    pub(crate) issuer: Option<String>,
    /// The accepted audiences and client ids: at least one.
    pub(crate) audiences: Vec<String>,
    /// The scope that every token must have.
    pub(crate) required_scope: Option<String>,
}

impl Issuer {
    /// The expected `iss`; `None` with a shared secret, which alone identifies its issuer.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::PublishedKeys { issuer, .. } => Some(issuer),
            Self::SharedSecret { .. } => None,
        }
    }
}
