//! Token validation (docs/contract.md, sections 2 and 3). The tables of refused tokens and claims are unit tests.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use end_to_end::{Binary, Gateway, Request, Setup, World, json_object};
use sandbox::{Algorithm, KeyChoice, Mint};
use serde_json::json;

const SHARED_SECRET: &str = "a secret of at least 32 bytes, as RFC 7518 asks";

fn with_shared_secret(secret: &str) -> Setup {
    let setup = Setup::new(Binary::User).with("JWT_ISSUER", "").with("JWT_SECRET_ID", "{secret}/jwt");
    setup.other_secret("jwt", secret)
}

/// A request with a token that [`SHARED_SECRET`] signs.
fn signed_with_secret(world: &World) -> Request {
    let secret = SHARED_SECRET.to_owned();
    world.request_with(Mint { algorithm: Algorithm::Hs256, secret, ..Mint::default() })
}

/// Each token gets an immediate 401 without an upstream call, and no part of it is in the answer or the log.
#[tokio::test(flavor = "multi_thread")]
async fn forged_and_malformed_tokens_are_refused() {
    let world = Setup::new(Binary::User).start().await;
    let good = world.sandbox.token();
    let [_, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"rsa-1"}"#);
    let mint = |mint: Mint| world.sandbox.mint(mint);
    let two_lines = json_object(json!({"kid": "rsa-1\r\nX-Forged: 1\n{\"level\":\"INFO\"}"}));
    let other_audience = json_object(json!({"aud": "else"}));
    let tokens = [
        ("a forged signature", mint(Mint { key: KeyChoice::Forged, ..Mint::default() })),
        ("alg none with a signature", format!("{none}.{claims}.{signature}")),
        ("an unknown kid that splits lines", mint(Mint { header: two_lines, ..Mint::default() })),
        ("another audience", mint(Mint { claims: other_audience, ..Mint::default() })),
        ("5 MB", "a".repeat(5_000_000)),
    ];
    let reads = world.secrets.reads();
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
    assert_eq!((world.calendly_paths(), world.secrets.reads()), (vec![], reads));
    let fetches = world.calls_of("/issuer/jwks").len();
    assert_eq!(fetches, 2, "init's, and one for the unknown kid: further ones wait for the cool-down");
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
    let world = Setup::new(Binary::User).start().await;
    for gateway in Gateway::BOTH {
        let request = world.request().header("authorization", "Basic dXNlcjpwYXNz");
        world.send_through(gateway, &request).await.assert_error(401, "token_invalid", gateway);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_secret_accepts_only_hmac() {
    let world = with_shared_secret(SHARED_SECRET).start().await;
    world.send(&signed_with_secret(&world)).await.assert_ok("");
    world.get(&[]).await.assert_error(401, "token_invalid", "a token of the published keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_secret_with_white_space_is_explained_in_the_log() {
    let world = with_shared_secret(&format!("{SHARED_SECRET}\n")).start().await;
    world.send(&signed_with_secret(&world)).await.assert_error(401, "token_invalid", "");
    world.function.kill().await;
    let log = world.function.raw_output();
    assert!(log.contains("JWT_SECRET_ID") && log.contains("white space"), "{log}");
    assert!(!log.contains(SHARED_SECRET), "{log}");
}
