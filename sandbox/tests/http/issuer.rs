//! Tokens, grants and published keys. The end-to-end tests verify signatures.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sandbox::{Algorithm, Config, KeyChoice, Mint};
use serde_json::{Value, json};

use crate::support::{Harness, text};

/// Returns header, claims and signature of a token.
fn parts(token: &str) -> (Value, Value, Vec<u8>) {
    let parts: Vec<_> = token.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let [header, claims, signature] = &parts[..] else {
        panic!("{token}");
    };
    let json = |part| serde_json::from_slice(part).unwrap();
    (json(header), json(claims), signature.clone())
}

async fn keys(harness: &Harness) -> Vec<Value> {
    let discovery = harness.read("/issuer/.well-known/openid-configuration", &[]).await;
    assert_eq!(discovery["issuer"], harness.sandbox.issuer_url());
    let url = text(&discovery["jwks_uri"]);
    let keys: Value = harness.http.get(url).send().await.unwrap().json().await.unwrap();
    keys["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn forged_tokens_differ_from_valid_ones_in_the_signature_only() {
    let harness = Harness::start().await;
    let keys = keys(&harness).await;
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let [valid, forged] = [KeyChoice::Published, KeyChoice::Forged]
            .map(|key| parts(&harness.sandbox.mint(Mint { algorithm, key, ..Mint::default() })));
        assert_eq!((&valid.0, valid.2.len()), (&forged.0, forged.2.len()));
        assert_eq!(valid.0["alg"], json!(algorithm));
        let key = keys.iter().find(|key| key["kid"] == valid.0["kid"]).unwrap();
        assert_eq!(key["alg"], valid.0["alg"]);
    }
    for key in &keys {
        assert_eq!(key["use"], "sig");
        assert!(["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none()));
    }
}

#[tokio::test]
async fn tokens_have_the_configured_claims() {
    let harness = Harness::start_with(Config {
        public_url: Some("http://elsewhere.example:4010".to_owned()),
        audience: "an-audience".to_owned(),
        ..Config::default()
    })
    .await;
    let (header, claims, _) = parts(&harness.sandbox.token());
    assert_eq!(header, json!({ "alg": "RS256", "kid": "rsa-1", "typ": "JWT" }));
    assert_eq!(claims["iss"], "http://elsewhere.example:4010/issuer");
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!("an-audience"), &json!("demo")));
    assert_eq!(claims["exp"].as_i64().unwrap(), claims["iat"].as_i64().unwrap() + 3600);
    assert_ne!(parts(&harness.sandbox.token()).1["jti"], claims["jti"]);
}

#[tokio::test]
async fn tokens_are_minted_with_overrides() {
    let harness = Harness::start().await;
    let request = json!({
        "alg": "ES256",
        "header": { "typ": null, "crit": ["x"] },
        "claims": { "exp": 1, "aud": null, "iss": "http://adfs.example" },
    });
    let (_, body) = harness.post("/issuer/mint", request).await;
    let (header, claims, _) = parts(&text(&body["access_token"]));
    assert_eq!(header, json!({ "alg": "ES256", "kid": "ec-1", "crit": ["x"] }));
    assert_eq!((&claims["exp"], &claims["iss"]), (&json!(1), &json!("http://adfs.example")));
    assert!(claims.get("aud").is_none());
    let (_, body) = harness.post("/issuer/mint", json!({ "alg": "HS256", "secret": "s" })).await;
    let (header, _, signature) = parts(&text(&body["access_token"]));
    assert_eq!((header, signature.len()), (json!({ "alg": "HS256", "typ": "JWT" }), 32));
    for invalid in [json!({ "alg": "RS1" }), json!({ "claim": {} }), json!({ "key": "lost" })] {
        assert_eq!(harness.post("/issuer/mint", invalid).await.0, 422);
    }
}

#[tokio::test]
async fn rotation_replaces_the_rsa_key() {
    let harness = Harness::start().await;
    let before = keys(&harness).await;
    harness.sandbox.rotate_keys();
    let after = keys(&harness).await;
    assert_eq!(after[0]["kid"], parts(&harness.sandbox.token()).0["kid"]);
    assert_ne!(before[0]["kid"], after[0]["kid"]);
    assert_ne!(before[0]["n"], after[0]["n"]);
    assert_eq!(before[1..], after[1..]);
}

#[tokio::test]
async fn the_password_grant_returns_a_token_or_an_oauth_error() {
    let harness = Harness::start().await;
    for (grant_type, password, status, error) in [
        ("password", "demo", 200, None),
        ("password", "guess", 400, Some("invalid_grant")),
        ("refresh_token", "demo", 400, Some("unsupported_grant_type")),
    ] {
        let form = [("grant_type", grant_type), ("username", "demo"), ("password", password)];
        let response = harness.http.post(harness.url("/issuer/token")).form(&form).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"].as_str(), error);
        if error.is_none() {
            assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
            assert_eq!(parts(&text(&body["access_token"])).1["sub"], "demo");
        }
    }
}
