//! Simple parsers of JSON and base64 for the oracles.

use std::{collections::BTreeSet, fmt};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The members of an object in order, including duplicates; `None` for other JSON.
pub(crate) fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str(json).ok().map(|Members(members)| members)
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
