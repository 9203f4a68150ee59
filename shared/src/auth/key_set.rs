//! JWK Sets (RFC 7517, section 5), and the selection of keys for a token.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    jwk::{UnusableKey, VerificationKey},
    jws::CompactJws,
};
use crate::http::json::object_of_bytes;

/// The maximum number of different keys with the same `kid` that are tried for a token. The limit bounds the work that
/// a forged token can cause.
const MAX_CANDIDATES: usize = 4;

/// The keys of an issuer: at least one.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<VerificationKey>,
    left_out: Option<String>,
}

/// The keys of a set that may have signed a token.
#[derive(Debug)]
pub(crate) enum Candidates<'a> {
    /// Different keys with the token's `kid`, in the order of the set: at least one.
    Named(Vec<&'a VerificationKey>),
    /// The only key that fits the token, which does not name it.
    Unnamed(&'a VerificationKey),
    /// No key fits; the issuer may have published a new one.
    None,
    /// Different keys fit, and the token does not name one.
    Ambiguous,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Box<RawValue>>,
}

impl KeySet {
    /// Parses a JWK Set and leaves out unusable keys: a set may hold encryption keys and types of keys that are not
    /// supported (RFC 7517, section 5).
    ///
    /// # Errors
    ///
    /// A sentence, if the text is not a JWK Set or none of its keys is usable.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = object_of_bytes(json).ok_or("the answer is not a JWK Set")?;
        let total = set.keys.len();
        let mut keys = Vec::with_capacity(total);
        let mut unusable = Vec::new();
        for key in &set.keys {
            match VerificationKey::parse(key.get()) {
                Ok(key) => keys.push(key),
                Err(reason) => unusable.push(reason),
            }
        }
        if keys.is_empty() {
            let reasons = summary(&unusable);
            let separator = if reasons.is_empty() { "" } else { ": " };
            return Err(format!("none of the {total} keys of the JWK Set can be used{separator}{reasons}"));
        }
        unusable.retain(|reason| *reason != UnusableKey::ForEncryption);
        let left_out = (!unusable.is_empty()).then(|| {
            format!("{} of the {total} keys of the JWK Set: {}", unusable.len(), summary(&unusable))
        });
        Ok(Self { keys, left_out })
    }

    /// A set of one shared secret, for the HMAC algorithms.
    pub(crate) fn from_shared_secret(secret: &[u8]) -> Self {
        let key = VerificationKey {
            key_id: None,
            algorithms: vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
            key: DecodingKey::from_secret(secret),
        };
        Self { keys: vec![key], left_out: None }
    }

    /// How many keys were left out, and why, for the log. Encryption keys are not counted.
    pub(super) fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Selects the keys with the token's `kid` or, if there are none, the only key without a `kid`. For a token
    /// without `kid`, selects the only key that fits its algorithm. A key that is listed several times counts once.
    pub(crate) fn candidates(&self, jws: &CompactJws<'_>) -> Candidates<'_> {
        let fitting = || self.keys.iter().filter(|key| key.algorithms.contains(&jws.algorithm));
        let Some(key_id) = &jws.key_id else { return only(fitting()) };
        let named = distinct(fitting().filter(|key| key.key_id.as_ref() == Some(key_id)), MAX_CANDIDATES);
        if named.is_empty() {
            only(fitting().filter(|key| key.key_id.is_none()))
        } else {
            Candidates::Named(named)
        }
    }
}

/// The first `limit` different keys.
fn distinct<'a>(keys: impl Iterator<Item = &'a VerificationKey>, limit: usize) -> Vec<&'a VerificationKey> {
    let mut distinct: Vec<&VerificationKey> = Vec::new();
    for key in keys {
        if !distinct.iter().any(|other| other.is_same_key(key)) {
            distinct.push(key);
        }
        if distinct.len() == limit {
            break;
        }
    }
    distinct
}

fn only<'a>(keys: impl Iterator<Item = &'a VerificationKey>) -> Candidates<'a> {
    match distinct(keys, 2).as_slice() {
        [] => Candidates::None,
        [key] => Candidates::Unnamed(key),
        _ => Candidates::Ambiguous,
    }
}

