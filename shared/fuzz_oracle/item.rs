//! Items of the table.
#![expect(clippy::panic, reason = "this is how a finding is told")]

use std::{io::Read, str::from_utf8, sync::LazyLock};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use chrono::{DateTime, Utc};
use flate2::bufread::GzDecoder;

use super::{members, once};
use crate::cache::remote::{ItemMac, Name, dynamodb::Item, lease::is_held};
use crate::pat::StoredPat;

/// A PAT's seal and the name of an item under it.
static SEALED: LazyLock<Option<(ItemMac, Name)>> = LazyLock::new(|| {
    let seal = ItemMac::of(&StoredPat::from_secret(b"pat")?.pat);
    let name = seal.name("times", "a");
    Some((seal, name))
});

/// DynamoDB's answer, the value in it and what is sealed: whatever was not sealed with the PAT is not opened, whatever was
/// comes back whole, and a lease ends.
pub fn item(bytes: &[u8]) {
    let Some((seal, name)) = &*SEALED else { panic!("there is no seal") };
    answer(bytes);
    assert_eq!(seal.open(name, bytes), None, "who has no PAT wrote it");

    // Who has the PAT signed it.
    let mut signed = bytes.to_vec();
    signed.extend_from_slice(seal.sign(&[b"value", name.as_str().as_bytes(), bytes]).as_ref());
    assert_eq!(seal.open(name, &signed), unpacked(bytes), "another value");

    if let Ok(text) = from_utf8(bytes) {
        let as_of = DateTime::from_timestamp_millis(1_796_119_200_123).unwrap_or_default();
        let Some(mut sealed) = seal.seal(name, as_of, text) else {
            assert!(text.len() > 300_000, "it was not sealed");
            return;
        };
        assert_eq!(seal.open(name, &sealed), Some((as_of, text.to_owned())), "it was damaged");
        if let Some(byte) = sealed.get_mut(text.len() % 40) {
            *byte ^= 1;
        }
        assert_eq!(seal.open(name, &sealed), None, "the damage was not noticed");
    }
}

/// A moment, and a text in gzip.
fn unpacked(bytes: &[u8]) -> Option<(DateTime<Utc>, String)> {
    let (moment, packed) = bytes.split_first_chunk::<8>()?;
    let as_of = DateTime::from_timestamp_millis(i64::from_be_bytes(*moment))?;
    let mut text = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut text).ok()?;
    Some((as_of, String::from_utf8(text).ok()?)).filter(|(_, text)| text.len() <= 32 * 1024 * 1024)
}

/// An answer to `GetItem`.
fn answer(bytes: &[u8]) {
    let read = Item::read(bytes);
    let answer = from_utf8(bytes).ok().and_then(members);
    let Some(answer) = answer else {
        assert_eq!(read, None, "an answer that is none");
        return;
    };
    let Some(Item { value, lease }) = read else { return };
    let item = once(&answer, "Item").flatten();
    let expected = item.and_then(|item| {
        let item: serde_json::Value = serde_json::from_str(item).ok()?;
        let text = item.get("value")?.get("B")?.as_str()?.to_owned();
        // With padding, and in one spelling.
        let bytes = BASE64_STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        (BASE64_STANDARD.encode(&bytes) == text).then_some(bytes)
    });
    assert_eq!(value, expected, "another value");
    let now = DateTime::from_timestamp_millis(1_796_119_200_000).unwrap_or_default();
    if is_held(lease.as_ref(), now) {
        let until = lease.as_ref().and_then(|lease| lease.until()).unwrap_or_default();
        assert!((1..=3_500).contains(&(until - 1_796_119_200_000)), "it is held for too long");
        let later = now + chrono::TimeDelta::milliseconds(3_500);
        assert!(!is_held(lease.as_ref(), later), "it does not end");
    }
}
