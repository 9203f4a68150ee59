//! Items of the remote cache.
#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::{io::Read, str::from_utf8, sync::LazyLock};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use chrono::{DateTime, Utc};
use flate2::bufread::GzDecoder;

use super::{members, once};
use crate::{
    cache::remote::{ItemMac, ItemName, dynamodb::Item, remote_cache::is_held},
    pat::StoredPat,
};

/// A PAT's MAC key and the name of an item under it.
static KEY: LazyLock<Option<(ItemMac, ItemName)>> = LazyLock::new(|| {
    let mac = ItemMac::new(&StoredPat::from_secret(b"pat")?.pat);
    let name = mac.name("times", "a");
    Some((mac, name))
});

/// DynamoDB's response and the value in it: a value without the PAT's MAC is rejected, one with it is decoded whole,
/// and a lease ends.
pub fn item(bytes: &[u8]) {
    let Some((mac, name)) = &*KEY else { panic!("no MAC key") };
    get_item(bytes);
    assert_eq!(mac.decode(name, bytes), None, "decoded without a MAC");

    // With a valid MAC.
    let mut signed = bytes.to_vec();
    signed.extend_from_slice(mac.sign(&[b"value", name.as_str().as_bytes(), bytes]).as_ref());
    assert_eq!(mac.decode(name, &signed), decompressed(bytes), "a different value");

    if let Ok(text) = from_utf8(bytes) {
        let as_of = DateTime::from_timestamp_millis(1_796_119_200_123).unwrap_or_default();
        let Some(mut value) = mac.encode(name, as_of, text) else {
            assert!(text.len() > 300_000, "not encoded");
            return;
        };
        assert_eq!(mac.decode(name, &value), Some((as_of, text.to_owned())), "damaged");
        if let Some(byte) = value.get_mut(text.len() % 40) {
            *byte ^= 1;
        }
        assert_eq!(mac.decode(name, &value), None, "damage was not detected");
    }
}

/// `as_of`, and a text in gzip.
fn decompressed(bytes: &[u8]) -> Option<(DateTime<Utc>, String)> {
    let (as_of, compressed) = bytes.split_first_chunk::<8>()?;
    let as_of = DateTime::from_timestamp_millis(i64::from_be_bytes(*as_of))?;
    let mut text = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut text).ok()?;
    Some((as_of, String::from_utf8(text).ok()?)).filter(|(_, text)| text.len() <= 32 * 1024 * 1024)
}

/// A response to `GetItem`.
fn get_item(bytes: &[u8]) {
    let read = Item::parse(bytes);
    let answer = from_utf8(bytes).ok().and_then(members);
    let Some(answer) = answer else {
        assert_eq!(read, None, "a malformed response");
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
    assert_eq!(value, expected, "a different value");
    let now = DateTime::from_timestamp_millis(1_796_119_200_000).unwrap_or_default();
    if is_held(lease.as_ref(), now) {
        let until = lease.as_ref().and_then(|lease| lease.until()).unwrap_or_default();
        assert!((1..=3_500).contains(&(until - 1_796_119_200_000)), "held for too long");
        let later = now + chrono::TimeDelta::milliseconds(3_500);
        assert!(!is_held(lease.as_ref(), later), "does not end");
    }
}
