//! JSON Web Keys (RFC 7517).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rsa::PublicKeyComponents;
use ring::signature::{EcdsaKeyPair, KeyPair, RsaKeyPair};
use serde::Serialize;

/// A public key.
#[derive(Debug, Serialize)]
pub(crate) struct Jwk {
    kid: String,
    #[serde(rename = "use")]
    key_use: &'static str,
    alg: &'static str,
    #[serde(flatten)]
    material: Material,
}

/// The key itself. The members `n`, `e`, `x` and `y` are base64url.
#[derive(Debug, Serialize)]
#[serde(tag = "kty")]
enum Material {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
}

impl Jwk {
    pub(super) fn rsa(key: &RsaKeyPair, kid: String) -> Self {
        let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
        let material = Material::Rsa { n: encode(&public.n), e: encode(&public.e) };
        Self { kid, key_use: "sig", alg: "RS256", material }
    }

    pub(super) fn ec(key: &EcdsaKeyPair, kid: String) -> Self {
        // Ring's form is an uncompressed point: a tag byte, then both coordinates.
        let coordinates = key.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let material = Material::Ec { crv: "P-256", x: encode(x), y: encode(y) };
        Self { kid, key_use: "sig", alg: "ES256", material }
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
