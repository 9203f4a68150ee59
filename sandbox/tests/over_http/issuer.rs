//! Tokens and the keys that they are checked with.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use ring::hmac;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaParameters, UnparsedPublicKey,
};
use sandbox::{Algorithm, CLIENT_ID, CLIENT_SECRET, Config, KeyChoice, Mint};
use serde_json::{Map, Value, json};

use crate::caller::{Caller, fixed, text};

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Header and claims of a token.
fn parts(token: &str) -> (Value, Value) {
    let part = |index| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&decoded(part)).unwrap()
    };
    (part(0), part(1))
}

async fn keys(caller: &Caller) -> Vec<Value> {
    let discovery = caller.read("/issuer/.well-known/openid-configuration", &[]);
    let discovery = discovery.await;
    assert_eq!(discovery["issuer"], caller.sandbox.issuer_url());
    let url = text(&discovery["jwks_uri"]);
    let keys: Value = caller.http.get(url).send().await.unwrap().json().await.unwrap();
    keys["keys"].as_array().unwrap().clone()
}

/// Whether the key set that is published vouches for a token.
fn is_vouched_for(keys: &[Value], token: &str) -> bool {
    let (header, _) = parts(token);
    let algorithm = header["alg"].as_str().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == header["kid"]) else {
        return false;
    };
    if key["alg"].as_str().is_some_and(|alg| alg != algorithm) {
        return false;
    }
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = decoded(signature);
    let member = |name: &str| decoded(key[name].as_str().unwrap());
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
        "EdDSA" => other(&ED25519, member("x")),
        _ => panic!("{algorithm}"),
    }
    .is_ok()
}

#[tokio::test]
async fn the_published_keys_vouch_for_every_algorithm_and_for_no_forgery() {
    let caller = Caller::start(fixed()).await;
    let keys = keys(&caller).await;
    for algorithm in Algorithm::PUBLISHED {
        let mint = |key| caller.sandbox.mint(Mint { algorithm, key, ..Mint::default() });
        let good = mint(KeyChoice::Published);
        assert_eq!(parts(&good).0["alg"], json!(algorithm));
        assert!(is_vouched_for(&keys, &good), "{algorithm:?}");
        let forged = mint(KeyChoice::Forged);
        assert_eq!(parts(&forged).0, parts(&good).0);
        assert!(!is_vouched_for(&keys, &forged), "{algorithm:?}");
    }
    for key in &keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "k"] {
            assert!(key.get(private).is_none());
        }
    }
}

#[tokio::test]
async fn a_good_token_has_the_usual_claims() {
    let caller = Caller::start(Config {
        public_url: Some("http://elsewhere.example:4010".to_owned()),
        audience: "somebody".to_owned(),
        scope: "a b".to_owned(),
        ..fixed()
    })
    .await;
    let token = caller.sandbox.token();
    let (header, claims) = parts(&token);
    assert_eq!(header, json!({ "alg": "RS256", "kid": "rsa-1", "typ": "JWT" }));
    assert_eq!(claims["iss"], "http://elsewhere.example:4010/issuer");
    assert_eq!(claims["aud"], "somebody");
    assert_eq!(claims["sub"], "demo");
    assert_eq!(claims["scope"], "a b");
    let now = chrono::Utc::now().timestamp();
    let issued_at = claims["iat"].as_i64().unwrap();
    assert!((now - 5..=now).contains(&issued_at));
    assert_eq!(claims["exp"].as_i64().unwrap(), issued_at + 3600);
    assert_ne!(parts(&caller.sandbox.token()).1["jti"], claims["jti"]);
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn overrides_replace_and_remove_and_are_signed() {
    let caller = Caller::start(fixed()).await;
    let token = caller.sandbox.mint(Mint {
        header: object(json!({ "typ": null, "crit": ["x"] })),
        claims: object(json!({ "exp": 1, "aud": null, "client_id": "c" })),
        ..Mint::default()
    });
    let (header, claims) = parts(&token);
    assert_eq!(header, json!({ "alg": "RS256", "kid": "rsa-1", "crit": ["x"] }));
    assert_eq!(claims["exp"], 1);
    assert_eq!(claims["client_id"], "c");
    assert!(claims.get("aud").is_none());
    assert!(is_vouched_for(&keys(&caller).await, &token));
}

#[tokio::test]
async fn secrets_sign_and_none_does_not() {
    let caller = Caller::start(fixed()).await;
    for (algorithm, hmac) in [
        (Algorithm::Hs256, hmac::HMAC_SHA256),
        (Algorithm::Hs384, hmac::HMAC_SHA384),
        (Algorithm::Hs512, hmac::HMAC_SHA512),
    ] {
        let token = caller.sandbox.mint(Mint { algorithm, secret: "a secret".to_owned(), ..Mint::default() });
        assert!(parts(&token).0.get("kid").is_none());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac, b"a secret");
        hmac::verify(&key, message.as_bytes(), &decoded(signature)).unwrap();
    }
    let token = caller.sandbox.mint(Mint { algorithm: Algorithm::None, ..Mint::default() });
    assert_eq!(parts(&token).0["alg"], "none");
    assert!(token.ends_with('.'));
}

