//! Published keys: a JWK Set (RFC 7517) and the choice of a key for a token.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::jws::CompactJws;
use crate::http::json::{object, object_of_bytes};

/// The smallest RSA modulus that is accepted (RFC 7518, section 3.3), and the largest that ring takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key and what it may verify.
#[derive(Debug)]
pub(crate) struct VerificationKey {
    pub(crate) key_id: Option<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) key: DecodingKey,
}

/// The keys of an issuer: at least one.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<VerificationKey>);

/// What a set has for a token.
#[derive(Debug)]
pub(crate) enum Choice<'a> {
    /// This key.
    Key(&'a VerificationKey),
    /// None: perhaps the issuer has published a new one since.
    Unknown,
    /// More than one, and the token does not say which.
    Ambiguous,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    public_key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The usable keys of a JWK Set. A key that cannot be used spoils only itself: a set may hold
    /// encryption keys and kinds of key that this service does not know (RFC 7517, section 5).
    ///
    /// # Errors
    ///
    /// A sentence, if the text is no JWK Set or none of its keys can be used.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = object_of_bytes(json).ok_or("the answer is not a JWK Set")?;
        let keys: Vec<_> = set.keys.iter().filter_map(|key| verification_key(key.get())).collect();
        if keys.is_empty() {
            return Err(format!("none of the {} keys of the JWK Set can be used", set.keys.len()));
        }
        Ok(Self(keys))
    }

    /// One secret, for tokens that are signed with a MAC.
    pub(crate) fn of_shared_secret(secret: &[u8]) -> Self {
        Self(vec![VerificationKey {
            key_id: None,
            algorithms: vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
            key: DecodingKey::from_secret(secret),
        }])
    }

    /// The key for a token: the one with its `kid`, else the only one without any; where the token names
    /// no `kid`, the only one that fits its algorithm.
    pub(crate) fn choose(&self, jws: &CompactJws<'_>) -> Choice<'_> {
        let fitting = || self.0.iter().filter(|key| key.algorithms.contains(&jws.algorithm));
        match &jws.key_id {
            None => only(fitting()),
            Some(key_id) => match only(fitting().filter(|key| key.key_id.as_ref() == Some(key_id))) {
                Choice::Unknown => only(fitting().filter(|key| key.key_id.is_none())),
                choice => choice,
            },
        }
    }
}

fn only<'a>(mut keys: impl Iterator<Item = &'a VerificationKey>) -> Choice<'a> {
    match (keys.next(), keys.next()) {
        (None, _) => Choice::Unknown,
        (Some(key), None) => Choice::Key(key),
        (Some(_), Some(_)) => Choice::Ambiguous,
    }
}

fn verification_key(json: &str) -> Option<VerificationKey> {
    let jwk: Jwk = object(json)?;
    let may_verify = jwk.public_key_use.as_deref().is_none_or(|public_key_use| public_key_use == "sig")
        && jwk
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    if !may_verify {
        return None;
    }
    let (mut algorithms, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => rsa(jwk.n.as_deref()?, jwk.e.as_deref()?)?,
        ("EC", Some("P-256")) => (vec![Algorithm::ES256], ec(jwk.x.as_deref()?, jwk.y.as_deref()?, 32)?),
        ("EC", Some("P-384")) => (vec![Algorithm::ES384], ec(jwk.x.as_deref()?, jwk.y.as_deref()?, 48)?),
        ("OKP", Some("Ed25519")) => (vec![Algorithm::EdDSA], ed25519(jwk.x.as_deref()?)?),
        _ => return None,
    };
    if let Some(alg) = jwk.alg {
        let only = alg.parse::<Algorithm>().ok()?;
        algorithms.retain(|algorithm| *algorithm == only);
    }
    if algorithms.is_empty() {
        return None;
    }
    Some(VerificationKey { key_id: jwk.kid, algorithms, key })
}

