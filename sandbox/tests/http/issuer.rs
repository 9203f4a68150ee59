//! Tokens, grants and published keys.

use base64::Engine;
use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaParameters, UnparsedPublicKey,
};
use sandbox::{Algorithm, CLIENT_ID, CLIENT_SECRET, Config, Fault, KeyChoice, KeySetChange, Mint};
use serde_json::{Value, json};

use crate::support::{Harness, text};

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Returns header and claims of a token.
fn parts(token: &str) -> (Value, Value) {
    let part = |index| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&decode(part)).unwrap()
    };
    (part(0), part(1))
}

async fn keys(harness: &Harness) -> Vec<Value> {
    let discovery = harness.read("/issuer/.well-known/openid-configuration", &[]).await;
    assert_eq!(discovery["issuer"], harness.sandbox.issuer_url());
    let url = text(&discovery["jwks_uri"]);
    let keys: Value = harness.http.get(url).send().await.unwrap().json().await.unwrap();
    keys["keys"].as_array().unwrap().clone()
}

/// Verifies a token with the published key that has its `kid`.
fn verifies(keys: &[Value], token: &str) -> bool {
    let (header, _) = parts(token);
    keys.iter().find(|key| key["kid"] == header["kid"]).is_some_and(|key| key_verifies(key, token))
}

fn key_verifies(key: &Value, token: &str) -> bool {
    let (header, _) = parts(token);
    let algorithm = header["alg"].as_str().unwrap();
    if key["alg"].as_str().is_some_and(|alg| alg != algorithm) {
        return false;
    }
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let member = |name: &str| decode(key[name].as_str().unwrap());
    let rsa = |parameters: &'static RsaParameters| {
        assert_eq!(key["kty"], "RSA");
        let key = PublicKeyComponents { n: member("n"), e: member("e") };
        key.verify(parameters, message.as_bytes(), &signature)
    };
    let other = |parameters: &'static dyn signature::VerificationAlgorithm, key: Vec<u8>| {
        UnparsedPublicKey::new(parameters, key).verify(message.as_bytes(), &signature)
    };
    let point = || [vec![4], member("x"), member("y")].concat();
    match algorithm {
        "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        "PS384" => rsa(&signature::RSA_PSS_2048_8192_SHA384),
        "PS512" => rsa(&signature::RSA_PSS_2048_8192_SHA512),
        "ES256" => other(&ECDSA_P256_SHA256_FIXED, point()),
        "ES384" => other(&ECDSA_P384_SHA384_FIXED, point()),
        "EdDSA" | "Ed25519" => other(&ED25519, member("x")),
        _ => panic!("{algorithm}"),
    }
    .is_ok()
}

