//! Ed25519 keys, and tokens that they sign.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};

pub(in crate::auth) fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with a signature by `sign`.
pub(in crate::auth) fn token(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    format!("{message}.{}", b64(sign(message.as_bytes())))
}

/// A JWK Set.
pub(in crate::auth) fn jwks(keys: &[&SigningKey]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key.jwk()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A private key and its `kid`.
pub(in crate::auth) struct SigningKey {
    pair: Ed25519KeyPair,
    pub(in crate::auth) kid: &'static str,
}

impl SigningKey {
    pub(in crate::auth) fn new(kid: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { pair: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap(), kid }
    }

    pub(in crate::auth) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(in crate::auth) fn jwk(&self) -> String {
        let (x, kid) = (b64(self.public_key()), self.kid);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{kid}"}}"#)
    }

    pub(in crate::auth) fn sign(&self, header: &str, claims: &str) -> String {
        token(header, claims, |message| self.pair.sign(message).as_ref().to_vec())
    }
}
