//! Changes to the published key set, for faults.

use ring::rand::SystemRandom;
use serde::Deserialize;
use serde_json::Value;

use super::keys::{KeyRing, ec_jwk, ed25519_jwk, rsa, rsa_jwk};

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

/// Applies a change to published keys; `None` if they are not keys of this issuer.
pub(crate) fn change_key_set(keys: Vec<Value>, change: KeySetChange) -> Option<Vec<Value>> {
    let mut changed = Vec::new();
    for mut key in keys {
        match change {
            KeySetChange::ListedTwice => changed.extend([key.clone(), key]),
            KeySetChange::SharedKidGoodFirst => changed.extend([key.clone(), other_key(&key)?]),
            KeySetChange::SharedKidGoodLast => changed.extend([other_key(&key)?, key]),
            KeySetChange::Ed25519Alg => {
                let is_ed25519 = key.get("crv").is_some_and(|curve| curve == "Ed25519");
                if let Some(algorithm) = key.get_mut("alg").filter(|_| is_ed25519) {
                    *algorithm = "Ed25519".into();
                }
                changed.push(key);
            }
            KeySetChange::Padded => {
                for name in ["n", "e", "x", "y"] {
                    if let Some(Value::String(text)) = key.get_mut(name) {
                        text.extend(std::iter::repeat_n('=', text.len().wrapping_neg() % 4));
                    }
                }
                changed.push(key);
            }
        }
    }
    Some(changed)
}

/// Returns a different key with the type, `kid` and `alg` of a published key.
fn other_key(key: &Value) -> Option<Value> {
    let random = SystemRandom::new();
    let KeyRing { p256, p384, ed25519, .. } = KeyRing::forged(&random).ok()?;
    let kid = key.get("kid")?.as_str()?;
    let mut other = match key.get("crv").and_then(Value::as_str) {
        Some("P-256") => ec_jwk(&p256, kid, "P-256", "ES256"),
        Some("P-384") => ec_jwk(&p384, kid, "P-384", "ES384"),
        Some("Ed25519") => ed25519_jwk(&ed25519, kid),
        _ => [
            include_bytes!("../../keys/rsa-first.der").as_slice(),
            include_bytes!("../../keys/rsa-second.der"),
        ]
        .into_iter()
        .filter_map(|document| Some(Value::from(rsa_jwk(&rsa("rsa", document).ok()?, kid))))
        .find(|other| other.get("n") != key.get("n"))?,
    };
    if let (Some(members), Some(algorithm)) = (other.as_object_mut(), key.get("alg")) {
        members.insert("alg".to_owned(), algorithm.clone());
    }
    Some(other)
}
