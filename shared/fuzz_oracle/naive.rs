//! Plain readings of JSON and base64, for comparison.

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

/// The members of an object in their order, doubles included; `None` for anything else.
pub(crate) fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str(json).ok().map(|Members(members)| members)
}

/// The elements of an array; `None` for anything else.
pub(crate) fn list(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// Whether the text of a value is an object's.
pub(crate) fn is_object(json: &str) -> bool {
    members(json).is_some()
}

/// The value of the only member of that name: `Some(None)` if there is none, or it is `null`; `None` if there are
/// several.
pub(crate) fn once<'a>(members: &[(String, &'a RawValue)], name: &str) -> Option<Option<&'a str>> {
    let mut values = members.iter().filter(|(other, _)| other == name).map(|(_, value)| value.get());
    match (values.next(), values.next()) {
        (value, None) => Some(value.filter(|value| *value != "null")),
        _ => None,
    }
}

/// What a text in base64url without padding stands for, if it could not be written in another way: a lenient reading,
/// written again.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, lenient);
    engine.decode(text).ok().filter(|bytes| engine.encode(bytes) == text)
}

/// Whether no name stands twice.
pub(crate) fn are_unique(members: &[(String, &RawValue)]) -> bool {
    members.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == members.len()
}
