//! Signing keys and signature algorithms (RFC 7518).

#![expect(
    clippy::expect_used,
    reason = "fails only if a key file is damaged or the system has no randomness"
)]

use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde::{Deserialize, Serialize};

use super::jwk::Jwk;

const EC: &str = "ec-1";

/// A signature algorithm; its JSON form is the registered name. Unit tests of the functions cover all the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, with the rotating key.
    #[default]
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// HMAC with the secret of the [`Mint`](super::Mint).
    Hs256,
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

#[derive(Debug)]
struct KeyRing {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl KeyRing {
    /// Creates a key ring with this RSA key, in PKCS #8, and a new EC key.
    fn new(rsa: &[u8]) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a new key");
        let ec = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a new key");
        Self { rsa: load_rsa(rsa), ec }
    }
}

/// All keys of the issuer.
#[derive(Debug)]
pub(super) struct Keys {
    /// The number of the RSA key, from 1.
    generation: usize,
    published: KeyRing,
    forged: KeyRing,
}

impl Keys {
    const FIRST: &[u8] = include_bytes!("../../keys/rsa-first.der");
    const SECOND: &[u8] = include_bytes!("../../keys/rsa-second.der");
    const FORGED: &[u8] = include_bytes!("../../keys/rsa-forged.der");

    pub(super) fn new() -> Self {
        Self { generation: 1, published: KeyRing::new(Self::FIRST), forged: KeyRing::new(Self::FORGED) }
    }

    /// Switches to the other RSA key, under a new `kid`.
    pub(super) fn rotate(&mut self) {
        self.generation += 1;
        let is_first = self.generation % 2 == 1;
        self.published.rsa = load_rsa(if is_first { Self::FIRST } else { Self::SECOND });
    }

    /// Returns the `kid` of an algorithm's published key.
    pub(super) fn kid(&self, algorithm: Algorithm) -> Option<String> {
        match algorithm {
            Algorithm::Rs256 => Some(format!("rsa-{}", self.generation)),
            Algorithm::Es256 => Some(EC.to_owned()),
            Algorithm::Hs256 => None,
        }
    }

    pub(super) fn published(&self) -> [Jwk; 2] {
        let KeyRing { rsa, ec } = &self.published;
        [Jwk::rsa(rsa, format!("rsa-{}", self.generation)), Jwk::ec(ec, EC.to_owned())]
    }

    pub(super) fn sign(
        &self,
        algorithm: Algorithm,
        choice: KeyChoice,
        secret: &[u8],
        message: &[u8],
    ) -> Vec<u8> {
        let KeyRing { rsa, ec } = match choice {
            KeyChoice::Published => &self.published,
            KeyChoice::Forged => &self.forged,
        };
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; rsa.public().modulus_len()];
                rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Algorithm::Es256 => ec.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Algorithm::Hs256 => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
        }
    }
}

fn load_rsa(document: &[u8]) -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(document).expect("a key file")
}
