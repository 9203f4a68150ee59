//! For each algorithm, valid tokens and forgeries.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

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

    /// The authenticator that supports an algorithm, and the one that does not.
    fn authenticators(&self, algorithm: &str) -> (Authenticator, Authenticator) {
        match algorithm {
            "HS256" | "HS384" | "HS512" => (self.shared_secret(), self.published()),
            _ => (self.published(), self.shared_secret()),
        }
    }
}

#[tokio::test]
async fn each_algorithm_accepts_its_tokens_and_refuses_forgeries() {
    let fixture = Fixture::load();
    assert_eq!(fixture.tokens.len(), 13);
    for (algorithm, Tokens { good, forged }) in &fixture.tokens {
        let (right, wrong) = fixture.authenticators(algorithm);
        let caller = authenticate(&right, good).await.unwrap();
        assert_eq!(caller.text_claim("sub"), Some("someone"), "{algorithm}");
        assert!(is_invalid(&authenticate(&right, forged).await), "{algorithm}: forged");
        assert!(is_invalid(&authenticate(&wrong, good).await), "{algorithm}: other kind of issuer");

        let (signing_input, signature) = good.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut flipped = signature.clone();
        flipped[0] ^= 1;
        for (defect, bad) in [
            ("empty", vec![]),
            ("zero", vec![0; signature.len()]),
            ("flipped bit", flipped),
            ("truncated", signature[..signature.len() - 1].to_vec()),
            ("extended", [&signature[..], &[0]].concat()),
            ("doubled", signature.repeat(2)),
        ] {
            let token = format!("{signing_input}.{}", BASE64_URL_SAFE_NO_PAD.encode(bad));
            assert!(is_invalid(&authenticate(&right, &token).await), "{algorithm}: {defect} signature");
        }
    }
}