#[tokio::test]
async fn rotation_replaces_the_rs256_key() {
    let caller = Caller::start(fixed()).await;
    let before = keys(&caller).await;
    let old = caller.sandbox.token();
    caller.sandbox.rotate_keys();
    let after = keys(&caller).await;
    let new = caller.sandbox.token();
    assert!(!is_vouched_for(&after, &old));
    assert!(is_vouched_for(&after, &new));
    assert!(!is_vouched_for(&before, &new));
    assert_ne!(before[0]["n"], after[0]["n"]);
    assert_eq!(before[1..], after[1..]);

    let rotated = caller.http.post(caller.url("/issuer/rotate")).send().await;
    let kid: Value = rotated.unwrap().json().await.unwrap();
    assert_eq!(keys(&caller).await[0]["kid"], kid["kid"]);
}

async fn grant(caller: &Caller, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let request = caller.http.post(caller.url("/issuer/token")).form(form);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn both_grants_give_good_tokens() {
    let caller = Caller::start(fixed()).await;
    let keys = keys(&caller).await;
    let password = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];
    let client = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("scope", "calendly:read"),
    ];
    for (form, subject) in [(&password[..], "demo"), (&client[..], CLIENT_ID)] {
        let (status, body) = grant(&caller, form).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "calendly:read");
        let token = text(&body["access_token"]);
        assert!(is_vouched_for(&keys, &token));
        assert_eq!(parts(&token).1["sub"], subject);
    }
    let basic = caller
        .http
        .post(caller.url("/issuer/token"))
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
        .form(&[("grant_type", "client_credentials")]);
    assert_eq!(basic.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn grants_are_refused_as_oauth_has_it() {
    let caller = Caller::start(fixed()).await;
    let refusal = async |form: &[(&str, &str)]| {
        let (status, body) = grant(&caller, form).await;
        assert!(body["error_description"].is_string());
        (status.as_u16(), text(&body["error"]))
    };
    let demo = [("username", "demo"), ("password", "demo")];
    let wrong = [("username", "demo"), ("password", "guess")];
    let password = ("grant_type", "password");
    let client = ("grant_type", "client_credentials");
    let expected = |status, error: &str| (status, error.to_owned());
    assert_eq!(refusal(&demo).await, expected(400, "invalid_request"));
    let form = [password, wrong[0], wrong[1]];
    assert_eq!(refusal(&form).await, expected(400, "invalid_grant"));
    let form = [password, demo[0], demo[1], ("scope", "everything")];
    assert_eq!(refusal(&form).await, expected(400, "invalid_scope"));
    assert_eq!(refusal(&[client]).await, expected(401, "invalid_client"));
    let form = [("grant_type", "refresh_token")];
    assert_eq!(refusal(&form).await, expected(400, "unsupported_grant_type"));
}

#[tokio::test]
async fn tokens_are_minted_over_http() {
    let caller = Caller::start(fixed()).await;
    let mint = async |order: Value| {
        let request = caller.http.post(caller.url("/issuer/mint")).json(&order);
        request.send().await.unwrap()
    };
    let order = json!({
        "alg": "ES384",
        "header": { "kid": null },
        "claims": { "sub": "someone", "scope": null },
    });
    let body: Value = mint(order).await.json().await.unwrap();
    let (header, claims) = parts(&text(&body["access_token"]));
    assert_eq!(header, json!({ "alg": "ES384", "typ": "JWT" }));
    assert_eq!(claims["sub"], "someone");
    assert!(claims.get("scope").is_none());

    let forged = mint(json!({ "key": "forged" })).await;
    let forged: Value = forged.json().await.unwrap();
    let token = text(&forged["access_token"]);
    assert!(!is_vouched_for(&keys(&caller).await, &token));
    for wrong in [json!({ "alg": "RS1" }), json!({ "claim": {} })] {
        assert!(mint(wrong).await.status().is_client_error());
    }
}