#[tokio::test]
async fn published_keys_verify_every_algorithm_and_no_forged_token() {
    let harness = Harness::start().await;
    let keys = keys(&harness).await;
    for algorithm in Algorithm::PUBLISHED {
        let mint = |key| harness.sandbox.mint(Mint { algorithm, key, ..Mint::default() });
        let valid = mint(KeyChoice::Published);
        assert_eq!(parts(&valid).0["alg"], json!(algorithm));
        assert!(verifies(&keys, &valid), "{algorithm:?}");
        let forged = mint(KeyChoice::Forged);
        assert_eq!(parts(&forged).0, parts(&valid).0);
        assert!(!verifies(&keys, &forged), "{algorithm:?}");
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
    let (header, claims) = parts(&harness.sandbox.token());
    assert_eq!(header, json!({ "alg": "RS256", "kid": "rsa-1", "typ": "JWT" }));
    assert_eq!(claims["iss"], "http://elsewhere.example:4010/issuer");
    assert_eq!(claims["aud"], "an-audience");
    assert_eq!(claims["sub"], "demo");
    assert_eq!(claims["scope"], "calendly:read");
    let now = chrono::Utc::now().timestamp();
    let issued_at = claims["iat"].as_i64().unwrap();
    assert!((now - 60..=now).contains(&issued_at));
    assert_eq!(claims["exp"].as_i64().unwrap(), issued_at + 3600);
    assert_ne!(parts(&harness.sandbox.token()).1["jti"], claims["jti"]);
}

#[tokio::test]
async fn tokens_are_minted_with_overrides() {
    let harness = Harness::start().await;
    let keys = keys(&harness).await;
    let request = json!({
        "alg": "ES384",
        "header": { "typ": null, "crit": ["x"] },
        "claims": { "exp": 1, "aud": null, "client_id": "c" },
    });
    let (_, body) = harness.post("/issuer/mint", request).await;
    let token = text(&body["access_token"]);
    let (header, claims) = parts(&token);
    assert_eq!(header, json!({ "alg": "ES384", "kid": "ec-p384", "crit": ["x"] }));
    assert_eq!((&claims["exp"], &claims["client_id"]), (&json!(1), &json!("c")));
    assert!(claims.get("aud").is_none());
    assert!(verifies(&keys, &token));

    let (_, body) = harness.post("/issuer/mint", json!({ "key": "forged" })).await;
    assert!(!verifies(&keys, &text(&body["access_token"])));
    for invalid in [json!({ "alg": "RS1" }), json!({ "claim": {} })] {
        assert_eq!(harness.post("/issuer/mint", invalid).await.0, 422);
    }
}

#[tokio::test]
async fn tokens_are_signed_with_a_secret_or_not_at_all() {
    let harness = Harness::start().await;
    for (algorithm, hmac) in [
        (Algorithm::Hs256, hmac::HMAC_SHA256),
        (Algorithm::Hs384, hmac::HMAC_SHA384),
        (Algorithm::Hs512, hmac::HMAC_SHA512),
    ] {
        let token =
            harness.sandbox.mint(Mint { algorithm, secret: "a secret".to_owned(), ..Mint::default() });
        assert!(parts(&token).0.get("kid").is_none());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac, b"a secret");
        hmac::verify(&key, message.as_bytes(), &decode(signature)).unwrap();
    }
    let token = harness.sandbox.mint(Mint { algorithm: Algorithm::None, ..Mint::default() });
    assert_eq!(parts(&token).0["alg"], "none");
    assert!(token.ends_with('.'));
}

#[tokio::test]
async fn rotation_replaces_the_rs256_key() {
    let harness = Harness::start().await;
    let before = keys(&harness).await;
    let old = harness.sandbox.token();
    let (_, body) = harness.post("/issuer/rotate", Value::Null).await;
    let after = keys(&harness).await;
    let new = harness.sandbox.token();
    assert!(!verifies(&after, &old));
    assert!(verifies(&after, &new));
    assert!(!verifies(&before, &new));
    assert_eq!(after[0]["kid"], body["kid"]);
    assert_ne!(before[0]["n"], after[0]["n"]);
    assert_eq!(before[1..], after[1..]);
}

async fn changed_keys(harness: &Harness, change: KeySetChange) -> Vec<Value> {
    harness.sandbox.fault("/issuer/jwks", 1, Fault::KeySet { change });
    keys(harness).await
}

#[tokio::test]
async fn keys_are_listed_twice() {
    let harness = Harness::start().await;
    let real = keys(&harness).await;
    let changed = changed_keys(&harness, KeySetChange::ListedTwice).await;
    assert_eq!(changed, real.into_iter().flat_map(|key| [key.clone(), key]).collect::<Vec<_>>());
}

