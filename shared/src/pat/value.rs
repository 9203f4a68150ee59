//! Parsing of a stored Calendly personal access token (PAT).

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::format_fault::{FormatFault, is_in_quotes};
use crate::calendly::uri::UserUri;

/// The members of a JSON secret that can hold the token, in order of preference.
const MEMBERS: [&str; 3] = ["pat", "token", "access_token"];

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
    /// Surrounding white space is trimmed. A token in quotes and an array are not tokens. A `user` that is not the
    /// URI of a Calendly user is ignored.
    pub(crate) fn from_secret(secret: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(secret).ok()?.trim();
        if !text.starts_with('{') {
            return Pat::from_token(text)
                .filter(|_| !text.starts_with('['))
                .map(|pat| Self { pat, user: None });
        }
        let object: Value = serde_json::from_str(text).ok()?;
        let pat = MEMBERS.iter().find_map(|name| Pat::from_token(object.get(*name)?.as_str()?.trim()))?;
        let user = object.get("user").and_then(Value::as_str).and_then(UserUri::parse);
        Some(Self { pat, user: user.map(Arc::new) })
    }

    /// Explains why a secret holds no PAT, in a sentence without any part of the secret.
    pub(super) fn explain_missing(secret: &[u8]) -> &'static str {
        let fault = match serde_json::from_slice(secret) {
            Ok(Value::Object(object)) => MEMBERS
                .iter()
                .find_map(|name| FormatFault::of_token(object.get(*name)?.as_str()?.trim().as_bytes()))
                .or(Some(FormatFault::Json)),
            _ => FormatFault::of_token(secret.trim_ascii()),
        };
        match fault {
            Some(FormatFault::ByteOrderMark) => {
                "The secret that should hold the Calendly token begins with a byte order mark: store it as \
                 UTF-8 without one."
            }
            Some(FormatFault::Quotes) => {
                "The Calendly token in the secret is in quotes: store it without them."
            }
            Some(FormatFault::WhiteSpace) => {
                "The Calendly token in the secret contains white space: store the token alone."
            }
            Some(FormatFault::Json) => {
                "The secret that should hold the Calendly token is JSON and has no usable token under pat, \
                 token or access_token."
            }
            None => {
                "The secret that should hold the Calendly token holds none: store the bare token, or a JSON \
                 object with it under pat, token or access_token."
            }
        }
    }
}

impl Pat {
    fn from_token(token: &str) -> Option<Self> {
        let is_header_safe = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        (is_header_safe && !is_in_quotes(token)).then(|| Self(SecretString::from(token)))
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
        let (generic, json) = ("store the bare token", "is JSON and has no usable token");
        let (quotes, white_space) = ("is in quotes", "contains white space");
        let byte_order_mark = "begins with a byte order mark";
        for (secret, expected) in [
            (&b""[..], generic),
            (b" ", generic),
            ("ä".as_bytes(), generic),
            (b"{broken", generic),
            (b"{}", json),
            (br#"{"pat":null}"#, json),
            (br#"{"pat":5}"#, json),
            (br#"{"pat":""}"#, json),
            (br#"{"pat":{"token":"tok.en"}}"#, json),
            (br#"{"key":"x"}"#, json),
            (br#"["tok.en"]"#, json),
            (br#"[{"pat":"tok.en"}]"#, json),
            (b"a b", white_space),
            (b"a\r\nX: y", white_space),
            (br#"{"pat":"a\nb"}"#, white_space),
            (b"\"tok.en\"", quotes),
            (b"'tok.en'", quotes),
            (b" \"tok.en\"\n", quotes),
            (b"\"", quotes),
            (br#"{"pat":"\"tok.en\""}"#, quotes),
            (br#"{"token":"'tok.en'"}"#, quotes),
            (br#"{"access_token":" \"tok.en\" "}"#, quotes),
            (br#"'{"pat":"tok.en"}'"#, quotes),
            (br#""{\"pat\":\"tok.en\"}""#, quotes),
            ("\u{feff}tok.en".as_bytes(), byte_order_mark),
            ("\u{feff}{\"pat\":\"tok.en\"}".as_bytes(), byte_order_mark),
            ("{\"pat\":\"\u{feff}tok.en\"}".as_bytes(), byte_order_mark),
            (b"\xFF\xFEt\0", byte_order_mark),
        ] {
            assert!(StoredPat::from_secret(secret).is_none(), "{secret:?}");
            let explanation = StoredPat::explain_missing(secret);
            assert!(
                explanation.contains(expected) && !explanation.contains("tok.en"),
                "{secret:?}: {explanation}"
            );
        }
    }

    #[test]
    fn quotes_inside_a_token_are_kept() {
        for secret in ["to\"k'en", "\"token", "token'", r#"{"pat":"\"bad\"","token":"good"}"#] {
            assert!(StoredPat::from_secret(secret.as_bytes()).is_some(), "{secret}");
        }
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
