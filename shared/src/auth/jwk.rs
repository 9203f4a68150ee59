//! Published keys: JSON Web Keys (RFC 7517, section 4).

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;

use super::jws::parse_algorithm;
use crate::http::json::object;

/// Accepted sizes of an RSA modulus: at least 2048 bits (RFC 7518, section 3.3), and at most what ring supports.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// base64url with optional padding: JWKs have none (RFC 7518, section 2), but some issuers write it.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key, and the algorithms that it may verify.
#[derive(Debug)]
pub(crate) struct VerificationKey {
    pub(crate) key_id: Option<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) key: DecodingKey,
}

/// Why a published key cannot verify signatures, as a phrase for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum UnusableKey {
    #[error("meant for encryption")]
    ForEncryption,
    #[error("not a JWK")]
    NotAJwk,
    #[error("use or key_ops excludes verification")]
    NotForVerification,
    #[error("unsupported kty or crv")]
    UnsupportedType,
    #[error("alg is unsupported or does not fit the key")]
    UnsupportedAlgorithm,
    #[error("a member is missing, not base64url or of the wrong length")]
    InvalidMember,
    #[error("RSA modulus not of 2048 to 8192 bits")]
    RsaModulus,
    #[error("RSA exponent is even, 1 or longer than 5 bytes")]
    RsaExponent,
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

impl VerificationKey {
    /// Parses a JWK.
    pub(super) fn parse(json: &str) -> Result<Self, UnusableKey> {
        let jwk: Jwk = object(json).ok_or(UnusableKey::NotAJwk)?;
        check_purpose(&jwk)?;
        let (mut algorithms, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => rsa(&jwk)?,
            ("EC", Some("P-256")) => (vec![Algorithm::ES256], ec(&jwk, 32)?),
            ("EC", Some("P-384")) => (vec![Algorithm::ES384], ec(&jwk, 48)?),
            ("OKP", Some("Ed25519")) => {
                (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(&coordinate(jwk.x.as_deref(), 32)?))
            }
            _ => return Err(UnusableKey::UnsupportedType),
        };
        if let Some(alg) = jwk.alg {
            let only = parse_algorithm(&alg);
            algorithms.retain(|algorithm| Some(*algorithm) == only);
        }
        if algorithms.is_empty() {
            return Err(UnusableKey::UnsupportedAlgorithm);
        }
        Ok(Self { key_id: jwk.kid, algorithms, key })
    }

    /// Whether both are the same key, regardless of `kid` and `alg`.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        use DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
        let is_equal = match (self.key.kind(), other.key.kind()) {
            (SecretOrDer(one), SecretOrDer(two)) => one == two,
            (RsaModulusExponent { n, e }, RsaModulusExponent { n: other_n, e: other_e }) => {
                (n, e) == (other_n, other_e)
            }
            _ => false,
        };
        is_equal && self.key.family() == other.key.family()
    }
}

fn check_purpose(jwk: &Jwk) -> Result<(), UnusableKey> {
    let operations = jwk.key_ops.as_ref();
    let allows_verification =
        operations.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    match jwk.public_key_use.as_deref() {
        Some("enc") => Err(UnusableKey::ForEncryption),
        None if is_for_encryption(jwk) => Err(UnusableKey::ForEncryption),
        None | Some("sig") if allows_verification => Ok(()),
        _ => Err(UnusableKey::NotForVerification),
    }
}

/// Whether a key without `use` is meant for encryption or key agreement, judging by its other members.
fn is_for_encryption(jwk: &Jwk) -> bool {
    const OPERATIONS: [&str; 6] = ["encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"];
    const ALGORITHMS: [&str; 3] = ["RSA1_5", "RSA-OAEP", "ECDH-ES"];
    let operations = jwk.key_ops.as_deref().unwrap_or_default();
    (!operations.is_empty() && operations.iter().all(|operation| OPERATIONS.contains(&operation.as_str())))
        || jwk.alg.as_ref().is_some_and(|alg| ALGORITHMS.iter().any(|prefix| alg.starts_with(prefix)))
        || (jwk.kty == "OKP" && matches!(jwk.crv.as_deref(), Some("X25519" | "X448")))
}

