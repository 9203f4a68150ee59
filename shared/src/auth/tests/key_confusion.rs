//! Signatures that verify only with the wrong kind of key, or with a key of the attacker's.

use ring::hmac;

use super::{
    Answer, Authenticator, authenticate, authenticator, is_invalid,
    signing_key::{SigningKey, b64, jwks, token},
};

const CLAIMS: &str = r#"{"iss":"https://issuer.example","aud":"here","sub":"someone","exp":4102444800}"#;

fn issuer_with(key: &SigningKey) -> Authenticator {
    authenticator(Some("https://issuer.example"), "here", Answer::Keys(jwks(&[key])))
}

/// The HMAC secrets are the forms of a public key that a confused verifier would use.
#[tokio::test]
async fn public_key_as_hmac_secret_is_rejected() {
    let key = SigningKey::new("one");
    let authenticator = issuer_with(&key);
    let good = key.sign(r#"{"alg":"EdDSA","kid":"one"}"#, CLAIMS);
    assert!(authenticate(&authenticator, &good).await.is_ok());
    let (x, jwk, jwks) = (b64(key.public_key()), key.jwk(), jwks(&[&key]));
    for secret in [key.public_key(), x.as_bytes(), jwk.as_bytes(), jwks.as_bytes(), b""] {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        for header in [r#"{"alg":"HS256","kid":"one"}"#, r#"{"alg":"HS256"}"#] {
            let token = token(header, CLAIMS, |message| hmac::sign(&secret, message).as_ref().to_vec());
            assert!(is_invalid(&authenticate(&authenticator, &token).await), "{header}");
        }
    }
}

#[tokio::test]
async fn keys_in_the_token_header_are_ignored() {
    let attacker = SigningKey::new("one");
    let authenticator = issuer_with(&SigningKey::new("one"));
    let own = attacker.jwk();
    for header in [
        format!(r#"{{"alg":"EdDSA","jwk":{own}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"one","jwk":{own}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"other","jwk":{own}}}"#),
        r#"{"alg":"EdDSA","kid":"one","jku":"https://attacker.example/jwks"}"#.to_owned(),
    ] {
        let token = attacker.sign(&header, CLAIMS);
        assert!(is_invalid(&authenticate(&authenticator, &token).await), "{header}");
    }
}
