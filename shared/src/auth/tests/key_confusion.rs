//! Signatures that verify only with the wrong kind of key, or with a key of the attacker's.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};

use super::{Answer, Authenticator, authenticate, authenticator, is_invalid};

const CLAIMS: &str = r#"{"iss":"https://issuer.example","aud":"here","sub":"someone","exp":4102444800}"#;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn key_pair() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
}

fn jwk(key: &Ed25519KeyPair) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}","kid":"one"}}"#, b64(key.public_key()))
}

fn issuer_of(jwks: &str) -> Authenticator {
    authenticator(Some("https://issuer.example"), "here", Answer::Keys(jwks.to_owned()))
}

fn sign(header: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signing_input = format!("{}.{}", b64(header), b64(CLAIMS));
    format!("{signing_input}.{}", b64(sign(signing_input.as_bytes())))
}

/// The HMAC secrets are the forms of a public key that a confused verifier would use.
#[tokio::test]
async fn public_key_as_hmac_secret_is_rejected() {
    let key = key_pair();
    let jwk = jwk(&key);
    let jwks = format!(r#"{{"keys":[{jwk}]}}"#);
    let authenticator = issuer_of(&jwks);
    let good = sign(r#"{"alg":"EdDSA","kid":"one"}"#, |message| key.sign(message).as_ref().to_vec());
    assert!(authenticate(&authenticator, &good).await.is_ok());
    let x = b64(key.public_key());
    for secret in [key.public_key().as_ref(), x.as_bytes(), jwk.as_bytes(), jwks.as_bytes(), b""] {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        for header in [r#"{"alg":"HS256","kid":"one"}"#, r#"{"alg":"HS256"}"#] {
            let token = sign(header, |message| hmac::sign(&secret, message).as_ref().to_vec());
            assert!(is_invalid(&authenticate(&authenticator, &token).await), "{header}");
        }
    }
}

#[tokio::test]
async fn keys_in_the_token_header_are_ignored() {
    let (issuer, attacker) = (key_pair(), key_pair());
    let authenticator = issuer_of(&format!(r#"{{"keys":[{}]}}"#, jwk(&issuer)));
    let own = jwk(&attacker);
    for header in [
        format!(r#"{{"alg":"EdDSA","jwk":{own}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"one","jwk":{own}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"other","jwk":{own}}}"#),
        r#"{"alg":"EdDSA","kid":"one","jku":"https://attacker.example/jwks"}"#.to_owned(),
    ] {
        let token = sign(&header, |message| attacker.sign(message).as_ref().to_vec());
        assert!(is_invalid(&authenticate(&authenticator, &token).await), "{header}");
    }
}
