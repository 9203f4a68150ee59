//! Refused bearer tokens, and their challenges (RFC 6750, section 3).

/// Why a bearer token was refused (RFC 6750, section 3.1). `Display` is the `error_description` of the challenge. Its
/// sentences are fixed, so that no part of a token reaches a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request carries no bearer token.
    #[error("This resource needs a bearer token: send Authorization: Bearer <token>.")]
    Missing,
    /// The token is malformed, not signed by a key of the issuer, or not meant for this resource.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token is valid but has expired.
    #[error("The token expired. Get a new one from the issuer.")]
    Expired,
    /// The token is valid but lacks the required scope.
    #[error("The token lacks the scope {scope}.")]
    InsufficientScope {
        /// The required scope, as configured.
        scope: String,
    },
}

impl TokenError {
    /// The value of `WWW-Authenticate`. For a missing token, it names no error. Appends the parameters in `others` that
    /// it does not have yet.
    pub(crate) fn challenge(&self, others: &[(&'static str, String)]) -> String {
        const REALM: &str = r#"Bearer realm="calendly""#;
        let mut challenge = match self {
            Self::Missing => REALM.to_owned(),
            Self::Invalid(_) | Self::Expired => {
                format!(r#"{REALM}, error="invalid_token", error_description="{self}""#)
            }
            Self::InsufficientScope { scope } => {
                format!(r#"{REALM}, error="insufficient_scope", error_description="{self}", scope="{scope}""#)
            }
        };
        for (name, value) in others {
            if !challenge.contains(&format!(", {name}=")) {
                challenge.push_str(&format!(r#", {name}="{value}""#));
            }
        }
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_follow_rfc_6750() {
        let lacks_scope = TokenError::InsufficientScope { scope: "calendly:read".to_owned() };
        for (error, parameters) in [
            (TokenError::Missing, ""),
            (
                TokenError::Expired,
                r#", error="invalid_token", error_description="The token expired. Get a new one from the issuer.""#,
            ),
            (
                lacks_scope,
                r#", error="insufficient_scope", error_description="The token lacks the scope calendly:read.", scope="calendly:read""#,
            ),
        ] {
            assert_eq!(error.challenge(&[]), format!(r#"Bearer realm="calendly"{parameters}"#));
        }
    }

    #[test]
    fn challenges_have_further_parameters_once() {
        let others = [("resource_metadata", "https://x/y".to_owned()), ("scope", "read".to_owned())];
        assert_eq!(
            TokenError::Missing.challenge(&others),
            r#"Bearer realm="calendly", resource_metadata="https://x/y", scope="read""#
        );
        let challenge = TokenError::InsufficientScope { scope: "read".to_owned() }.challenge(&others);
        assert_eq!(challenge.matches("scope=").count(), 1, "{challenge}");
        assert!(challenge.ends_with(r#", scope="read", resource_metadata="https://x/y""#), "{challenge}");
    }
}
