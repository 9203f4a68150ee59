//! Names and values of the table's items, which only who has the PAT could have made.

use std::io::{Read, Write};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use ring::hmac;

use crate::pat::Pat;

/// What is signed begins with this: an item of another version has another name and no good signature.
const VERSION: &[u8] = b"calendly-functions 1";

/// The length of HMAC-SHA-256.
const TAG_LENGTH: usize = 32;

/// The length of the moment in front of a value, in milliseconds since 1970.
const MOMENT_LENGTH: usize = 8;

/// DynamoDB's largest item has 400 KB, its names included.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const LARGEST: usize = 400 * 1024 - 1024;

/// No more than this comes out of a value: as much as is read of Calendly for one request.
const LARGEST_UNPACKED: u64 = 32 * 1024 * 1024;

/// The key that a PAT makes. It does not print.
#[derive(Debug, Clone)]
pub(crate) struct ItemMac(hmac::Key);

/// What an item is called: nothing that it is about can be had from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ItemMac {
    pub(crate) fn of(pat: &Pat) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, pat.expose().as_bytes()))
    }

    /// The name of what is of this `kind` and about this `key`.
    pub(crate) fn name(&self, kind: &str, key: &str) -> Name {
        let tag = self.sign(&[b"name", kind.as_bytes(), key.as_bytes()]);
        Name(BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    /// A value for the item of this name; `None` if it is too large for one.
    pub(crate) fn seal(&self, name: &Name, as_of: DateTime<Utc>, text: &str) -> Option<Vec<u8>> {
        let mut sealed = as_of.timestamp_millis().to_be_bytes().to_vec();
        let mut encoder = GzEncoder::new(&mut sealed, Compression::fast());
        encoder.write_all(text.as_bytes()).ok()?;
        encoder.finish().ok()?;
        let tag = self.sign(&[b"value", name.as_str().as_bytes(), &sealed]);
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed).filter(|sealed| sealed.len() <= LARGEST)
    }

    /// What was sealed for the item of this name, and as of when; `None` for anything else.
    pub(crate) fn open(&self, name: &Name, sealed: &[u8]) -> Option<(DateTime<Utc>, String)> {
        let (signed, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_LENGTH)?)?;
        let message = message(&[b"value", name.as_str().as_bytes(), signed]);
        hmac::verify(&self.0, &message, tag).ok()?;
        let (moment, packed) = signed.split_at_checked(MOMENT_LENGTH)?;
        let as_of = DateTime::from_timestamp_millis(i64::from_be_bytes(moment.try_into().ok()?))?;
        let mut text = String::new();
        let length = GzDecoder::new(packed).take(LARGEST_UNPACKED + 1).read_to_string(&mut text).ok()?;
        Some((as_of, text)).filter(|_| u64::try_from(length).is_ok_and(|length| length <= LARGEST_UNPACKED))
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> hmac::Tag {
        hmac::sign(&self.0, &message(parts))
    }
}

/// One text for all parts, each with its length before it, so that none can run into the next.
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

    fn seal(pat: &str) -> ItemMac {
        ItemMac::of(&StoredPat::from_secret(pat.as_bytes()).unwrap().pat)
    }

    fn moment() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_796_119_200_123).unwrap()
    }

    #[test]
    fn what_is_sealed_can_be_opened() {
        let seal = seal("pat");
        let name = seal.name("times", "a");
        for text in ["", "{}", &"x".repeat(5_000_000)] {
            let sealed = seal.seal(&name, moment(), text).unwrap();
            assert_eq!(seal.open(&name, &sealed), Some((moment(), text.to_owned())));
        }
    }

    #[test]
    fn names_tell_pats_kinds_and_keys_apart_and_say_nothing() {
        let names = [
            seal("pat").name("times", "a"),
            seal("other").name("times", "a"),
            seal("pat").name("user", "a"),
            seal("pat").name("times", "b"),
            seal("pat").name("timesa", ""),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name));
            assert_eq!(name.as_str().len(), 43);
        }
        assert_eq!(seal("pat").name("times", "a"), names[0]);
    }

    #[test]
    fn what_was_not_written_with_this_pat_for_this_name_is_not_opened() {
        let (ours, theirs) = (seal("pat"), seal("other"));
        let name = ours.name("times", "a");
        let sealed = ours.seal(&name, moment(), "text").unwrap();
        assert_eq!(theirs.open(&name, &sealed), None, "another PAT");
        assert_eq!(ours.open(&ours.name("times", "b"), &sealed), None, "moved");
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert_eq!(ours.open(&name, &damaged), None, "byte {index}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(ours.open(&name, &sealed[..cut]), None, "{cut} bytes");
        }
        assert_eq!(ours.open(&name, &[&sealed[..], b"x"].concat()), None);
    }

    #[test]
    fn what_does_not_fit_is_not_sealed() {
        let seal = seal("pat");
        let name = seal.name("times", "a");
        let mut number = 1_u64;
        let noise: String = std::iter::repeat_with(|| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from((number >> 33) % 90).unwrap())
        })
        .take(600_000)
        .collect();
        assert_eq!(seal.seal(&name, moment(), &noise), None);
        assert!(seal.seal(&name, moment(), &noise[..400_000]).is_some_and(|sealed| sealed.len() <= LARGEST));
        let others = name.as_str().len() + "pkvaluelease".len() + "expires".len() + 2 * "1796119200123".len();
        assert!((408_000..=409_600).contains(&(LARGEST + others)), "an item of DynamoDB's has 400 KB");
    }

    #[test]
    fn what_unpacks_to_more_than_is_read_is_not_opened_in_part() {
        let seal = seal("pat");
        let name = seal.name("times", "a");
        let most = usize::try_from(LARGEST_UNPACKED).unwrap();
        let opened = |length: usize| {
            let sealed = seal.seal(&name, moment(), &"x".repeat(length)).unwrap();
            seal.open(&name, &sealed).map(|(_, text)| text.len())
        };
        assert_eq!(opened(most), Some(most));
        assert_eq!(opened(most + 1), None);
    }

    #[test]
    fn a_seal_does_not_print_the_pat() {
        assert!(!format!("{:?}", seal("very-secret")).contains("very-secret"));
    }
}
