//! Signing keys, their JSON Web Keys (RFC 7517), and signature algorithms (RFC 7518, RFC 8037).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The `kid` of the RSA key without `alg`.
const RSA_ANY_ALGORITHM: &str = "rsa-any-algorithm";
const EC_P256: &str = "ec-p256";
const EC_P384: &str = "ec-p384";
const ED25519: &str = "ed25519";

/// A key could not be loaded, generated or used.
#[derive(Debug, thiserror::Error)]
#[error("key {name}: {reason}")]
pub struct KeyError {
    name: &'static str,
    reason: String,
}

impl KeyError {
    pub(super) fn new(name: &'static str, reason: impl ToString) -> Self {
        Self { name, reason: reason.to_string() }
    }
}

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

/// One key of each type.
#[derive(Debug)]
pub(super) struct KeyRing {
    rsa: RsaKeyPair,
    pub(super) p256: EcdsaKeyPair,
    pub(super) p384: EcdsaKeyPair,
    pub(super) ed25519: Ed25519KeyPair,
}

/// All keys of the issuer.
#[derive(Debug)]
pub(super) struct Keys {
    /// The RS256 keys: each rotation switches to the other one.
    rotating: [RsaKeyPair; 2],
    generation: usize,
    published: KeyRing,
    forged: KeyRing,
    random: SystemRandom,
}

impl Keys {
    pub(super) fn load() -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let published = KeyRing {
            rsa: rsa(RSA_ANY_ALGORITHM, include_bytes!("../../keys/rsa-any-algorithm.der"))?,
            p256: ecdsa(
                EC_P256,
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                include_bytes!("../../keys/ec-p256.der"),
                &random,
            )?,
            p384: ecdsa(
                EC_P384,
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                include_bytes!("../../keys/ec-p384.der"),
                &random,
            )?,
            ed25519: ed25519(include_bytes!("../../keys/ed25519.der"))?,
        };
        Ok(Self {
            rotating: [
                rsa("rsa-first", include_bytes!("../../keys/rsa-first.der"))?,
                rsa("rsa-second", include_bytes!("../../keys/rsa-second.der"))?,
            ],
            generation: 1,
            published,
            forged: KeyRing::forged(&random)?,
            random,
        })
    }

    pub(super) fn rotate(&mut self) -> String {
        self.generation += 1;
        self.rotating_kid()
    }

    fn rotating_kid(&self) -> String {
        format!("rsa-{}", self.generation)
    }

    fn rotating_key(&self) -> &RsaKeyPair {
        let [first, second] = &self.rotating;
        if self.generation % 2 == 1 { first } else { second }
    }

    /// Returns the `kid` of an algorithm's published key.
    pub(super) fn kid(&self, algorithm: Algorithm) -> Option<String> {
        match algorithm {
            Algorithm::Rs256 => Some(self.rotating_kid()),
            Algorithm::Rs384 | Algorithm::Rs512 | Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => {
                Some(RSA_ANY_ALGORITHM.to_owned())
            }
            Algorithm::Es256 => Some(EC_P256.to_owned()),
            Algorithm::Es384 => Some(EC_P384.to_owned()),
            Algorithm::EdDsa | Algorithm::Ed25519 => Some(ED25519.to_owned()),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 | Algorithm::None => None,
        }
    }

    /// Returns the published JSON Web Keys. Each has an `alg`, except for one RSA key, which serves every RSA
    /// algorithm.
    pub(super) fn published(&self) -> Vec<Value> {
        let KeyRing { rsa, p256, p384, ed25519 } = &self.published;
        let any_algorithm = rsa_jwk(rsa, RSA_ANY_ALGORITHM);
        let mut rotating = rsa_jwk(self.rotating_key(), &self.rotating_kid());
        rotating.insert("alg".to_owned(), "RS256".into());
        vec![
            rotating.into(),
            any_algorithm.into(),
            ec_jwk(p256, EC_P256, "P-256", "ES256"),
            ec_jwk(p384, EC_P384, "P-384", "ES384"),
            ed25519_jwk(ed25519, ED25519),
        ]
    }

    pub(super) fn sign(
        &self,
        algorithm: Algorithm,
        choice: KeyChoice,
        secret: &[u8],
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let ring = match choice {
            KeyChoice::Published => &self.published,
            KeyChoice::Forged => &self.forged,
        };
        let rs256 = match choice {
            KeyChoice::Published => self.rotating_key(),
            KeyChoice::Forged => &self.forged.rsa,
        };
        let rsa = |key, padding| self.sign_rsa(key, padding, message);
        let ecdsa = |name, key: &EcdsaKeyPair| {
            let signature = key.sign(&self.random, message);
            signature.map(|signature| signature.as_ref().to_vec()).map_err(|error| KeyError::new(name, error))
        };
        let hmac = |algorithm| {
            let key = hmac::Key::new(algorithm, secret);
            hmac::sign(&key, message).as_ref().to_vec()
        };
        match algorithm {
            Algorithm::Rs256 => rsa(rs256, &RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&ring.rsa, &RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&ring.rsa, &RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&ring.rsa, &RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&ring.rsa, &RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&ring.rsa, &RSA_PSS_SHA512),
            Algorithm::Es256 => ecdsa(EC_P256, &ring.p256),
            Algorithm::Es384 => ecdsa(EC_P384, &ring.p384),
            Algorithm::EdDsa | Algorithm::Ed25519 => Ok(ring.ed25519.sign(message).as_ref().to_vec()),
            Algorithm::Hs256 => Ok(hmac(hmac::HMAC_SHA256)),
            Algorithm::Hs384 => Ok(hmac(hmac::HMAC_SHA384)),
            Algorithm::Hs512 => Ok(hmac(hmac::HMAC_SHA512)),
            Algorithm::None => Ok(Vec::new()),
        }
    }

    fn sign_rsa(
        &self,
        key: &RsaKeyPair,
        padding: &'static dyn RsaEncoding,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(padding, &self.random, message, &mut signature)
            .map_err(|error| KeyError::new("rsa", error))?;
        Ok(signature)
    }
}

