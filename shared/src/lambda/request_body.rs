//! The body of a request, decoded up to a limit.

use base64::{Engine, engine::general_purpose::STANDARD};
use lambda_http::{Body, Request};
use serde_json::value::RawValue;

/// The extension of a request whose body exceeds the limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyTooLarge {
    pub(crate) max_bytes: usize,
}

/// The maximum length of one character in JSON: `\u0000`.
const MAX_ESCAPED_BYTES: usize = 6;

/// Decodes the `body` of an event into the request, if it has at most `max_bytes`.
pub(super) fn set_body(request: &mut Request, body: Option<&RawValue>, is_base64: bool, max_bytes: usize) {
    let Some(body) = body else { return };
    match decode(body.get(), is_base64, max_bytes) {
        Some(body) => *request.body_mut() = body,
        None => {
            request.extensions_mut().insert(BodyTooLarge { max_bytes });
        }
    }
}

/// The decoded body; `None` if it is too large. A `body` that is not a string counts as empty.
fn decode(json: &str, is_base64: bool, max_bytes: usize) -> Option<Body> {
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
        return Some(Body::Text(text));
    }
    // Gateways send valid Base64. Anything else is passed on as it is.
    match STANDARD.decode(&text) {
        Ok(bytes) if bytes.len() > max_bytes => None,
        Ok(bytes) => Some(Body::Binary(bytes)),
        Err(_) => Some(Body::Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_decoded_up_to_the_limit() {
        let text = |text: &str| Some(Body::Text(text.to_owned()));
        let bytes = |text: &str| Some(Body::Binary(text.as_bytes().to_vec()));
        for (json, is_base64, expected) in [
            (r#""{}""#, false, text("{}")),
            (r#""\u007b\"""#, false, text("{\"")),
            (r#""é""#, false, text("é")),
            (r#""éa""#, false, text("éa")),
            (r#""éé""#, false, None),
            (r#""abc""#, false, text("abc")),
            (r#""abcd""#, false, None),
            (r#""YWJj""#, true, bytes("abc")),
            (r#""YWJjZA==""#, true, None),
            (r#""YWI=""#, true, bytes("ab")),
            (r#""YWI""#, true, text("YWI")),
            ("5", false, text("")),
            ("null", true, bytes("")),
            (r#""\ud800""#, false, text("")),
        ] {
            assert_eq!(decode(json, is_base64, 3), expected, "{json}");
        }
        let escaped = |count: usize| format!("\"{}\"", "\\u0061".repeat(count));
        assert_eq!(decode(&escaped(3), false, 3), text("aaa"));
        assert_eq!(decode(&escaped(4), false, 3), None);
    }
}