fn rsa(jwk: &Jwk) -> Result<(Vec<Algorithm>, DecodingKey), UnusableKey> {
    let modulus = decode_uint(jwk.n.as_deref())?;
    let exponent = decode_uint(jwk.e.as_deref())?;
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(UnusableKey::RsaModulus);
    }
    // With an exponent of 1 anyone can forge a signature. ring accepts odd exponents of 2 to 33 bits.
    let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if exponent == [1] || !is_odd || exponent.len() > 5 {
        return Err(UnusableKey::RsaExponent);
    }
    let algorithms = vec![
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ];
    Ok((algorithms, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
}

/// An uncompressed point (SEC 1, section 2.3.3).
fn ec(jwk: &Jwk, coordinate_bytes: usize) -> Result<DecodingKey, UnusableKey> {
    let x = coordinate(jwk.x.as_deref(), coordinate_bytes)?;
    let y = coordinate(jwk.y.as_deref(), coordinate_bytes)?;
    Ok(DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()))
}

fn coordinate(text: Option<&str>, bytes: usize) -> Result<Vec<u8>, UnusableKey> {
    decode(text)
        .and_then(|value| if value.len() == bytes { Ok(value) } else { Err(UnusableKey::InvalidMember) })
}

/// Decodes a `Base64urlUInt` (RFC 7518, section 2), without the leading zeros that some issuers write.
fn decode_uint(text: Option<&str>) -> Result<Vec<u8>, UnusableKey> {
    Ok(decode(text)?.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn decode(text: Option<&str>) -> Result<Vec<u8>, UnusableKey> {
    BASE64_URL.decode(text.ok_or(UnusableKey::InvalidMember)?).map_err(|_| UnusableKey::InvalidMember)
}

#[cfg(test)]
pub(super) mod fixtures {
    //! JWKs for tests.

    pub(in crate::auth) use crate::auth::tests::signing_key::b64;

    pub(in crate::auth) fn rsa_jwk(bits: usize, more: &str) -> String {
        format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"{more}}}"#, b64(vec![0x80; bits / 8]))
    }

    pub(in crate::auth) fn ec_jwk(curve: &str, bytes: usize, more: &str) -> String {
        let coordinate = b64(vec![1; bytes]);
        format!(r#"{{"kty":"EC","crv":"{curve}","x":"{coordinate}","y":"{coordinate}"{more}}}"#)
    }

    pub(in crate::auth) fn ed_jwk(byte: u8, more: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"{more}}}"#, b64([byte; 32]))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        fixtures::{b64, ec_jwk, ed_jwk, rsa_jwk},
        *,
    };

    fn algorithms(jwk: &str) -> Result<Vec<Algorithm>, UnusableKey> {
        VerificationKey::parse(jwk).map(|key| key.algorithms)
    }

    #[test]
    fn algorithms_follow_type_and_alg() {
        assert_eq!(algorithms(&rsa_jwk(2048, "")).unwrap().len(), 6);
        let largest_exponent = rsa_jwk(2048, "").replace("AQAB", "AQAAAAE");
        assert_eq!(algorithms(&largest_exponent).unwrap().len(), 6);
        for (jwk, expected) in [
            (rsa_jwk(2048, r#","alg":"PS384""#), Algorithm::PS384),
            (ec_jwk("P-256", 32, ""), Algorithm::ES256),
            (ec_jwk("P-384", 48, r#","use":"sig","key_ops":["verify"]"#), Algorithm::ES384),
            (ed_jwk(1, ""), Algorithm::EdDSA),
            (ed_jwk(1, r#","alg":"EdDSA""#), Algorithm::EdDSA),
            (ed_jwk(1, r#","alg":"Ed25519""#), Algorithm::EdDSA),
        ] {
            assert_eq!(algorithms(&jwk), Ok(vec![expected]), "{jwk}");
        }
    }

    #[test]
    fn padding_is_optional_and_bits_are_canonical() {
        for (text, expected) in [
            ("AQAB", Some(&[1, 0, 1][..])),
            ("Aw", Some(&[3])),
            ("Aw=", Some(&[3])),
            ("Aw==", Some(&[3])),
            ("Aw===", None),
            ("AQE=", Some(&[1, 1])),
            ("AQE==", None),
            ("Ax", None),
            ("AQA+", None),
        ] {
            assert_eq!(decode(Some(text)).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn unusable_keys() {
        use UnusableKey::{
            ForEncryption, InvalidMember, NotAJwk, NotForVerification, RsaExponent, RsaModulus,
            UnsupportedAlgorithm, UnsupportedType,
        };
        for (bad, reason) in [
            (rsa_jwk(2040, ""), RsaModulus),
            (rsa_jwk(8200, ""), RsaModulus),
            // 256 bytes, of which the first is zero.
            (rsa_jwk(8, "").replace("gA", &b64([&[0u8][..], &[0x80; 255]].concat())), RsaModulus),
            (rsa_jwk(0, ""), RsaModulus),
            (rsa_jwk(2048, "").replace("AQAB", "AQ"), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", "AAAAAQ"), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", "AA"), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", "Ag"), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", "AQAC"), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", ""), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", "AQAAAAAB"), RsaExponent),
            (rsa_jwk(2048, "").replace("AQAB", "AQA+"), InvalidMember),
            (rsa_jwk(2048, r#","use":"enc""#), ForEncryption),
            (rsa_jwk(2048, r#","key_ops":["encrypt"]"#), ForEncryption),
            (ec_jwk("P-256", 32, r#","key_ops":["deriveKey","deriveBits"]"#), ForEncryption),
            (rsa_jwk(2048, r#","alg":"RSA-OAEP""#), ForEncryption),
            (ec_jwk("P-256", 32, r#","alg":"ECDH-ES+A128KW""#), ForEncryption),
            (ed_jwk(1, "").replace("Ed25519", "X25519"), ForEncryption),
            (rsa_jwk(2048, r#","key_ops":[]"#), NotForVerification),
            (rsa_jwk(2048, r#","use":"sig","key_ops":["encrypt"]"#), NotForVerification),
            (rsa_jwk(2048, r#","key_ops":["sign"]"#), NotForVerification),
            (rsa_jwk(2048, r#","use":"signature""#), NotForVerification),
            (rsa_jwk(2048, r#","use":"sig","alg":"RSA-OAEP""#), UnsupportedAlgorithm),
            (rsa_jwk(2048, r#","alg":"ES256""#), UnsupportedAlgorithm),
            (rsa_jwk(2048, r#","alg":"rs256""#), UnsupportedAlgorithm),
            (ec_jwk("P-256", 32, r#","alg":"Ed25519""#), UnsupportedAlgorithm),
            (ed_jwk(1, r#","alg":"Ed448""#), UnsupportedAlgorithm),
            (ed_jwk(1, r#","alg":"ed25519""#), UnsupportedAlgorithm),
            (ec_jwk("P-256", 48, ""), InvalidMember),
            (ec_jwk("P-256", 32, "").replace(r#""y""#, r#""z""#), InvalidMember),
            (ed_jwk(1, "").replace("AQEBAQ", "AQEB"), InvalidMember),
            (ec_jwk("P-521", 66, ""), UnsupportedType),
            (ec_jwk("secp256k1", 32, ""), UnsupportedType),
            (format!(r#"{{"kty":"OKP","crv":"Ed448","x":"{}"}}"#, b64([1; 57])), UnsupportedType),
            (format!(r#"{{"kty":"oct","k":"{}","alg":"HS256"}}"#, b64([1; 32])), UnsupportedType),
            (r#"{"kty":"RSA"}"#.to_owned(), InvalidMember),
            (r#"{"kty":5}"#.to_owned(), NotAJwk),
            (r#""text""#.to_owned(), NotAJwk),
            // serde would read an array as the members in order.
            (format!(r#"["EC",null,null,null,null,"P-256",null,null,"{0}","{0}"]"#, b64([1; 32])), NotAJwk),
        ] {
            assert_eq!(algorithms(&bad), Err(reason), "{bad}");
        }
    }

    #[test]
    fn modulus_size_is_counted_in_bits() {
        let modulus = |first: u8, more: usize| b64([&[first][..], &vec![0; more]].concat());
        for (modulus, is_good) in [
            (modulus(0x80, 255), true),
            (modulus(0x7F, 255), false),
            (modulus(0x01, 256), true),
            (modulus(0x80, 1_023), true),
            (modulus(0x01, 1_024), false),
        ] {
            let key = format!(r#"{{"kty":"RSA","n":"{modulus}","e":"AQAB"}}"#);
            assert_eq!(algorithms(&key).is_ok(), is_good, "{modulus:.8}");
        }
    }
}
