//! The value of a secret that holds a PAT.

use std::str::from_utf8;

use lambda_http::http::HeaderValue;
use serde_json::Value;

use crate::{calendly::uri::UserUri, pat::StoredPat};

/// What a secret holds: its PAT is the one that a plain reading finds, fits a header, and does not print.
pub fn secret(bytes: &[u8]) {
    let stored = StoredPat::from_secret(bytes);
    let found =
        stored.as_ref().map(|stored| (stored.pat.expose().to_owned(), stored.user.as_deref().cloned()));
    assert_eq!(found, naive(bytes), "another PAT");
    if let Some(stored) = stored {
        let pat = stored.pat.expose();
        assert!(HeaderValue::from_str(&format!("Bearer {pat}")).is_ok(), "it does not fit a header");
        let without_user = StoredPat { user: None, ..stored.clone() };
        // Short ones are in what is printed of any secret.
        assert!(pat.len() < 16 || !format!("{without_user:?}").contains(pat), "it prints");
    }
}

fn naive(bytes: &[u8]) -> Option<(String, Option<UserUri>)> {
    let is_token =
        |text: &str| text.chars().all(|character| ('!'..='~').contains(&character)) && !text.is_empty();
    let text = from_utf8(bytes).ok()?.trim();
    if !text.starts_with('{') {
        return is_token(text).then(|| (text.to_owned(), None));
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
