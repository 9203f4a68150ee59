//! Parsing of JSON documents that must be objects.

use serde::Deserialize;

/// Parses an object. serde also takes an array, with the members in order; no peer sends arrays in place of objects.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// Parses an object from bytes, which must be UTF-8 (RFC 8259, section 8.1): serde skips invalid bytes in members that
/// it ignores.
pub(crate) fn object_of_bytes<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    object(str::from_utf8(json).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct One<'a> {
        a: &'a str,
    }

    #[test]
    fn invalid_utf8_is_refused_anywhere() {
        let good = "{\"é\":\"é\",\"a\":\"b\"}";
        assert_eq!(object_of_bytes(good.as_bytes()), Some(One { a: "b" }));
        assert_eq!(object_of_bytes::<One<'_>>(b"{\"x\":\"\xFF\",\"a\":\"b\"}"), None);
    }

    #[test]
    fn only_an_object_is_accepted() {
        assert_eq!(object(" \n{\"a\":\"b\"} "), Some(One { a: "b" }));
        for bad in ["[\"b\"]", "{\"a\":\"b\"}x", "{}", "null", "", "\u{B}{\"a\":\"b\"}"] {
            assert_eq!(object::<One<'_>>(bad), None, "{bad:?}");
        }
    }
}
