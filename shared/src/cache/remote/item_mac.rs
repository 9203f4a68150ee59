//! Message authentication codes (MACs) under the PAT for the table's items: only a holder of the PAT can name, write or
//! verify them.

use std::io::{Read, Write};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use ring::hmac;

use crate::{http::MAX_BYTES_PER_REQUEST, pat::Pat};

/// The prefix of every message. An item of another version has another name, and its MAC does not verify.
const VERSION: &[u8] = b"calendly-functions 1";

/// The length of an HMAC-SHA-256 tag.
const TAG_LENGTH: usize = 32;

/// The length of a value's `as_of`, in milliseconds since 1970.
const AS_OF_LENGTH: usize = 8;

/// The largest value: DynamoDB's item limit of 400 KB, attribute names included.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_VALUE_BYTES: usize = 400 * 1024 - 1024;

/// Computes and verifies MACs with the PAT as the key. Its `Debug` prints no key.
#[derive(Debug, Clone)]
pub(crate) struct ItemMac(hmac::Key);

/// The partition key of an item: a MAC of its kind and key, which reveals neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemName(String);

impl ItemName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ItemMac {
    /// The key of a PAT.
    pub(crate) fn new(pat: &Pat) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, pat.expose().as_bytes()))
    }

    /// The name of the item of this `kind` and `key`.
    pub(crate) fn name(&self, kind: &str, key: &str) -> ItemName {
        let tag = self.sign(&[b"name", kind.as_bytes(), key.as_bytes()]);
        ItemName(BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    /// Compresses and authenticates a text for the item of this name; `None` if it is too large for an item.
    pub(crate) fn encode(&self, name: &ItemName, as_of: DateTime<Utc>, text: &str) -> Option<Vec<u8>> {
        let mut value = as_of.timestamp_millis().to_be_bytes().to_vec();
        let mut encoder = GzEncoder::new(&mut value, Compression::fast());
        encoder.write_all(text.as_bytes()).ok()?;
        encoder.finish().ok()?;
        let tag = self.sign(&[b"value", name.as_str().as_bytes(), &value]);
        value.extend_from_slice(tag.as_ref());
        Some(value).filter(|value| value.len() <= MAX_VALUE_BYTES)
    }

    /// The text that [`Self::encode`] authenticated for the item of this name, and its `as_of`; `None` for anything else.
    pub(crate) fn decode(&self, name: &ItemName, value: &[u8]) -> Option<(DateTime<Utc>, String)> {
        let (signed, tag) = value.split_at_checked(value.len().checked_sub(TAG_LENGTH)?)?;
        let message = message(&[b"value", name.as_str().as_bytes(), signed]);
        hmac::verify(&self.0, &message, tag).ok()?;
        let (as_of, compressed) = signed.split_at_checked(AS_OF_LENGTH)?;
        let as_of = DateTime::from_timestamp_millis(i64::from_be_bytes(as_of.try_into().ok()?))?;
        let mut text = String::new();
        GzDecoder::new(compressed).take(MAX_BYTES_PER_REQUEST as u64 + 1).read_to_string(&mut text).ok()?;
        Some((as_of, text)).filter(|(_, text)| text.len() <= MAX_BYTES_PER_REQUEST)
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> hmac::Tag {
        hmac::sign(&self.0, &message(parts))
    }
}

/// Joins the parts, each prefixed with its length, so that different lists never yield the same message.
fn message(parts: &[&[u8]]) -> Vec<u8> {
    let mut message = VERSION.to_vec();
    for part in parts {
        message.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pat::StoredPat;

    fn mac(pat: &str) -> ItemMac {
        ItemMac::new(&StoredPat::from_secret(pat.as_bytes()).unwrap().pat)
    }

    fn as_of() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_796_119_200_123).unwrap()
    }

    #[test]
    fn encoded_texts_are_decoded_up_to_the_byte_limit() {
        let mac = mac("pat");
        let name = mac.name("times", "a");
        let most = MAX_BYTES_PER_REQUEST;
        for (length, is_decoded) in [(0, true), (2, true), (most, true), (most + 1, false)] {
            let text = "x".repeat(length);
            let value = mac.encode(&name, as_of(), &text).unwrap();
            assert!(mac.decode(&name, &value) == is_decoded.then_some((as_of(), text)), "{length}");
        }
    }

    #[test]
    fn names_differ_by_pat_kind_and_key() {
        let names = [
            mac("pat").name("times", "a"),
            mac("other").name("times", "a"),
            mac("pat").name("user", "a"),
            mac("pat").name("times", "b"),
            mac("pat").name("timesa", ""),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name));
            assert_eq!(name.as_str().len(), 43);
        }
        assert_eq!(mac("pat").name("times", "a"), names[0]);
    }

    #[test]
    fn values_of_another_pat_or_name_and_damaged_values_are_rejected() {
        let (ours, theirs) = (mac("pat"), mac("other"));
        let name = ours.name("times", "a");
        let value = ours.encode(&name, as_of(), "text").unwrap();
        assert_eq!(theirs.decode(&name, &value), None, "another PAT");
        assert_eq!(ours.decode(&ours.name("times", "b"), &value), None, "moved");
        for index in 0..value.len() {
            let mut damaged = value.clone();
            damaged[index] ^= 1;
            assert_eq!(ours.decode(&name, &damaged), None, "byte {index}");
        }
        for cut in 0..value.len() {
            assert_eq!(ours.decode(&name, &value[..cut]), None, "{cut} bytes");
        }
        assert_eq!(ours.decode(&name, &[&value[..], b"x"].concat()), None);
    }

    #[test]
    fn values_larger_than_an_item_are_not_encoded() {
        let mac = mac("pat");
        let name = mac.name("times", "a");
        let mut number = 1_u64;
        let noise: String = std::iter::repeat_with(|| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from((number >> 33) % 90).unwrap())
        })
        .take(600_000)
        .collect();
        assert_eq!(mac.encode(&name, as_of(), &noise), None);
        assert!(
            mac.encode(&name, as_of(), &noise[..400_000]).is_some_and(|value| value.len() <= MAX_VALUE_BYTES)
        );
        let others = name.as_str().len() + "pkvaluelease".len() + "expires".len() + 2 * "1796119200123".len();
        assert!((408_000..=409_600).contains(&(MAX_VALUE_BYTES + others)), "DynamoDB's item limit is 400 KB");
    }

    #[test]
    fn debug_does_not_print_the_pat() {
        assert!(!format!("{:?}", mac("very-secret")).contains("very-secret"));
    }
}
