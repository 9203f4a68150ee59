//! JWK Sets (RFC 7517, section 5), and the selection of a token's key.

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    jwk::{self, VerificationKey},
    jws::CompactJws,
};
use crate::http::json::object_of_bytes;

/// The keys of an issuer: at least one.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<VerificationKey>);

/// The key of a set that fits a token.
#[derive(Debug)]
pub(crate) enum KeyChoice<'a> {
    /// Exactly one key fits.
    Key(&'a VerificationKey),
    /// No key fits; the issuer may have published a new one.
    None,
    /// Several keys fit, and the token does not name one.
    Ambiguous,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Box<RawValue>>,
}

impl KeySet {
    /// Parses a JWK Set and skips unusable keys: a set may hold encryption keys and types of keys that are not
    /// supported (RFC 7517, section 5).
    ///
    /// # Errors
    ///
    /// A sentence, if the text is not a JWK Set or none of its keys is usable.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = object_of_bytes(json).ok_or("the answer is not a JWK Set")?;
        let keys: Vec<_> = set.keys.iter().filter_map(|key| jwk::parse(key.get())).collect();
        if keys.is_empty() {
            return Err(format!("none of the {} keys of the JWK Set can be used", set.keys.len()));
        }
        Ok(Self(keys))
    }

    /// A set of one shared secret, for the HMAC algorithms.
    pub(crate) fn from_shared_secret(secret: &[u8]) -> Self {
        Self(vec![VerificationKey {
            key_id: None,
            algorithms: vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
            key: DecodingKey::from_secret(secret),
        }])
    }

    /// Selects the key with the token's `kid` or, if there is none, the only key without a `kid`. For a token
    /// without `kid`, selects the only key that fits its algorithm.
    pub(crate) fn select(&self, jws: &CompactJws<'_>) -> KeyChoice<'_> {
        let fitting = || self.0.iter().filter(|key| key.algorithms.contains(&jws.algorithm));
        match &jws.key_id {
            None => only(fitting()),
            Some(key_id) => match only(fitting().filter(|key| key.key_id.as_ref() == Some(key_id))) {
                KeyChoice::None => only(fitting().filter(|key| key.key_id.is_none())),
                choice => choice,
            },
        }
    }
}

fn only<'a>(mut keys: impl Iterator<Item = &'a VerificationKey>) -> KeyChoice<'a> {
    match (keys.next(), keys.next()) {
        (None, _) => KeyChoice::None,
        (Some(key), None) => KeyChoice::Key(key),
        (Some(_), Some(_)) => KeyChoice::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::jwk::fixtures::{b64, ec_jwk, rsa_jwk},
        *,
    };

    #[test]
    fn unusable_keys_are_skipped() {
        let set = format!(r#"{{"keys":[{{"kty":5}},"x",{},{}]}}"#, rsa_jwk(512, ""), rsa_jwk(2048, ""));
        assert_eq!(KeySet::parse(set.as_bytes()).unwrap().0.len(), 1);
        assert_eq!(
            KeySet::parse(br#"{"keys":[{"kty":5}]}"#).unwrap_err(),
            "none of the 1 keys of the JWK Set can be used"
        );
        for bad in ["<html>".to_owned(), format!("[[{}]]", rsa_jwk(2048, ""))] {
            assert_eq!(KeySet::parse(bad.as_bytes()).unwrap_err(), "the answer is not a JWK Set", "{bad}");
        }
    }

    fn select(set: &[String], header: &str) -> String {
        let set = KeySet::parse(format!(r#"{{"keys":[{}]}}"#, set.join(",")).as_bytes()).unwrap();
        let token = format!("{}.e30.c2ln", b64(header.as_bytes()));
        match set.select(&CompactJws::parse(&token).unwrap()) {
            KeyChoice::Key(key) => key.key_id.clone().unwrap_or_else(|| "without_kid".to_owned()),
            KeyChoice::None => "none".to_owned(),
            KeyChoice::Ambiguous => "ambiguous".to_owned(),
        }
    }

    #[test]
    fn key_is_selected_by_kid_or_as_the_only_one_that_fits() {
        let one = rsa_jwk(2048, r#","kid":"one""#);
        let two = rsa_jwk(2048, r#","kid":"two""#);
        let three = ec_jwk("P-256", 32, r#","kid":"three""#);
        let without_kid = rsa_jwk(2048, "");
        let all = [one.clone(), two.clone(), three.clone()];
        assert_eq!(select(&all, r#"{"alg":"RS256","kid":"two"}"#), "two");
        assert_eq!(select(&all, r#"{"alg":"RS256","kid":"four"}"#), "none");
        assert_eq!(select(&all, r#"{"alg":"RS256","kid":"../../etc/passwd"}"#), "none");
        assert_eq!(select(&all, r#"{"alg":"RS256","kid":"' OR 1=1 --"}"#), "none");
        assert_eq!(select(&all, r#"{"alg":"RS256","kid":"three"}"#), "none", "the key's type must fit");
        assert_eq!(select(&all, r#"{"alg":"ES256"}"#), "three");
        assert_eq!(select(&all, r#"{"alg":"RS256"}"#), "ambiguous");
        assert_eq!(select(&[one.clone(), one.clone()], r#"{"alg":"RS256","kid":"one"}"#), "ambiguous");
        assert_eq!(select(&[three, without_kid.clone()], r#"{"alg":"RS256","kid":"any"}"#), "without_kid");
        assert_eq!(select(&[one, without_kid], r#"{"alg":"RS256","kid":"one"}"#), "one");
    }

    #[test]
    fn shared_secret_fits_hmac_only() {
        let set = KeySet::from_shared_secret(&[0; 32]);
        for (alg, fits) in
            [("HS256", true), ("HS384", true), ("HS512", true), ("RS256", false), ("EdDSA", false)]
        {
            let token = format!("{}.e30.c2ln", b64(format!(r#"{{"alg":"{alg}","kid":"any"}}"#).as_bytes()));
            let jws = CompactJws::parse(&token).unwrap();
            assert_eq!(matches!(set.select(&jws), KeyChoice::Key(_)), fits, "{alg}");
        }
    }
}
