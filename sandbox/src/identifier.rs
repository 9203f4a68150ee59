//! Identifiers that look random and follow from the seed.

use ring::digest::{SHA256, digest};

/// The first 16 bytes of a digest of the seed and of what is to be identified.
fn bytes(seed: u64, of: &[&str]) -> u128 {
    let text = format!("{seed}\n{}", of.join("\n"));
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .take(16)
        .fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// A UUID in the hyphenated form that live accounts have (calendly-api, section 1.0).
pub(crate) fn uuid(seed: u64, of: &[&str]) -> String {
    const VERSION_AND_VARIANT: u128 = 0x0000_0000_0000_f000_c000_0000_0000_0000;
    const VERSION_4: u128 = 0x0000_0000_0000_4000_8000_0000_0000_0000;
    let number = (bytes(seed, of) & !VERSION_AND_VARIANT) | VERSION_4;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        (number >> 80) & 0xffff,
        (number >> 64) & 0xffff,
        (number >> 48) & 0xffff,
        number & 0xffff_ffff_ffff,
    )
}

/// A number that follows from the seed and from what it is for.
pub(crate) fn number(seed: u64, of: &[&str]) -> u64 {
    let wide = bytes(seed, of);
    // Both halves count, so the cut loses nothing that matters.
    u64::try_from((wide >> 64) ^ (wide & u128::from(u64::MAX))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn a_uuid_is_of_version_4_and_follows_from_the_seed() {
        let one = uuid(1, &["user", "a"]);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_eq!(one, uuid(1, &["user", "a"]));
        assert_ne!(one, uuid(2, &["user", "a"]));
        assert_ne!(one, uuid(1, &["user", "b"]));
    }
}
