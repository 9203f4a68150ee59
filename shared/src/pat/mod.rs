//! Calendly personal access tokens (PATs): what one is, and where a caller's comes from.

mod secret_id;
mod store;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

pub(crate) use secret_id::SecretIdTemplate;
pub(crate) use store::{KnownPat, PatStore};

/// A Calendly personal access token. It does not print, and it fits a header as it is.
#[derive(Debug, Clone)]
pub(crate) struct Pat(SecretString);

impl Pat {
    /// The PAT in a secret: the bare token, or a JSON object with it under `pat`, `token` or
    /// `access_token`. White space around it is dropped; of a token's inside nothing is assumed but that
    /// it can stand in a header.
    pub(crate) fn from_secret(secret: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(secret).ok()?.trim();
        if !text.starts_with('{') {
            return Self::from_token(text);
        }
        let object: Value = serde_json::from_str(text).ok()?;
        ["pat", "token", "access_token"]
            .iter()
            .find_map(|name| Self::from_token(object.get(name)?.as_str()?.trim()))
    }

    fn from_token(token: &str) -> Option<Self> {
        let is_header_safe = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_header_safe.then(|| Self(SecretString::from(token)))
    }

    /// The token itself, for the one header that it is meant for.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Pat {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_shape_is_read() {
        for secret in [
            "tok.en",
            " tok.en\n",
            r#"{"pat":"tok.en"}"#,
            r#"{"token":"tok.en"}"#,
            r#"{"access_token":"tok.en"}"#,
            r#"{"pat":"","token":" tok.en "}"#,
            "\n{\"user\":\"x\",\"pat\":\"tok.en\"}",
            r#"{"access_token":"other","pat":"tok.en"}"#,
        ] {
            assert_eq!(
                Pat::from_secret(secret.as_bytes()).as_ref().map(Pat::expose),
                Some("tok.en"),
                "{secret:?}"
            );
        }
    }

    #[test]
    fn what_holds_no_token_is_none() {
        for secret in [
            "",
            " ",
            "{}",
            r#"{"pat":null}"#,
            r#"{"pat":5}"#,
            r#"{"key":"x"}"#,
            "{broken",
            "a b",
            "a\r\nX: y",
            "ä",
        ] {
            assert!(Pat::from_secret(secret.as_bytes()).is_none(), "{secret:?}");
        }
        assert!(Pat::from_secret(&[0xFF, 0xFE]).is_none());
    }

    #[test]
    fn a_pat_does_not_print() {
        let pat = Pat::from_secret(b"very-secret").unwrap();
        assert!(!format!("{pat:?}").contains("very-secret"));
    }
}
