//! Signature verification (RFC 7518, section 3; RFC 8037 for EdDSA) with ring.
//!
//! `jsonwebtoken` provides the algorithm names, the key type and the dispatch; [`claims`](super::claims) explains why
//! it does not validate claims. This module is its cryptographic provider. The ones that it bundles (aws-lc-rs,
//! RustCrypto) would add up to 2 MB to each binary, and ring is already linked for TLS.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{Error as SignatureError, Verifier},
};
use ring::{hmac, signature as ring_signature};

use super::jws::CompactJws;

/// A provider that verifies and cannot sign.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: refuse_to_sign,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes [`RING`] the provider of this process. Further calls have no effect.
pub(crate) fn install_provider() {
    let _ = RING.install_default();
}

/// Whether the token's signature verifies with `key`, which must fit the token's algorithm.
pub(crate) fn has_valid_signature(jws: &CompactJws<'_>, key: &DecodingKey) -> bool {
    jsonwebtoken::crypto::verify(jws.signature, jws.signing_input.as_bytes(), key, jws.algorithm)
        .unwrap_or(false)
}

fn refuse_to_sign(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let (family, scheme) = scheme(*algorithm)?;
    if key.family() != family {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, scheme, key: key.clone() }))
}

#[derive(Clone, Copy)]
enum Scheme {
    Hmac(hmac::Algorithm),
    Rsa(&'static ring_signature::RsaParameters),
    Public(&'static dyn ring_signature::VerificationAlgorithm),
}

fn scheme(algorithm: Algorithm) -> Result<(AlgorithmFamily, Scheme), Error> {
    use AlgorithmFamily::{Ec, Ed, Hmac, Rsa};
    // ring's RSA parameters accept moduli of 2048 to 8192 bits.
    Ok(match algorithm {
        Algorithm::RS256 => (Rsa, Scheme::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA256)),
        Algorithm::RS384 => (Rsa, Scheme::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA384)),
        Algorithm::RS512 => (Rsa, Scheme::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA512)),
        Algorithm::PS256 => (Rsa, Scheme::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA256)),
        Algorithm::PS384 => (Rsa, Scheme::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA384)),
        Algorithm::PS512 => (Rsa, Scheme::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA512)),
        Algorithm::ES256 => (Ec, Scheme::Public(&ring_signature::ECDSA_P256_SHA256_FIXED)),
        Algorithm::ES384 => (Ec, Scheme::Public(&ring_signature::ECDSA_P384_SHA384_FIXED)),
        Algorithm::EdDSA => (Ed, Scheme::Public(&ring_signature::ED25519)),
        Algorithm::HS256 => (Hmac, Scheme::Hmac(hmac::HMAC_SHA256)),
        Algorithm::HS384 => (Hmac, Scheme::Hmac(hmac::HMAC_SHA384)),
        Algorithm::HS512 => (Hmac, Scheme::Hmac(hmac::HMAC_SHA512)),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}

struct RingVerifier {
    algorithm: Algorithm,
    scheme: Scheme,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verified = match (self.scheme, self.key.kind()) {
            (Scheme::Hmac(algorithm), DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(algorithm, secret), message, signature)
            }
            (Scheme::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                ring_signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Scheme::Public(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                ring_signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn token(header: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let message = format!("{}.e30", BASE64_URL_SAFE_NO_PAD.encode(header));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Defense in depth: key selection does not pair such keys with a token.
    #[test]
    fn key_of_another_family_verifies_nothing() {
        install_provider();
        let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let public = pair.public_key().as_ref();
        let as_public_key = DecodingKey::from_ed_components(&BASE64_URL_SAFE_NO_PAD.encode(public)).unwrap();
        let as_secret = DecodingKey::from_secret(public);
        let ed = token(r#"{"alg":"EdDSA"}"#, |message| pair.sign(message).as_ref().to_vec());
        let mac = token(r#"{"alg":"HS256"}"#, |message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), message).as_ref().to_vec()
        });
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
