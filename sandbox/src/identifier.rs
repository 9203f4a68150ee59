//! Pseudo-random ids and numbers, derived from the seed and a key.

use ring::digest::{SHA256, digest};

/// The first 16 bytes of a digest of the seed and the key.
fn hash(seed: u64, key: &[&str]) -> u128 {
    let text = format!("{seed}\n{}", key.join("\n"));
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// Derives a version 4 UUID, the form of ids in live accounts.
pub(crate) fn uuid(seed: u64, key: &[&str]) -> String {
    const VERSION_AND_VARIANT: u128 = 0x0000_0000_0000_f000_c000_0000_0000_0000;
    const VERSION_4: u128 = 0x0000_0000_0000_4000_8000_0000_0000_0000;
    let number = (hash(seed, key) & !VERSION_AND_VARIANT) | VERSION_4;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        (number >> 80) & 0xffff,
        (number >> 64) & 0xffff,
        (number >> 48) & 0xffff,
        number & 0xffff_ffff_ffff,
    )
}

/// Derives an id in the form of accounts from before October 2021: 16 characters of `A`–`Z` and `0`–`9`.
pub(crate) fn legacy_id(seed: u64, key: &[&str]) -> String {
    let mut number = hash(seed, key);
    let mut next = || {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        number /= 36;
        char::from_digit(digit, 36).unwrap_or_default().to_ascii_uppercase()
    };
    (0..16).map(|_| next()).collect()
}

/// Derives a number.
pub(crate) fn number(seed: u64, key: &[&str]) -> u64 {
    let hash = hash(seed, key);
    u64::try_from((hash >> 64) ^ (hash & u128::from(u64::MAX))).unwrap_or_default()
}
