//! JSON Web Keys (RFC 7517).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rsa::PublicKeyComponents;
use ring::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde::{Deserialize, Serialize};

/// A public key. The members `n`, `e`, `x` and `y` are base64url.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Jwk {
    pub(super) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) y: Option<String>,
    pub(super) kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alg: Option<String>,
    #[serde(rename = "use")]
    pub(super) key_use: String,
}

impl Jwk {
    fn new(key_type: &str, kid: &str, algorithm: Option<&str>) -> Self {
        Self {
            kty: key_type.to_owned(),
            kid: kid.to_owned(),
            alg: algorithm.map(str::to_owned),
            key_use: "sig".to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn rsa(key: &RsaKeyPair, kid: &str, algorithm: Option<&str>) -> Self {
        let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
        Self { n: encode(&public.n), e: encode(&public.e), ..Self::new("RSA", kid, algorithm) }
    }

    pub(super) fn ec(key: &EcdsaKeyPair, kid: &str, curve: &str, algorithm: &str) -> Self {
        // Ring's form is an uncompressed point: a tag byte, then both coordinates.
        let coordinates = key.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let crv = Some(curve.to_owned());
        Self { crv, x: encode(x), y: encode(y), ..Self::new("EC", kid, Some(algorithm)) }
    }

    pub(super) fn ed25519(key: &Ed25519KeyPair, kid: &str) -> Self {
        let (crv, x) = (Some("Ed25519".to_owned()), encode(key.public_key().as_ref()));
        Self { crv, x, ..Self::new("OKP", kid, Some("EdDSA")) }
    }
}

fn encode(bytes: &[u8]) -> Option<String> {
    Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
