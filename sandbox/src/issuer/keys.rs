//! Signing keys and signature algorithms (RFC 7518, RFC 8037).

#![expect(
    clippy::expect_used,
    reason = "fails only if a key file is damaged or the system has no randomness"
)]

use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde::{Deserialize, Serialize};

use super::jwk::Jwk;

/// The `kid` of the RSA key without `alg`.
const RSA_ANY_ALGORITHM: &str = "rsa-any-algorithm";
const EC_P256: &str = "ec-p256";
const EC_P384: &str = "ec-p384";
const ED25519: &str = "ed25519";

/// A signature algorithm; its JSON form is the registered name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, with the rotating key.
    #[default]
    Rs256,
    /// RSA, PKCS #1 v1.5, with the RSA key without `alg`, like the RSA algorithms below.
    Rs384,
    /// RSA, PKCS #1 v1.5.
    Rs512,
    /// RSA, PSS.
    Ps256,
    /// RSA, PSS.
    Ps384,
    /// RSA, PSS.
    Ps512,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// Ed25519, under the name that RFC 9864 gives it.
    #[serde(rename = "Ed25519")]
    Ed25519,
    /// HMAC with the secret of the [`Mint`](super::Mint).
    Hs256,
    /// HMAC with the secret of the [`Mint`](super::Mint).
    Hs384,
    /// HMAC with the secret of the [`Mint`](super::Mint).
    Hs512,
    /// No signature.
    #[serde(rename = "none")]
    None,
}

impl Algorithm {
    /// The algorithms that have a published key.
    pub const PUBLISHED: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];
}

/// The key that signs a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChoice {
    /// The published key.
    #[default]
    Published,
    /// An unpublished key under the `kid` of the published one.
    Forged,
}

/// The keys for all algorithms.
#[derive(Debug)]
struct KeyRing {
    rs256: RsaKeyPair,
    /// For the other RSA algorithms.
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl KeyRing {
    /// Creates a key ring with these RSA keys, in PKCS #8, and new keys of the other types.
    fn new(rs256: &[u8], rsa: &[u8]) -> Self {
        Self {
            rs256: load_rsa(rs256),
            rsa: load_rsa(rsa),
            p256: generate_ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            p384: generate_ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            ed25519: generate_ed25519(),
        }
    }
}

/// All keys of the issuer.
#[derive(Debug)]
pub(super) struct Keys {
    /// The number of the RS256 key, from 1.
    generation: usize,
    published: KeyRing,
    forged: KeyRing,
}

impl Keys {
    const FIRST: &[u8] = include_bytes!("../../keys/rsa-first.der");
    const SECOND: &[u8] = include_bytes!("../../keys/rsa-second.der");
    const ANY_ALGORITHM: &[u8] = include_bytes!("../../keys/rsa-any-algorithm.der");
    const FORGED: &[u8] = include_bytes!("../../keys/rsa-forged.der");

    pub(super) fn new() -> Self {
        Self {
            generation: 1,
            published: KeyRing::new(Self::FIRST, Self::ANY_ALGORITHM),
            forged: KeyRing::new(Self::FORGED, Self::FORGED),
        }
    }

    /// Switches to the other RS256 key, under a new `kid`.
    pub(super) fn rotate(&mut self) -> String {
        self.generation += 1;
        let is_first = self.generation % 2 == 1;
        self.published.rs256 = load_rsa(if is_first { Self::FIRST } else { Self::SECOND });
        self.rs256_kid()
    }

    fn rs256_kid(&self) -> String {
        format!("rsa-{}", self.generation)
    }

    /// Returns the `kid` of an algorithm's published key.
    pub(super) fn kid(&self, algorithm: Algorithm) -> Option<String> {
        let kid = match algorithm {
            Algorithm::Rs256 => return Some(self.rs256_kid()),
            Algorithm::Rs384 | Algorithm::Rs512 => RSA_ANY_ALGORITHM,
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => RSA_ANY_ALGORITHM,
            Algorithm::Es256 => EC_P256,
            Algorithm::Es384 => EC_P384,
            Algorithm::EdDsa | Algorithm::Ed25519 => ED25519,
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 | Algorithm::None => return None,
        };
        Some(kid.to_owned())
    }

    /// Returns the published keys. Each has an `alg`, except for one RSA key, which serves every RSA algorithm.
    pub(super) fn published(&self) -> Vec<Jwk> {
        let KeyRing { rs256, rsa, p256, p384, ed25519 } = &self.published;
        vec![
            Jwk::rsa(rs256, &self.rs256_kid(), Some("RS256")),
            Jwk::rsa(rsa, RSA_ANY_ALGORITHM, None),
            Jwk::ec(p256, EC_P256, "P-256", "ES256"),
            Jwk::ec(p384, EC_P384, "P-384", "ES384"),
            Jwk::ed25519(ed25519, ED25519),
        ]
    }

    pub(super) fn sign(
        &self,
        algorithm: Algorithm,
        choice: KeyChoice,
        secret: &[u8],
        message: &[u8],
    ) -> Vec<u8> {
        let ring = match choice {
            KeyChoice::Published => &self.published,
            KeyChoice::Forged => &self.forged,
        };
        let rsa = |key: &RsaKeyPair, padding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(padding, &SystemRandom::new(), message, &mut signature).expect("a signature");
            signature
        };
        let ecdsa = |key: &EcdsaKeyPair| {
            key.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
        };
        let hmac = |algorithm| hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec();
        match algorithm {
            Algorithm::Rs256 => rsa(&ring.rs256, &RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&ring.rsa, &RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&ring.rsa, &RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&ring.rsa, &RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&ring.rsa, &RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&ring.rsa, &RSA_PSS_SHA512),
            Algorithm::Es256 => ecdsa(&ring.p256),
            Algorithm::Es384 => ecdsa(&ring.p384),
            Algorithm::EdDsa | Algorithm::Ed25519 => ring.ed25519.sign(message).as_ref().to_vec(),
            Algorithm::Hs256 => hmac(hmac::HMAC_SHA256),
            Algorithm::Hs384 => hmac(hmac::HMAC_SHA384),
            Algorithm::Hs512 => hmac(hmac::HMAC_SHA512),
            Algorithm::None => Vec::new(),
        }
    }
}

fn load_rsa(document: &[u8]) -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(document).expect("a key file")
}

pub(super) fn generate_ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a new key");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a new key")
}

pub(super) fn generate_ed25519() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a new key");
    Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a new key")
}
