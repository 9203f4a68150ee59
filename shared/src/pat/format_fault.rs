//! Hints about malformed secrets and tokens, for logs and errors.

/// A common format fault of a secret or a token that should be bare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatFault {
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    #[error("is in quotes")]
    Quotes,
    #[error("is JSON")]
    Json,
    #[error("begins or ends with white space, such as a line break")]
    WhiteSpace,
}

impl FormatFault {
    /// Detects what surrounds a secret of any content. Only a byte order mark is detected in bytes that are not UTF-8.
    pub(crate) fn around(value: &[u8]) -> Option<Self> {
        if [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF"].iter().any(|mark| value.starts_with(mark)) {
            return Some(Self::ByteOrderMark);
        }
        let text = std::str::from_utf8(value).ok()?;
        let trimmed = text.trim();
        let is_between = |first: char, last: char| trimmed.starts_with(first) && trimmed.ends_with(last);
        if is_in_quotes(trimmed) {
            Some(Self::Quotes)
        } else if is_between('{', '}') || is_between('[', ']') {
            Some(Self::Json)
        } else {
            (trimmed.len() < text.len()).then_some(Self::WhiteSpace)
        }
    }

    /// Like [`Self::around`], for a token, which cannot contain white space anywhere.
    pub(crate) fn of_token(value: &[u8]) -> Option<Self> {
        let has_white_space =
            || std::str::from_utf8(value).is_ok_and(|text| text.contains(char::is_whitespace));
        Self::around(value).or_else(|| has_white_space().then_some(Self::WhiteSpace))
    }
}

/// Whether a text is in double or single quotes.
pub(super) fn is_in_quotes(text: &str) -> bool {
    ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_around_secrets_and_tokens() {
        use FormatFault::{ByteOrderMark, Json, Quotes, WhiteSpace};
        for (value, in_secret, in_token) in [
            (&b"tok.en"[..], None, None),
            (b"", None, None),
            (b"pass phrase", None, Some(WhiteSpace)),
            (b"to\nken", None, Some(WhiteSpace)),
            (b"token\n", Some(WhiteSpace), Some(WhiteSpace)),
            (b"token\r\n", Some(WhiteSpace), Some(WhiteSpace)),
            (b" token", Some(WhiteSpace), Some(WhiteSpace)),
            ("token\u{A0}".as_bytes(), Some(WhiteSpace), Some(WhiteSpace)),
            ("\u{feff}token".as_bytes(), Some(ByteOrderMark), Some(ByteOrderMark)),
            ("\u{feff}{\"pat\":\"x\"}".as_bytes(), Some(ByteOrderMark), Some(ByteOrderMark)),
            (b"\xFF\xFEt\0o\0", Some(ByteOrderMark), Some(ByteOrderMark)),
            (b"\xFE\xFF\0t\0o", Some(ByteOrderMark), Some(ByteOrderMark)),
            (b"\"token\"", Some(Quotes), Some(Quotes)),
            (b"'token'\n", Some(Quotes), Some(Quotes)),
            (b"'{\"secret\":\"x\"}'", Some(Quotes), Some(Quotes)),
            (b"\"token'", None, None),
            (b"{\"secret\":\"x\"}", Some(Json), Some(Json)),
            (b"{\n  \"secret\": \"x\"\n}\n", Some(Json), Some(Json)),
            (b"[\"x\"]", Some(Json), Some(Json)),
            (b"{token", None, None),
            (b"\x80token\n", None, None),
        ] {
            let found = (FormatFault::around(value), FormatFault::of_token(value));
            assert_eq!(found, (in_secret, in_token), "{value:?}");
        }
    }
}
