//! An oracle for secrets that hold a PAT.

use std::str::from_utf8;

use lambda_http::http::HeaderValue;
use serde_json::Value;

use crate::{calendly::uri::UserUri, pat::StoredPat};

/// Checks that the parsed PAT equals that of [`naive`], fits a header, and is redacted in `Debug` output.
pub fn secret(bytes: &[u8]) {
    let stored = StoredPat::from_secret(bytes);
    let found =
        stored.as_ref().map(|stored| (stored.pat.expose().to_owned(), stored.user.as_deref().cloned()));
    assert_eq!(found, naive(bytes), "a different PAT");
    if let Some(stored) = stored {
        let pat = stored.pat.expose();
        assert!(HeaderValue::from_str(&format!("Bearer {pat}")).is_ok(), "not fit for a header");
        let without_user = StoredPat { user: None, ..stored.clone() };
        // A short PAT can occur in the names of types and fields.
        assert!(pat.len() < 16 || !format!("{without_user:?}").contains(pat), "in Debug output");
    }
}

fn naive(bytes: &[u8]) -> Option<(String, Option<UserUri>)> {
    let is_token = |text: &str| {
        let ends = (text.chars().next(), text.chars().next_back());
        let is_in_quotes = ends.0 == ends.1 && matches!(ends.0, Some('"' | '\''));
        text.chars().all(|character| ('!'..='~').contains(&character)) && !text.is_empty() && !is_in_quotes
    };
    let text = from_utf8(bytes).ok()?.trim();
    if !text.starts_with('{') {
        return (is_token(text) && !text.starts_with('[')).then(|| (text.to_owned(), None));
    }
    let Value::Object(object) = serde_json::from_str(text).ok()? else { return None };
    let texts =
        ["pat", "token", "access_token"].map(|name| object.get(name).and_then(Value::as_str).map(str::trim));
    let pat = texts.into_iter().flatten().find(|text| is_token(text))?;
    let user = object.get("user").and_then(Value::as_str).filter(|uri| {
        let id = uri.split("https://api.calendly.com/users/").nth(1).unwrap_or_default();
        let is_id = id.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
        !id.is_empty() && is_id && uri.len() == "https://api.calendly.com/users/".len() + id.len()
    });
    Some((pat.to_owned(), user.and_then(|uri| UserUri::from_calendly(uri.to_owned()))))
}