fn rsa(modulus: &str, exponent: &str) -> Option<(Vec<Algorithm>, DecodingKey)> {
    let modulus = unsigned(modulus)?;
    let exponent = unsigned(exponent)?;
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    // With an exponent of 1 anybody can sign; ring takes odd ones from 3 to 33 bits.
    let is_odd = exponent.last()? % 2 == 1;
    if !RSA_BITS.contains(&bits) || exponent == [1] || !is_odd || exponent.len() > 5 {
        return None;
    }
    let algorithms = vec![
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ];
    Some((algorithms, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
}

/// A `Base64urlUInt` (RFC 7518, section 2). Leading zeros, which some issuers write, are dropped.
fn unsigned(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(first..).map(<[u8]>::to_vec)
}

fn ec(x: &str, y: &str, coordinate_bytes: usize) -> Option<DecodingKey> {
    for coordinate in [x, y] {
        if BASE64_URL_SAFE_NO_PAD.decode(coordinate).ok()?.len() != coordinate_bytes {
            return None;
        }
    }
    DecodingKey::from_ec_components(x, y).ok()
}

fn ed25519(x: &str) -> Option<DecodingKey> {
    (BASE64_URL_SAFE_NO_PAD.decode(x).ok()?.len() == 32).then(|| DecodingKey::from_ed_components(x).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b64(bytes: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn rsa_jwk(bits: usize, more: &str) -> String {
        format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"{more}}}"#, b64(&vec![0x80; bits / 8]))
    }

    fn ec_jwk(curve: &str, bytes: usize, more: &str) -> String {
        let coordinate = b64(&vec![1; bytes]);
        format!(r#"{{"kty":"EC","crv":"{curve}","x":"{coordinate}","y":"{coordinate}"{more}}}"#)
    }

    fn algorithms(jwk: &str) -> Option<Vec<Algorithm>> {
        verification_key(jwk).map(|key| key.algorithms)
    }

    #[test]
    fn a_key_verifies_what_its_type_and_alg_allow() {
        assert_eq!(algorithms(&rsa_jwk(2048, "")).unwrap().len(), 6);
        let largest_exponent = rsa_jwk(2048, "").replace("AQAB", "AQAAAAE");
        assert_eq!(algorithms(&largest_exponent).unwrap().len(), 6);
        assert_eq!(algorithms(&rsa_jwk(2048, r#","alg":"PS384""#)), Some(vec![Algorithm::PS384]));
        assert_eq!(algorithms(&ec_jwk("P-256", 32, "")), Some(vec![Algorithm::ES256]));
        assert_eq!(
            algorithms(&ec_jwk("P-384", 48, r#","use":"sig","key_ops":["verify"]"#)),
            Some(vec![Algorithm::ES384])
        );
        let ed = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}","alg":"EdDSA"}}"#, b64(&[1; 32]));
        assert_eq!(algorithms(&ed), Some(vec![Algorithm::EdDSA]));
    }

    #[test]
    fn keys_that_cannot_be_used() {
        for bad in [
            rsa_jwk(2040, ""),
            rsa_jwk(1024, ""),
            rsa_jwk(8200, ""),
            // 2048 bits long, of which the first eight are zero.
            format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, b64(&[&[0u8][..], &[0x80; 255]].concat())),
            rsa_jwk(2048, "").replace("AQAB", "AQ"),
            rsa_jwk(2048, "").replace("AQAB", "AAAAAQ"),
            rsa_jwk(2048, "").replace("AQAB", "AQAC"),
            rsa_jwk(2048, "").replace("AQAB", ""),
            rsa_jwk(2048, "").replace("AQAB", "AQAAAAAB"),
            rsa_jwk(2048, r#","use":"enc""#),
            rsa_jwk(2048, r#","key_ops":["encrypt"]"#),
            rsa_jwk(2048, r#","key_ops":[]"#),
            rsa_jwk(2048, r#","alg":"ES256""#),
            rsa_jwk(2048, r#","alg":"RSA-OAEP""#),
            rsa_jwk(2048, r#","alg":"HS256""#),
            ec_jwk("P-256", 48, ""),
            ec_jwk("P-521", 66, ""),
            ec_jwk("secp256k1", 32, ""),
            format!(r#"{{"kty":"OKP","crv":"Ed448","x":"{}"}}"#, b64(&[1; 57])),
            format!(r#"{{"kty":"oct","k":"{}","alg":"HS256"}}"#, b64(&[1; 32])),
            r#"{"kty":"RSA","n":"!","e":"AQAB"}"#.to_owned(),
            r#"{"kty":"RSA"}"#.to_owned(),
            r#""text""#.to_owned(),
            // Its members by their order.
            format!(r#"["EC",null,null,null,null,"P-256",null,null,"{0}","{0}"]"#, b64(&[1; 32])),
        ] {
            assert_eq!(algorithms(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_modulus_is_as_long_as_its_bits() {
        let modulus = |first: u8, more: usize| b64(&[&[first][..], &vec![0; more]].concat());
        for (modulus, is_good) in [
            (modulus(0x80, 255), true),
            (modulus(0x7F, 255), false),
            (modulus(0x01, 256), true),
            (modulus(0x80, 1_023), true),
            (modulus(0x01, 1_024), false),
        ] {
            let key = format!(r#"{{"kty":"RSA","n":"{modulus}","e":"AQAB"}}"#);
            assert_eq!(algorithms(&key).is_some(), is_good, "{modulus:.8}");
        }
    }

    #[test]
    fn one_bad_key_spoils_only_itself() {
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

    fn chosen(set: &[String], header: &str) -> String {
        let set = KeySet::parse(format!(r#"{{"keys":[{}]}}"#, set.join(",")).as_bytes()).unwrap();
        let token = format!("{}.e30.c2ln", b64(header.as_bytes()));
        match set.choose(&CompactJws::parse(&token).unwrap()) {
            Choice::Key(key) => key.key_id.clone().unwrap_or_else(|| "nameless".to_owned()),
            Choice::Unknown => "unknown".to_owned(),
            Choice::Ambiguous => "ambiguous".to_owned(),
        }
    }

    #[test]
    fn a_key_is_chosen_by_kid_or_because_only_one_fits() {
        let one = rsa_jwk(2048, r#","kid":"one""#);
        let two = rsa_jwk(2048, r#","kid":"two""#);
        let three = ec_jwk("P-256", 32, r#","kid":"three""#);
        let nameless = rsa_jwk(2048, "");
        let all = [one.clone(), two.clone(), three.clone()];
        assert_eq!(chosen(&all, r#"{"alg":"RS256","kid":"two"}"#), "two");
        assert_eq!(chosen(&all, r#"{"alg":"RS256","kid":"four"}"#), "unknown");
        assert_eq!(chosen(&all, r#"{"alg":"RS256","kid":"../../etc/passwd"}"#), "unknown");
        assert_eq!(chosen(&all, r#"{"alg":"RS256","kid":"' OR 1=1 --"}"#), "unknown");
        assert_eq!(chosen(&all, r#"{"alg":"RS256","kid":"three"}"#), "unknown", "the key's type must fit");
        assert_eq!(chosen(&all, r#"{"alg":"ES256"}"#), "three");
        assert_eq!(chosen(&all, r#"{"alg":"RS256"}"#), "ambiguous");
        assert_eq!(chosen(&[one.clone(), one.clone()], r#"{"alg":"RS256","kid":"one"}"#), "ambiguous");
        assert_eq!(chosen(&[three, nameless.clone()], r#"{"alg":"RS256","kid":"any"}"#), "nameless");
        assert_eq!(chosen(&[one, nameless], r#"{"alg":"RS256","kid":"one"}"#), "one");
    }

    #[test]
    fn a_shared_secret_fits_hmac_only() {
        let set = KeySet::of_shared_secret(&[0; 32]);
        for (alg, fits) in
            [("HS256", true), ("HS384", true), ("HS512", true), ("RS256", false), ("EdDSA", false)]
        {
            let token = format!("{}.e30.c2ln", b64(format!(r#"{{"alg":"{alg}","kid":"any"}}"#).as_bytes()));
            let jws = CompactJws::parse(&token).unwrap();
            assert_eq!(matches!(set.choose(&jws), Choice::Key(_)), fits, "{alg}");
        }
    }
}
