//! Token validation (docs/contract.md, sections 2 and 3). The tables of refused tokens and claims are unit tests.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use end_to_end::{Binary, Gateway, Request, Setup, World, http_get, json_object};
use sandbox::{Algorithm, KeyChoice, Mint};
use serde_json::{Value, json};

const JWKS: &str = "/issuer/jwks";
const SHARED_SECRET: &str = "a secret of at least 32 bytes, as RFC 7518 asks";

async fn world() -> World {
    Setup::new(Binary::User).start().await
}

fn with_shared_secret(secret: &str) -> Setup {
    let setup = Setup::new(Binary::User).with("JWT_ISSUER", "").with("JWT_SECRET_ID", "{secret}/jwt");
    setup.other_secret("jwt", secret)
}

/// A request with a token that the shared secret signs.
fn signed_with(world: &World, secret: &str) -> Request {
    world.request_with(Mint { algorithm: Algorithm::Hs256, secret: secret.to_owned(), ..Mint::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_every_published_key_are_accepted() {
    let world = world().await;
    for algorithm in Algorithm::PUBLISHED {
        world.send(&world.request_with(Mint { algorithm, ..Mint::default() })).await.assert_ok(algorithm);
    }
}

/// Each token gets an immediate 401 without an upstream call, and no part of it is in the answer or the log.
#[tokio::test(flavor = "multi_thread")]
async fn forged_and_malformed_tokens_are_refused() {
    let world = world().await;
    let good = world.sandbox.token();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"rsa-1"}"#);
    let jwks = http_get(&format!("{}{JWKS}", world.sandbox.base_url()), "", &[]).await;
    let jwk = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
    let attacker = format!("{}/attacker", world.sandbox.base_url());
    let forged = |header: Value| {
        world.sandbox.mint(Mint { key: KeyChoice::Forged, header: json_object(header), ..Mint::default() })
    };
    let with_claims =
        |claims: Value| world.sandbox.mint(Mint { claims: json_object(claims), ..Mint::default() });
    let public_key_as_secret = Mint {
        algorithm: Algorithm::Hs256,
        secret: jwks,
        header: json_object(json!({"kid": "rsa-1"})),
        ..Mint::default()
    };
    let tokens = [
        ("a forged signature", forged(json!({}))),
        ("a key in the token", forged(json!({"jwk": jwk}))),
        ("an address of keys in the token", forged(json!({"jku": attacker, "kid": "attacker"}))),
        ("a public key as an HMAC secret", world.sandbox.mint(public_key_as_secret)),
        ("alg none", format!("{none}.{claims}.")),
        ("alg none with a signature", format!("{none}.{claims}.{signature}")),
        ("not ASCII", format!("{header}.{claims}.ſ{signature}")),
        ("a kid that splits lines", forged(json!({"kid": "rsa-1\r\nX-Forged: 1\n{\"level\":\"INFO\"}"}))),
        ("another audience", with_claims(json!({"aud": "else"}))),
        ("an ID token", with_claims(json!({"token_use": "id"}))),
        ("5 MB", "a".repeat(5_000_000)),
    ];
    let reads = world.secrets.reads().len();
    let fetches = world.calls_of(JWKS).len();
    for (attack, token) in &tokens {
        for gateway in Gateway::BOTH {
            let began = Instant::now();
            let answer = world.send_through(gateway, &Request::get("/calendly/user").bearer(token)).await;
            answer.assert_error(401, "token_invalid", attack);
            assert!(began.elapsed() < Duration::from_secs(5), "{attack} took {:?}", began.elapsed());
            let expected = format!(
                r#"Bearer realm="calendly", error="invalid_token", error_description="{}""#,
                answer.detail()
            );
            assert_eq!(answer.header("www-authenticate"), Some(&*expected), "{attack}");
            for part in long_parts(token) {
                assert!(!format!("{:?}{}", answer.headers, answer.body).contains(part), "{attack}: {part}");
            }
        }
    }
    assert_eq!((world.calendly_paths(), world.calls_of("/attacker")), (vec![], vec![]));
    assert_eq!(world.secrets.reads().len(), reads);
    assert!(world.calls_of(JWKS).len() <= fetches + 1, "one fetch of keys per cool-down");
    world.function.kill().await;
    let log = world.function.raw_output();
    assert!(log.contains("token_invalid"), "{log}");
    for (attack, token) in &tokens {
        for part in long_parts(token) {
            assert!(!log.contains(part), "{attack}: {part} is in the log");
        }
    }
}

/// The parts of a token that are too long to match other text by chance.
fn long_parts(token: &str) -> impl Iterator<Item = &str> {
    token.split('.').filter(|part| part.len() >= 12)
}

/// The gateways send both headers in different formats.
#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_refused() {
    let world = world().await;
    for gateway in Gateway::BOTH {
        let request = world.request().header("authorization", "Basic dXNlcjpwYXNz");
        world.send_through(gateway, &request).await.assert_error(401, "token_invalid", gateway);
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_key_is_fetched_once() {
    let world = world().await;
    let fetches = || world.calls_of(JWKS).len();
    assert_eq!(fetches(), 1, "init's");
    let old = world.request();
    world.send(&old).await.assert_ok("");
    world.sandbox.rotate_keys();
    world.send(&old).await.assert_ok("cached keys");
    world.get(&[]).await.assert_ok("the first token of the new key");
    assert_eq!(fetches(), 2);
    world.send(&old).await.assert_error(401, "token_invalid", "the key is not published any more");
    assert_eq!(fetches(), 2, "within the cool-down");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_secret_accepts_only_hmac() {
    let world = with_shared_secret(SHARED_SECRET).start().await;
    world.send(&signed_with(&world, SHARED_SECRET)).await.assert_ok("");
    world.get(&[]).await.assert_error(401, "token_invalid", "a token of the published keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_shared_secret_is_loaded() {
    let world = with_shared_secret(SHARED_SECRET).start().await;
    world.send(&signed_with(&world, SHARED_SECRET)).await.assert_ok("the first secret");
    let newer = "another secret of at least 32 bytes, as RFC 7518 asks";
    world.secrets.store(&format!("{}/jwt", world.secret_id), newer);
    world.send(&signed_with(&world, newer)).await.assert_ok("the first token of the new secret");
    world.send(&signed_with(&world, SHARED_SECRET)).await.assert_error(
        401,
        "token_invalid",
        "the old secret",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_shared_secrets_are_explained_in_the_log() {
    for (stored, sent, (status, code), hint) in [
        ("too-short", "too-short", (503, "keys_unavailable"), "32"),
        (&*format!("{SHARED_SECRET}\n"), SHARED_SECRET, (401, "token_invalid"), "white space"),
    ] {
        let world = with_shared_secret(stored).start().await;
        let answer = world.send(&signed_with(&world, sent)).await;
        answer.assert_error(status, code, hint);
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        world.function.kill().await;
        let log = world.function.raw_output();
        assert!(log.contains("JWT_SECRET_ID") && log.contains(hint) && !log.contains(sent), "{log}");
    }
}
