//! An oracle for JWK Sets.
#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::{collections::BTreeSet, str::from_utf8};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKeyKind};
use serde_json::{json, value::RawValue};

use super::{auth::ALGORITHMS, list, members, once, padded_base64url};
use crate::auth::{
    jwk::VerificationKey,
    jws::CompactJws,
    key_set::{Candidates, KeySet},
    keys::{Verification, verify_with},
    verify,
};

/// Checks the candidates of a JWK Set for every algorithm and key id, and that an error message has no part of the
/// set.
pub fn keys(bytes: &[u8]) {
    verify::install_provider();
    let read = KeySet::parse(bytes);
    let expected = from_utf8(bytes).ok().and_then(jwk_set);
    let (set, expected) = match (read, expected) {
        (Ok(set), Some(expected)) if !expected.is_empty() => (set, expected),
        (Ok(_), _) => panic!("a set without usable keys was accepted"),
        (Err(reason), expected) => {
            assert!(expected.is_none_or(|keys| keys.is_empty()), "a usable set was refused: {reason}");
            let is_fixed = reason == "the answer is not a JWK Set" || reason.starts_with("none of the ");
            assert!(is_fixed && reason.len() < 500, "{reason}");
            return;
        }
    };
    let key_ids: BTreeSet<_> = expected.iter().take(4).map(|key| key.key_id.clone()).chain([None]).collect();
    for (name, algorithm) in ALGORITHMS {
        for key_id in &key_ids {
            let header = json!({"alg": name, "kid": key_id}).to_string();
            let token = format!("{}.e30.AAAA", BASE64_URL_SAFE_NO_PAD.encode(&header));
            let Ok(jws) = CompactJws::parse(&token) else { panic!("{token}") };
            let fitting = |has_kid: &dyn Fn(&Key) -> bool| {
                let mut distinct = Vec::new();
                for key in expected.iter().filter(|key| key.algorithms.contains(&algorithm) && has_kid(key)) {
                    if !distinct.contains(&key.material) {
                        distinct.push(key.material.clone());
                    }
                }
                distinct
            };
            let named = fitting(&|key| key_id.is_some() && key.key_id == *key_id);
            let unnamed = fitting(&|key| key_id.is_none() || key.key_id.is_none());
            let candidates = set.candidates(&jws);
            let selected: Vec<_> = match &candidates {
                Candidates::Named(keys) => keys.iter().map(|key| material(key)).collect(),
                Candidates::Unnamed(key) => vec![material(key)],
                Candidates::None | Candidates::Ambiguous => Vec::new(),
            };
            let is_expected = match candidates {
                Candidates::Named(_) => !named.is_empty() && named.iter().take(4).eq(&selected),
                Candidates::Unnamed(_) => named.is_empty() && unnamed == selected,
                Candidates::None => named.is_empty() && unnamed.is_empty(),
                Candidates::Ambiguous => named.is_empty() && unnamed.len() > 1,
            };
            assert!(is_expected, "different candidates for {header}");
            assert!(
                !matches!(verify_with(&set, &jws), Verification::Valid),
                "a forged signature was accepted"
            );
        }
    }
}

/// The bytes of a key, without its `kid` and `alg`.
fn material(key: &VerificationKey) -> Vec<Vec<u8>> {
    match key.key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => vec![bytes.clone()],
        DecodingKeyKind::RsaModulusExponent { n, e } => vec![n.clone(), e.clone()],
    }
}

/// A usable verification key.
struct Key {
    key_id: Option<String>,
    algorithms: Vec<Algorithm>,
    material: Vec<Vec<u8>>,
}

/// The usable keys of a set.
fn jwk_set(json: &str) -> Option<Vec<Key>> {
    let keys = list(once(&members(json)?, "keys")??)?;
    Some(keys.into_iter().filter_map(jwk).collect())
}

fn jwk(json: &RawValue) -> Option<Key> {
    let members = members(json.get())?;
    let text = |name: &str| match once(&members, name) {
        Some(None) => Some(None),
        Some(Some(value)) => serde_json::from_str::<String>(value).ok().map(Some),
        None => None,
    };
    let [key_id, algorithm, use_, curve, n, e, x, y] =
        ["kid", "alg", "use", "crv", "n", "e", "x", "y"].map(text);
    let operations = match once(&members, "key_ops")? {
        None => None,
        Some(operations) => Some(serde_json::from_str::<Vec<String>>(operations).ok()?),
    };
    let (curve, n, e, x, y) = (curve?, n?, e?, x?, y?);
    let is_for_signatures = use_?.is_none_or(|use_| use_ == "sig")
        && operations.is_none_or(|operations| operations.contains(&"verify".to_owned()));
    let coordinate = |text: Option<String>, length: usize| {
        padded_base64url(text.as_deref()?).filter(|bytes| bytes.len() == length)
    };
    let (mut algorithms, material) = match (text("kty")??.as_str(), curve.as_deref()) {
        ("RSA", _) => {
            let number = |text: Option<String>| {
                let bytes = padded_base64url(&text?)?;
                Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>())
            };
            let (n, e) = (number(n)?, number(e)?);
            let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
            let exponent = e.iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            let is_good =
                (2_048..=8_192).contains(&bits) && (3..1 << 40).contains(&exponent) && exponent % 2 == 1;
            if !is_good || e.len() > 5 {
                return None;
            }
            let algorithms = ALGORITHMS.iter().filter(|(name, _)| name.starts_with(['R', 'P']));
            (algorithms.map(|(_, algorithm)| *algorithm).collect(), vec![n, e])
        }
        ("EC", Some(curve @ ("P-256" | "P-384"))) => {
            let (algorithm, length) =
                if curve == "P-256" { (Algorithm::ES256, 32) } else { (Algorithm::ES384, 48) };
            (vec![algorithm], vec![[vec![4], coordinate(x, length)?, coordinate(y, length)?].concat()])
        }
        ("OKP", Some("Ed25519")) => (vec![Algorithm::EdDSA], vec![coordinate(x, 32)?]),
        _ => return None,
    };
    if let Some(alg) = algorithm? {
        algorithms.retain(|algorithm| ALGORITHMS.contains(&(alg.as_str(), *algorithm)));
    }
    let is_usable = is_for_signatures && !algorithms.is_empty();
    is_usable.then_some(Key { key_id: key_id?, algorithms, material })
}
