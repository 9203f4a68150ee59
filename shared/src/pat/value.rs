//! What a Calendly personal access token (PAT) is, and how it is stored.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::calendly::uri::UserUri;

/// What a secret holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredPat {
    pub(crate) pat: Pat,
    /// The URI of the user whom the PAT belongs to, where the secret says so.
    pub(crate) user: Option<Arc<UserUri>>,
}

/// A Calendly personal access token. It does not print, and it fits a header as it is.
#[derive(Debug, Clone)]
pub(crate) struct Pat(SecretString);

impl StoredPat {
    /// From the value of a secret: the bare token, or a JSON object with it under `pat`, `token` or
    /// `access_token`, and perhaps the URI of its user under `user`. White space around it is dropped; of a
    /// token's inside nothing is assumed but that it can stand in a header. A `user` that is no Calendly user's
    /// URI is ignored.
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
            let stored = StoredPat::from_secret(secret.as_bytes());
            assert_eq!(stored.as_ref().map(|stored| stored.pat.expose()), Some("tok.en"), "{secret:?}");
            assert_eq!(stored.unwrap().user, None, "{secret:?}");
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
            assert!(StoredPat::from_secret(secret.as_bytes()).is_none(), "{secret:?}");
        }
        assert!(StoredPat::from_secret(&[0xFF, 0xFE]).is_none());
    }

    #[test]
    fn a_secret_may_name_the_user() {
        let user = |uri: &str| {
            let secret = serde_json::json!({"pat": "tok.en", "user": uri}).to_string();
            StoredPat::from_secret(secret.as_bytes()).unwrap().user
        };
        let good = "https://api.calendly.com/users/7d0c2f1e-5b1a-4c55-9f3b-1a2b3c4d5e6f";
        assert_eq!(user(good), UserUri::parse(good).map(Arc::new));
        assert_eq!(user("https://evil.example/users/a"), None, "it is ignored");
    }

    #[test]
    fn only_the_same_pat_of_the_same_user_is_the_same() {
        let stored = |secret: &str| StoredPat::from_secret(secret.as_bytes()).unwrap();
        let user = r#""user":"https://api.calendly.com/users/AAAA""#;
        let pat_provider = ["one".to_owned(), "two".to_owned(), format!(r#"{{"pat":"one",{user}}}"#)];
        for (index, secret) in pat_provider.iter().enumerate() {
            for (other, another) in pat_provider.iter().enumerate() {
                assert_eq!(stored(secret) == stored(another), index == other, "{secret} {another}");
            }
        }
    }

    #[test]
    fn a_pat_does_not_print() {
        let pat = StoredPat::from_secret(b"very-secret").unwrap();
        assert!(!format!("{pat:?}").contains("very-secret"));
    }
}
