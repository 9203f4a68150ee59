//! Ids and pseudo-random numbers, derived from a key.

use ring::digest::{SHA256, digest};
use uuid::Builder;

/// Part of every hash. README.md shows an id that depends on it.
const SEED: u64 = 1;

/// The first 16 bytes of a digest of the key.
fn hash(key: &[&str]) -> u128 {
    let digest = digest(&SHA256, format!("{SEED}\n{}", key.join("\n")).as_bytes());
    digest.as_ref().iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// Derives a UUID, the form of ids in live accounts.
pub(crate) fn uuid(key: &[&str]) -> String {
    Builder::from_random_bytes(hash(key).to_be_bytes()).into_uuid().to_string()
}

/// Returns a random UUID.
pub(crate) fn random_uuid() -> String {
    Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid().to_string()
}

/// Derives a page token: 32 characters.
pub(crate) fn page_token(key: &[&str]) -> String {
    format!("{:032x}", hash(key))
}

/// Derives a number.
pub(crate) fn number(key: &[&str]) -> u64 {
    let hash = hash(key);
    ((hash >> 64) ^ hash) as u64
}
