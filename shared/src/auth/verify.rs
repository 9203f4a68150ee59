//! Signature verification (RFC 7518, section 3; RFC 8037 for EdDSA) with ring, which is linked for TLS anyway.
//!
//! `jsonwebtoken` is not used: its own cryptography would add up to 2 MB to each binary, and with ring it needs a
//! provider that does all of this. [`claims`](super::claims) explains why its validation of claims does not fit either.

use ring::{hmac, signature as ring_signature};
use secrecy::{ExposeSecret, SecretSlice};

use super::jws::CompactJws;

/// The supported algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// A key without its `kid` and `alg`.
#[derive(Debug)]
pub(crate) enum KeyMaterial {
    /// A shared secret, for HMAC.
    Secret(SecretSlice<u8>),
    /// An RSA public key: modulus and exponent, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A public key for ECDSA (an uncompressed point) or EdDSA.
    Curve(Vec<u8>),
}

/// An algorithm of ring, by the kind of key that it takes.
enum Scheme {
    Hmac(hmac::Algorithm),
    Rsa(&'static ring_signature::RsaParameters),
    Curve(&'static dyn ring_signature::VerificationAlgorithm),
}

impl Algorithm {
    /// Parses a case-sensitive `alg` (RFC 7518, section 3.1). `none` is refused. `Ed25519` (RFC 9864) is parsed as
    /// EdDSA, which is supported with that curve only.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    /// Whether the algorithm uses a shared secret.
    pub(super) fn is_hmac(self) -> bool {
        matches!(self.scheme(), Scheme::Hmac(_))
    }

    fn scheme(self) -> Scheme {
        match self {
            Self::Hs256 => Scheme::Hmac(hmac::HMAC_SHA256),
            Self::Hs384 => Scheme::Hmac(hmac::HMAC_SHA384),
            Self::Hs512 => Scheme::Hmac(hmac::HMAC_SHA512),
            // ring's RSA parameters accept moduli of 2048 to 8192 bits.
            Self::Rs256 => Scheme::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Scheme::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Scheme::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Scheme::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Scheme::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Scheme::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Scheme::Curve(&ring_signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Scheme::Curve(&ring_signature::ECDSA_P384_SHA384_FIXED),
            Self::EdDsa => Scheme::Curve(&ring_signature::ED25519),
        }
    }
}

/// Whether the token's signature verifies with `key`. A key of another type verifies nothing.
pub(crate) fn has_valid_signature(jws: &CompactJws<'_>, key: &KeyMaterial) -> bool {
    let (message, signature) = (jws.signing_input.as_bytes(), &jws.signature);
    let verified = match (jws.algorithm.scheme(), key) {
        (Scheme::Hmac(algorithm), KeyMaterial::Secret(secret)) => {
            hmac::verify(&hmac::Key::new(algorithm, secret.expose_secret()), message, signature)
        }
        (Scheme::Rsa(parameters), KeyMaterial::Rsa { n, e }) => {
            ring_signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
        }
        (Scheme::Curve(algorithm), KeyMaterial::Curve(key)) => {
            ring_signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        }
        _ => return false,
    };
    verified.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::signing_key::{SigningKey, token};

    /// Defense in depth: key selection does not pair such keys with a token.
    #[test]
    fn key_of_another_type_verifies_nothing() {
        let key = SigningKey::new("one");
        let as_public_key = KeyMaterial::Curve(key.public_key().to_vec());
        let as_secret = KeyMaterial::Secret(key.public_key().to_vec().into());
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public_key());
        let ed = key.sign(r#"{"alg":"EdDSA"}"#, "{}");
        let mac = token(r#"{"alg":"HS256"}"#, "{}", |message| hmac::sign(&secret, message).as_ref().to_vec());
        for (token, key, is_signed) in [
            (&ed, &as_public_key, true),
            (&ed, &as_secret, false),
            (&mac, &as_secret, true),
            (&mac, &as_public_key, false),
        ] {
            assert_eq!(has_valid_signature(&CompactJws::parse(token).unwrap(), key), is_signed);
        }
    }
}
