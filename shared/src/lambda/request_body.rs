//! The body of a request, decoded up to a limit.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::value::RawValue;

/// The maximum length of one character in JSON: `\u0000`.
const MAX_ESCAPED_BYTES: usize = 6;

/// Decodes the `body` of an event; `None` if it has more than `max_bytes`. A `body` that is not a string counts as
/// empty, and so does any with a limit of 0: it is not read.
pub(super) fn decode(body: Option<&RawValue>, is_base64: bool, max_bytes: usize) -> Option<Vec<u8>> {
    let Some(json) = body.map(RawValue::get).filter(|_| max_bytes > 0) else { return Some(Vec::new()) };
    let max_characters = if is_base64 { max_bytes.div_ceil(3) * 4 } else { max_bytes };
    // Saves the memory for decoding a body that is too large.
    if json.len() > max_characters * MAX_ESCAPED_BYTES + "\"\"".len() {
        return None;
    }
    let text: String = serde_json::from_str(json).unwrap_or_default();
    if text.len() > max_characters {
        return None;
    }
    if !is_base64 {
        return Some(text.into_bytes());
    }
    // Gateways send valid Base64. Anything else is passed on as it is.
    match STANDARD.decode(&text) {
        Ok(bytes) if bytes.len() > max_bytes => None,
        Ok(bytes) => Some(bytes),
        Err(_) => Some(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(json: &str, is_base64: bool, max_bytes: usize) -> Option<String> {
        let body = decode(Some(serde_json::from_str(json).unwrap()), is_base64, max_bytes)?;
        Some(String::from_utf8(body).unwrap())
    }

    #[test]
    fn bodies_are_decoded_up_to_the_limit() {
        for (json, is_base64, expected) in [
            (r#""{}""#, false, Some("{}")),
            (r#""\u007b\"""#, false, Some("{\"")),
            (r#""é""#, false, Some("é")),
            (r#""éa""#, false, Some("éa")),
            (r#""éé""#, false, None),
            (r#""abc""#, false, Some("abc")),
            (r#""abcd""#, false, None),
            (r#""YWJj""#, true, Some("abc")),
            (r#""YWJjZA==""#, true, None),
            (r#""YWI=""#, true, Some("ab")),
            (r#""YWI""#, true, Some("YWI")),
            ("5", false, Some("")),
            ("null", true, Some("")),
            (r#""\ud800""#, false, Some("")),
            (r#""\u0061\u0061\u0061""#, false, Some("aaa")),
            (r#""\u0061\u0061\u0061\u0061""#, false, None),
        ] {
            assert_eq!(decoded(json, is_base64, 3).as_deref(), expected, "{json}");
        }
        assert_eq!(decoded(r#""abcd""#, false, 0).as_deref(), Some(""), "no body is read");
        assert_eq!(decode(None, false, 3), Some(Vec::new()));
    }
}