/// Counts the keys for each reason: `not a JWK (1), unsupported kty or crv (2)`.
fn summary(unusable: &[UnusableKey]) -> String {
    let mut counts = BTreeMap::<UnusableKey, usize>::new();
    for reason in unusable {
        *counts.entry(*reason).or_default() += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::jwk::fixtures::{b64, ec_jwk, ed_jwk, rsa_jwk},
        *,
    };

    fn parse(keys: &[String]) -> Result<KeySet, String> {
        KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn unusable_keys_are_left_out_and_counted() {
        let good = rsa_jwk(2048, "");
        let encryption = rsa_jwk(2048, r#","use":"enc""#);
        for (others, expected) in [
            (vec![], None),
            (vec![encryption.clone()], None),
            (
                vec![r#"{"kty":5}"#.to_owned(), encryption.clone(), r#""x""#.to_owned(), rsa_jwk(512, "")],
                Some(
                    "3 of the 5 keys of the JWK Set: not a JWK (2), RSA modulus not of 2048 to 8192 bits (1)",
                ),
            ),
        ] {
            let set = parse(&[others, vec![good.clone()]].concat()).unwrap();
            assert_eq!((set.keys.len(), set.left_out()), (1, expected));
        }
        for (keys, expected) in [
            (vec![], "none of the 0 keys of the JWK Set can be used"),
            (
                vec![encryption, ec_jwk("P-521", 66, "")],
                "none of the 2 keys of the JWK Set can be used: meant for encryption (1), unsupported kty or crv (1)",
            ),
        ] {
            assert_eq!(parse(&keys).unwrap_err(), expected);
        }
    }

    #[test]
    fn other_json_is_not_a_key_set() {
        for bad in ["<html>".to_owned(), format!("[[{}]]", rsa_jwk(2048, ""))] {
            assert_eq!(KeySet::parse(bad.as_bytes()).unwrap_err(), "the answer is not a JWK Set", "{bad}");
        }
    }

    /// The `kid`s of the named candidates, or the kind of candidates.
    fn select(keys: &[String], header: &str) -> String {
        let set = parse(keys).unwrap();
        let token = format!("{}.e30.c2ln", b64(header.as_bytes()));
        let key_id = |key: &VerificationKey| key.key_id.clone().unwrap_or_else(|| "without kid".to_owned());
        match set.candidates(&CompactJws::parse(&token).unwrap()) {
            Candidates::Named(keys) => keys.into_iter().map(key_id).collect::<Vec<_>>().join(","),
            Candidates::Unnamed(key) => format!("only {}", key_id(key)),
            Candidates::None => "none".to_owned(),
            Candidates::Ambiguous => "ambiguous".to_owned(),
        }
    }

    #[test]
    fn key_is_selected_by_kid_or_as_the_only_one_that_fits() {
        let one = rsa_jwk(2048, r#","kid":"one""#);
        let two = rsa_jwk(2056, r#","kid":"two","alg":"RS256""#);
        let three = ec_jwk("P-256", 32, r#","kid":"three""#);
        let all = [one.clone(), two, three.clone()];
        let one_without_kid = [one, three, rsa_jwk(2064, "")];
        for (keys, header, expected) in [
            (&all, r#"{"alg":"RS256","kid":"two"}"#, "two"),
            (&all, r#"{"alg":"RS256","kid":"four"}"#, "none"),
            (&all, r#"{"alg":"RS256","kid":"../../etc/passwd"}"#, "none"),
            // The key's type and its alg must fit.
            (&all, r#"{"alg":"RS384","kid":"two"}"#, "none"),
            (&all, r#"{"alg":"RS256","kid":"three"}"#, "none"),
            (&all, r#"{"alg":"ES256"}"#, "only three"),
            (&all, r#"{"alg":"RS256"}"#, "ambiguous"),
            (&one_without_kid, r#"{"alg":"RS256","kid":"any"}"#, "only without kid"),
            (&one_without_kid, r#"{"alg":"RS256","kid":"one"}"#, "one"),
        ] {
            assert_eq!(select(keys, header), expected, "{header}");
        }
    }

    #[test]
    fn duplicate_keys_count_once() {
        let key = |kid: &str| ed_jwk(1, &format!(r#","kid":"{kid}""#));
        let other = |kid: &str| ed_jwk(2, &format!(r#","kid":"{kid}""#));
        let rsa = |more: &str| rsa_jwk(2048, &format!(r#","kid":"one"{more}"#));
        let leading_zero = rsa("").replace("AQAB", "AAEAAQ");
        let named = r#"{"alg":"EdDSA","kid":"one"}"#;
        let unnamed = r#"{"alg":"EdDSA"}"#;
        for (keys, header, expected) in [
            (vec![key("one"), key("one")], named, "one"),
            (vec![key("one"), other("one"), key("one")], named, "one,one"),
            (vec![key("one"), key("one")], unnamed, "only one"),
            (vec![key("one"), key("two")], unnamed, "only one"),
            (vec![key("one"), ed_jwk(1, r#","alg":"Ed25519""#)], unnamed, "only one"),
            (vec![key("one"), other("one")], unnamed, "ambiguous"),
            (vec![key("two"), ed_jwk(1, ""), ed_jwk(1, r#","use":"sig""#)], named, "only without kid"),
            (vec![ed_jwk(1, ""), ed_jwk(2, "")], named, "ambiguous"),
            (
                vec![rsa(""), rsa(r#","alg":"RS256""#), leading_zero, rsa("").replace("AQAB", "Aw")],
                r#"{"alg":"RS256","kid":"one"}"#,
                "one,one",
            ),
        ] {
            assert_eq!(select(&keys, header), expected, "{keys:?} {header}");
        }
    }

    #[test]
    fn at_most_four_different_keys_share_a_kid() {
        let keys = [1, 1, 2, 3, 2, 4, 5].map(|byte| ed_jwk(byte, r#","kid":"one""#));
        assert_eq!(select(&keys, r#"{"alg":"EdDSA","kid":"one"}"#), "one,one,one,one");
    }
}
