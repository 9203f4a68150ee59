//! Reading JSON that must be an object.

use serde::Deserialize;

/// Reads an object. serde takes an array for one too, its elements for the members in their order; nobody who is heard
/// here means that.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// Reads an object that came as bytes. serde takes some that are not UTF-8 where it reads nothing, which no JSON has
/// (RFC 8259, section 8.1).
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
    fn every_byte_is_of_a_text() {
        let good = "{\"é\":\"é\",\"a\":\"b\"}";
        assert_eq!(object_of_bytes(good.as_bytes()), Some(One { a: "b" }));
        assert_eq!(object_of_bytes::<One<'_>>(b"{\"x\":\"\xFF\",\"a\":\"b\"}"), None);
    }

    #[test]
    fn an_array_is_no_object() {
        assert_eq!(object(" \n{\"a\":\"b\"} "), Some(One { a: "b" }));
        for bad in ["[\"b\"]", "{\"a\":\"b\"}x", "{}", "null", "", "\u{B}{\"a\":\"b\"}"] {
            assert_eq!(object::<One<'_>>(bad), None, "{bad:?}");
        }
    }
}
