//! Published keys: JSON Web Keys (RFC 7517, section 4).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use crate::http::json::object;

/// Accepted sizes of an RSA modulus: at least 2048 bits (RFC 7518, section 3.3), and at most what ring supports.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key, and the algorithms that it may verify.
#[derive(Debug)]
pub(crate) struct VerificationKey {
    pub(crate) key_id: Option<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) key: DecodingKey,
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

/// Parses a JWK; `None` if it cannot verify signatures.
pub(super) fn parse(json: &str) -> Option<VerificationKey> {
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
    let modulus = decode_uint(modulus)?;
    let exponent = decode_uint(exponent)?;
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    // With an exponent of 1 anyone can forge a signature. ring accepts odd exponents of 2 to 33 bits.
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

/// Decodes a `Base64urlUInt` (RFC 7518, section 2), without the leading zeros that some issuers write.
fn decode_uint(text: &str) -> Option<Vec<u8>> {
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
pub(super) mod fixtures {
    //! JWKs for tests.

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    pub(in crate::auth) fn b64(bytes: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(in crate::auth) fn rsa_jwk(bits: usize, more: &str) -> String {
        format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"{more}}}"#, b64(&vec![0x80; bits / 8]))
    }

    pub(in crate::auth) fn ec_jwk(curve: &str, bytes: usize, more: &str) -> String {
        let coordinate = b64(&vec![1; bytes]);
        format!(r#"{{"kty":"EC","crv":"{curve}","x":"{coordinate}","y":"{coordinate}"{more}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        fixtures::{b64, ec_jwk, rsa_jwk},
        *,
    };

    fn algorithms(jwk: &str) -> Option<Vec<Algorithm>> {
        parse(jwk).map(|key| key.algorithms)
    }

    #[test]
    fn algorithms_follow_type_and_alg() {
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
    fn unusable_keys() {
        for bad in [
            rsa_jwk(2040, ""),
            rsa_jwk(1024, ""),
            rsa_jwk(8200, ""),
            // 256 bytes, of which the first is zero.
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
            // serde would read an array as the members in order.
            format!(r#"["EC",null,null,null,null,"P-256",null,null,"{0}","{0}"]"#, b64(&[1; 32])),
        ] {
            assert_eq!(algorithms(&bad), None, "{bad}");
        }
    }

    #[test]
    fn modulus_size_is_counted_in_bits() {
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
}
