//! Every algorithm: a good token is accepted and a bad one is not.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Authenticator, authenticate, authenticator, is_invalid};

#[derive(Deserialize)]
struct Fixture {
    issuer: String,
    audience: String,
    secret: String,
    jwks: Value,
    tokens: BTreeMap<String, Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    good: String,
    forged: String,
}

impl Fixture {
    fn load() -> Self {
        serde_json::from_str(include_str!("fixtures/tokens.json")).unwrap()
    }

    fn published(&self) -> Authenticator {
        authenticator(Some(&self.issuer), &self.audience, Answer::Keys(self.jwks.to_string()))
    }

    fn shared_secret(&self) -> Authenticator {
        authenticator(None, &self.audience, Answer::Secret(self.secret.clone()))
    }

    /// The authenticator that takes an algorithm, and the one that does not.
    fn both(&self, algorithm: &str) -> (Authenticator, Authenticator) {
        match algorithm {
            "HS256" | "HS384" | "HS512" => (self.shared_secret(), self.published()),
            _ => (self.published(), self.shared_secret()),
        }
    }
}

async fn good_and_bad(algorithm: &str) {
    let fixture = Fixture::load();
    let Tokens { good, forged } = &fixture.tokens[algorithm];
    let (right, wrong) = fixture.both(algorithm);

    let caller = authenticate(&right, good).await.unwrap();
    assert_eq!(caller.text_claim("sub"), Some("someone"));
    assert!(is_invalid(&authenticate(&right, forged).await), "forged");
    assert!(is_invalid(&authenticate(&wrong, good).await), "the other kind of issuer");

    let (message, signature) = good.rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut one_bit_off = signature.clone();
    one_bit_off[0] ^= 1;
    for (what, bad) in [
        ("empty", vec![]),
        ("zero", vec![0; signature.len()]),
        ("one bit off", one_bit_off),
        ("short", signature[..signature.len() - 1].to_vec()),
        ("long", [&signature[..], &[0]].concat()),
        ("twice", signature.repeat(2)),
    ] {
        let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(bad));
        assert!(is_invalid(&authenticate(&right, &token).await), "a signature that is {what}");
    }
}

#[tokio::test]
async fn rs256() {
    good_and_bad("RS256").await;
}

#[tokio::test]
async fn rs384() {
    good_and_bad("RS384").await;
}

#[tokio::test]
async fn rs512() {
    good_and_bad("RS512").await;
}

#[tokio::test]
async fn ps256() {
    good_and_bad("PS256").await;
}

#[tokio::test]
async fn ps384() {
    good_and_bad("PS384").await;
}

#[tokio::test]
async fn ps512() {
    good_and_bad("PS512").await;
}

#[tokio::test]
async fn es256() {
    good_and_bad("ES256").await;
}

#[tokio::test]
async fn es384() {
    good_and_bad("ES384").await;
}

#[tokio::test]
async fn eddsa() {
    good_and_bad("EdDSA").await;
}

#[tokio::test]
async fn hs256() {
    good_and_bad("HS256").await;
}

#[tokio::test]
async fn hs384() {
    good_and_bad("HS384").await;
}

#[tokio::test]
async fn hs512() {
    good_and_bad("HS512").await;
}

/// The fixture's keys, each with these members set, or taken away where null.
fn changed(keys: &Value, changes: &Value) -> String {
    let mut keys = keys.clone();
    for key in keys["keys"].as_array_mut().unwrap() {
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                key.as_object_mut().unwrap().remove(name);
            } else {
                key[name] = value.clone();
            }
        }
    }
    keys.to_string()
}

#[tokio::test]
async fn a_key_that_names_no_algorithm_verifies_with_every_one_of_its_type() {
    let fixture = Fixture::load();
    let answer = Answer::Keys(changed(&fixture.jwks, &json!({"alg": null, "use": null})));
    let authenticator = authenticator(Some(&fixture.issuer), &fixture.audience, answer);
    for (algorithm, tokens) in &fixture.tokens {
        let result = authenticate(&authenticator, &tokens.good).await;
        assert_eq!(result.is_ok(), !algorithm.starts_with("HS"), "{algorithm}: {result:?}");
    }
}

/// Key and signature are right, and the key may not be used so.
#[tokio::test]
async fn a_key_verifies_only_with_the_algorithm_that_it_names() {
    let fixture = Fixture::load();
    for (algorithm, other) in [("RS256", "RS384"), ("PS256", "RS256"), ("RS512", "PS512")] {
        let answer = Answer::Keys(changed(&fixture.jwks, &json!({"alg": other})));
        let authenticator = authenticator(Some(&fixture.issuer), &fixture.audience, answer);
        assert!(is_invalid(&authenticate(&authenticator, &fixture.tokens[algorithm].good).await), "{other}");
    }
}

#[tokio::test]
async fn the_token_s_kid_decides_even_where_another_key_signed() {
    let fixture = Fixture::load();
    let answer = Answer::Keys(fixture.jwks.to_string().replace("for-RS256", "for-another"));
    let authenticator = authenticator(Some(&fixture.issuer), &fixture.audience, answer);
    assert!(is_invalid(&authenticate(&authenticator, &fixture.tokens["RS256"].good).await));
}
