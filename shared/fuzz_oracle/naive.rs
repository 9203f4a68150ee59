//! Simple parsers of JSON and base64 for the oracles.

use std::collections::BTreeSet;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::value::RawValue;

use crate::{http::json::object, lambda::event::Pairs};

/// The members of an object in order, including duplicates; `None` for other JSON.
pub(crate) fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    object(json).map(|Pairs(members)| members)
}

/// The elements of an array; `None` for other JSON.
pub(crate) fn list(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// Whether the text is a JSON object.
pub(crate) fn is_object(json: &str) -> bool {
    members(json).is_some()
}

/// The value of the member `name`: `Some(None)` if it is absent or `null`, `None` if it is duplicated.
pub(crate) fn once<'a>(members: &[(String, &'a RawValue)], name: &str) -> Option<Option<&'a str>> {
    let mut values = members.iter().filter(|(other, _)| other == name).map(|(_, value)| value.get());
    match (values.next(), values.next()) {
        (value, None) => Some(value.filter(|value| *value != "null")),
        _ => None,
    }
}

/// Decodes canonical base64url without padding: decodes leniently and compares the input with the re-encoded bytes.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, lenient);
    engine.decode(text).ok().filter(|bytes| engine.encode(bytes) == text)
}

/// Like [`base64url`], with at most as much padding as a multiple of four characters needs.
pub(crate) fn padded_base64url(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    let is_accepted = text.len() <= unpadded.len().next_multiple_of(4);
    is_accepted.then(|| base64url(unpadded))?
}

/// Whether all member names are distinct.
pub(crate) fn are_unique(members: &[(String, &RawValue)]) -> bool {
    members.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == members.len()
}
