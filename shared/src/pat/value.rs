//! Parsing of a stored Calendly personal access token (PAT).

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::calendly::uri::UserUri;

/// The content of a secret.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredPat {
    pub(crate) pat: Pat,
    /// The URI of the PAT's user, if the secret has it.
    pub(crate) user: Option<Arc<UserUri>>,
}

/// A Calendly personal access token: visible ASCII, so that it fits a header. `Debug` redacts it.
#[derive(Debug, Clone)]
pub(crate) struct Pat(SecretString);

impl StoredPat {
    /// Parses the value of a secret: the bare token, or a JSON object with the token under `pat`, `token` or
    /// `access_token` and optionally the URI of its user under `user`.
    ///
    /// Surrounding white space is trimmed. A `user` that is not the URI of a Calendly user is ignored.
    pub(crate) fn from_secret(secret: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(secret).ok()?.trim();
        if !text.starts_with('{') {
            return Pat::from_token(text).map(|pat| Self { pat, user: None });
        }
        let object: Value = serde_json::from_str(text).ok()?;
        let pat = ["pat", "token", "access_token"]
            .iter()
            .find_map(|name| Pat::from_token(object.get(name)?.as_str()?.trim()))?;
        let user = object.get("user").and_then(Value::as_str).and_then(UserUri::parse);
        Some(Self { pat, user: user.map(Arc::new) })
    }
}

impl Pat {
    fn from_token(token: &str) -> Option<Self> {
        let is_header_safe = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_header_safe.then(|| Self(SecretString::from(token)))
    }

    /// The token, for the `Authorization` header.
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
    fn documented_formats() {
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
            let stored = StoredPat::from_secret(secret.as_bytes());
            assert_eq!(stored.as_ref().map(|stored| stored.pat.expose()), Some("tok.en"), "{secret:?}");
            assert_eq!(stored.unwrap().user, None, "{secret:?}");
        }
    }

    #[test]
    fn secrets_without_a_token() {
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
            assert!(StoredPat::from_secret(secret.as_bytes()).is_none(), "{secret:?}");
        }
        assert!(StoredPat::from_secret(&[0xFF, 0xFE]).is_none());
    }

    #[test]
    fn secret_with_a_user() {
        let user = |uri: &str| {
            let secret = serde_json::json!({"pat": "tok.en", "user": uri}).to_string();
            StoredPat::from_secret(secret.as_bytes()).unwrap().user
        };
        let good = "https://api.calendly.com/users/7d0c2f1e-5b1a-4c55-9f3b-1a2b3c4d5e6f";
        assert_eq!(user(good), UserUri::parse(good).map(Arc::new));
        assert_eq!(user("https://evil.example/users/a"), None, "ignored");
    }

    #[test]
    fn equality_covers_token_and_user() {
        let stored = |secret: &str| StoredPat::from_secret(secret.as_bytes()).unwrap();
        let user = r#""user":"https://api.calendly.com/users/AAAA""#;
        let secrets = ["one".to_owned(), "two".to_owned(), format!(r#"{{"pat":"one",{user}}}"#)];
        for (index, secret) in secrets.iter().enumerate() {
            for (other, another) in secrets.iter().enumerate() {
                assert_eq!(stored(secret) == stored(another), index == other, "{secret} {another}");
            }
        }
    }

    #[test]
    fn debug_output_redacts_the_pat() {
        let pat = StoredPat::from_secret(b"very-secret").unwrap();
        assert!(!format!("{pat:?}").contains("very-secret"));
    }
}
