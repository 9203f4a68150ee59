//! Changes to the published key set, for faults.

use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING};
use serde::Deserialize;

use super::jwk::Jwk;
use super::keys::{generate_ecdsa, generate_ed25519};

/// A change to the published key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySetChange {
    /// Lists every key twice.
    ListedTwice,
    /// Adds a different key of the same type and `kid` after every key.
    SharedKidGoodFirst,
    /// Adds a different key of the same type and `kid` before every key.
    SharedKidGoodLast,
    /// Names the algorithm of the Ed25519 key `Ed25519` (RFC 9864) instead of `EdDSA`.
    #[serde(rename = "ed25519_alg")]
    Ed25519Alg,
    /// Pads the base64url members with `=`.
    Padded,
}

/// Applies a change to the published keys.
pub(crate) fn change_key_set(keys: &[Jwk], change: KeySetChange) -> Vec<Jwk> {
    keys.iter()
        .flat_map(|key| match change {
            KeySetChange::ListedTwice => vec![key.clone(), key.clone()],
            KeySetChange::SharedKidGoodFirst => vec![key.clone(), other_key(key, keys)],
            KeySetChange::SharedKidGoodLast => vec![other_key(key, keys), key.clone()],
            KeySetChange::Ed25519Alg => vec![Jwk { alg: rfc_9864_alg(key), ..key.clone() }],
            KeySetChange::Padded => vec![Jwk {
                n: padded(&key.n),
                e: padded(&key.e),
                x: padded(&key.x),
                y: padded(&key.y),
                ..key.clone()
            }],
        })
        .collect()
}

/// Returns a different key with the type, `kid` and `alg` of a published key.
fn other_key(key: &Jwk, keys: &[Jwk]) -> Jwk {
    match key.crv.as_deref() {
        Some("P-256") => {
            Jwk::ec(&generate_ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING), &key.kid, "P-256", "ES256")
        }
        Some("P-384") => {
            Jwk::ec(&generate_ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING), &key.kid, "P-384", "ES384")
        }
        Some(_) => Jwk::ed25519(&generate_ed25519(), &key.kid),
        None => {
            // The exponents of both RSA keys are equal.
            let other_modulus =
                keys.iter().filter_map(|other| other.n.clone()).find(|n| Some(n) != key.n.as_ref());
            Jwk { n: other_modulus, ..key.clone() }
        }
    }
}

fn rfc_9864_alg(key: &Jwk) -> Option<String> {
    if key.alg.as_deref() == Some("EdDSA") { Some("Ed25519".to_owned()) } else { key.alg.clone() }
}

fn padded(member: &Option<String>) -> Option<String> {
    let text = member.as_ref()?;
    Some(format!("{text}{}", "=".repeat(text.len().wrapping_neg() % 4)))
}