#[tokio::test]
async fn different_keys_share_a_kid() {
    let harness = Harness::start().await;
    let real = keys(&harness).await;
    for (change, good) in [(KeySetChange::SharedKidGoodFirst, 0), (KeySetChange::SharedKidGoodLast, 1)] {
        let changed = changed_keys(&harness, change).await;
        assert_eq!(changed.len(), 2 * real.len());
        for (pair, real) in changed.chunks(2).zip(&real) {
            assert_eq!(&pair[good], real);
            assert!(
                ["kty", "crv", "kid", "alg"].iter().all(|member| pair[0].get(member) == pair[1].get(member))
            );
        }
        for algorithm in Algorithm::PUBLISHED {
            let token = harness.sandbox.mint(Mint { algorithm, ..Mint::default() });
            let kid = &parts(&token).0["kid"];
            let verified: Vec<_> = changed
                .iter()
                .filter(|key| key["kid"] == *kid)
                .map(|key| key_verifies(key, &token))
                .collect();
            assert_eq!(verified, [good == 0, good == 1], "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn ed25519_is_an_algorithm_name() {
    let harness = Harness::start().await;
    let changed = changed_keys(&harness, KeySetChange::Ed25519Alg).await;
    assert_eq!(changed[4]["alg"], "Ed25519");
    let (_, body) = harness.post("/issuer/mint", json!({ "alg": "Ed25519" })).await;
    let token = text(&body["access_token"]);
    assert_eq!(parts(&token).0, json!({ "alg": "Ed25519", "kid": "ed25519", "typ": "JWT" }));
    assert!(verifies(&changed, &token));
}

#[tokio::test]
async fn key_members_are_padded() {
    let harness = Harness::start().await;
    let real = keys(&harness).await;
    let changed = changed_keys(&harness, KeySetChange::Padded).await;
    assert!(changed[0]["n"].as_str().unwrap().ends_with("=="));
    for (changed, real) in changed.iter().zip(&real) {
        for member in ["n", "e", "x", "y"] {
            if let Some(padded) = changed[member].as_str() {
                assert_eq!(BASE64_URL_SAFE.decode(padded).unwrap(), decode(&text(&real[member])));
            }
        }
    }
}

#[tokio::test]
async fn tokens_have_any_issuer() {
    let harness = Harness::start().await;
    let issuer = "http://adfs.example/adfs/services/trust";
    let (_, body) = harness.post("/issuer/mint", json!({ "claims": { "iss": issuer } })).await;
    let token = text(&body["access_token"]);
    assert_eq!(parts(&token).1["iss"], issuer);
    assert!(verifies(&keys(&harness).await, &token));
}

async fn grant(harness: &Harness, form: &[(&str, &str)]) -> (u16, Value) {
    let request = harness.http.post(harness.url("/issuer/token")).form(form);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn grants_return_valid_tokens() {
    let harness = Harness::start().await;
    let keys = keys(&harness).await;
    let password = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];
    let client = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("scope", "calendly:read"),
    ];
    for (form, subject) in [(&password[..], "demo"), (&client[..], CLIENT_ID)] {
        let (status, body) = grant(&harness, form).await;
        assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &json!("Bearer"), &json!(3600)));
        assert_eq!(body["scope"], "calendly:read");
        let token = text(&body["access_token"]);
        assert!(verifies(&keys, &token));
        assert_eq!(parts(&token).1["sub"], subject);
    }
    let basic = harness
        .http
        .post(harness.url("/issuer/token"))
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
        .form(&[("grant_type", "client_credentials")]);
    assert_eq!(basic.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn invalid_grants_get_oauth_errors() {
    let harness = Harness::start().await;
    let password = ("grant_type", "password");
    let demo = [("username", "demo"), ("password", "demo")];
    for (form, status, error) in [
        (&demo[..], 400, "invalid_request"),
        (&[password, ("username", "demo"), ("password", "guess")], 400, "invalid_grant"),
        (&[password, demo[0], demo[1], ("scope", "everything")], 400, "invalid_scope"),
        (&[("grant_type", "client_credentials")], 401, "invalid_client"),
        (&[("grant_type", "refresh_token")], 400, "unsupported_grant_type"),
    ] {
        let (actual, body) = grant(&harness, form).await;
        assert_eq!((actual, &*text(&body["error"])), (status, error));
        assert!(body["error_description"].is_string());
    }
}
