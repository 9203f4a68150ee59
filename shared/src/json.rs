//! Reading JSON that must be an object.

use serde::Deserialize;

/// Reads an object. serde takes an array for one too, its elements for the members in their order; nobody who is heard
/// here means that.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    if json.trim_ascii_start().starts_with(b"{") { serde_json::from_slice(json).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct One<'a> {
        a: &'a str,
    }

    #[test]
    fn an_array_is_no_object() {
        assert_eq!(object(b" \n{\"a\":\"b\"} "), Some(One { a: "b" }));
        for bad in [&b"[\"b\"]"[..], b"{\"a\":\"b\"}x", b"{}", b"null", b"", b"\x0B{\"a\":\"b\"}"] {
            assert_eq!(object::<One<'_>>(bad), None, "{bad:?}");
        }
    }
}