impl KeyRing {
    pub(super) fn forged(random: &SystemRandom) -> Result<Self, KeyError> {
        let ec = |name, algorithm: &'static EcdsaSigningAlgorithm| {
            let document = EcdsaKeyPair::generate_pkcs8(algorithm, random)
                .map_err(|error| KeyError::new(name, error))?;
            ecdsa(name, algorithm, document.as_ref(), random)
        };
        let document =
            Ed25519KeyPair::generate_pkcs8(random).map_err(|error| KeyError::new(ED25519, error))?;
        Ok(Self {
            rsa: rsa("rsa-forged", include_bytes!("../../keys/rsa-forged.der"))?,
            p256: ec(EC_P256, &ECDSA_P256_SHA256_FIXED_SIGNING)?,
            p384: ec(EC_P384, &ECDSA_P384_SHA384_FIXED_SIGNING)?,
            ed25519: ed25519(document.as_ref())?,
        })
    }
}

pub(super) fn rsa(name: &'static str, document: &[u8]) -> Result<RsaKeyPair, KeyError> {
    RsaKeyPair::from_pkcs8(document).map_err(|error| KeyError::new(name, error))
}

fn ecdsa(
    name: &'static str,
    algorithm: &'static EcdsaSigningAlgorithm,
    document: &[u8],
    random: &SystemRandom,
) -> Result<EcdsaKeyPair, KeyError> {
    EcdsaKeyPair::from_pkcs8(algorithm, document, random).map_err(|error| KeyError::new(name, error))
}

/// OpenSSL writes version 1 of PKCS #8, which lacks the public key.
fn ed25519(document: &[u8]) -> Result<Ed25519KeyPair, KeyError> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map_err(|error| KeyError::new(ED25519, error))
}

pub(super) fn rsa_jwk(key: &RsaKeyPair, kid: &str) -> Map<String, Value> {
    let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
    [("kty", "RSA"), ("n", &encoded(&public.n)), ("e", &encoded(&public.e)), ("kid", kid), ("use", "sig")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// Ring's public key is an uncompressed point: a tag byte, then both coordinates.
pub(super) fn ec_jwk(key: &EcdsaKeyPair, kid: &str, curve: &str, algorithm: &str) -> Value {
    let point = key.public_key().as_ref();
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({
        "kty": "EC",
        "crv": curve,
        "x": encoded(x),
        "y": encoded(y),
        "kid": kid,
        "alg": algorithm,
        "use": "sig",
    })
}

pub(super) fn ed25519_jwk(key: &Ed25519KeyPair, kid: &str) -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": encoded(key.public_key().as_ref()),
        "kid": kid,
        "alg": "EdDSA",
        "use": "sig",
    })
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
