//! Token validation (docs/contract.md, sections 2 and 3) and known attacks on JWTs.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use end_to_end::{Binary, Gateway, Request, Setup, World, http_get, json_object};
use sandbox::{Algorithm, KeyChoice, Mint};
use serde_json::{Value, json};

const JWKS: &str = "/issuer/jwks";

async fn world() -> World {
    Setup::new(Binary::User).start().await
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn with_claims(world: &World, claims: Value) -> String {
    world.sandbox.mint(Mint { claims: json_object(claims), ..Mint::default() })
}

/// Sends each token through both gateways. Each must get an immediate 401 without an upstream call, and no part of it
/// may be in the answer or the log.
async fn assert_all_refused(world: &World, tokens: Vec<(&str, String)>) {
    let reads = world.secrets.reads().len();
    let fetches = world.calls_of(JWKS).len();
    for (attack, token) in &tokens {
        for gateway in Gateway::BOTH {
            let began = Instant::now();
            let answer = world.send_through(gateway, &Request::get("/calendly/user").bearer(token)).await;
            answer.assert_error(401, "token_invalid", attack);
            assert!(began.elapsed() < Duration::from_secs(5), "{attack} took {:?}", began.elapsed());
            let challenge = answer.header("www-authenticate").unwrap();
            let expected = r#"Bearer realm="calendly", error="invalid_token", error_description=""#;
            assert!(challenge.starts_with(expected), "{attack}: {challenge}");
            for part in long_parts(token) {
                assert!(!format!("{:?}{}", answer.headers, answer.body).contains(part), "{attack}: {part}");
            }
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
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

#[tokio::test(flavor = "multi_thread")]
async fn published_algorithms_are_accepted() {
    let world = world().await;
    for algorithm in Algorithm::PUBLISHED {
        world.send(&world.request_with(Mint { algorithm, ..Mint::default() })).await.assert_ok(algorithm);
    }
}

/// Token formats from the issuers' documentation, with the issuer's name replaced.
#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_of_common_issuers_are_accepted() {
    let audiences = "calendly-functions,api://calendly-functions,2b8c4d7e-0d3f-4a9b-8f57-5a1c8b0f6a11";
    let setup = Setup::new(Binary::User).with("JWT_AUDIENCE", audiences);
    let world = setup.with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    let now = Utc::now().timestamp();
    for (issuer, typ, claims) in [
        (
            "Auth0",
            json!("JWT"),
            json!({"sub": "auth0|507f", "aud": ["calendly-functions", "https://tenant.eu.auth0.com/userinfo"],
                   "azp": "client", "gty": "password", "scope": "openid profile calendly:read"}),
        ),
        (
            "Auth0, RFC 9068 profile",
            json!("at+jwt"),
            json!({"sub": "client@clients", "client_id": "client", "scope": "calendly:read"}),
        ),
        (
            "Entra ID, version 2",
            json!("JWT"),
            json!({"aud": "2b8c4d7e-0d3f-4a9b-8f57-5a1c8b0f6a11", "azpacr": "0", "nbf": now, "scope": null,
                   "scp": "openid calendly:read", "ver": "2.0"}),
        ),
        (
            "Entra ID, version 1",
            json!("JWT"),
            json!({"aud": "api://calendly-functions", "scope": null, "scp": "calendly:read", "ver": "1.0"}),
        ),
        (
            "Keycloak",
            json!("JWT"),
            json!({"typ": "Bearer", "azp": "app", "aud": ["calendly-functions", "account"], "nonce": "n",
                   "scope": "openid email calendly:read"}),
        ),
        ("Okta", json!(null), json!({"cid": "0oa1", "scope": null, "scp": ["openid", "calendly:read"]})),
        (
            "Cognito",
            json!(null),
            json!({"aud": null, "client_id": "calendly-functions", "token_use": "access",
                   "scope": "openid calendly:read"}),
        ),
    ] {
        let mint =
            Mint { header: json_object(json!({"typ": typ})), claims: json_object(claims), ..Mint::default() };
        world.send(&world.request_with(mint)).await.assert_ok(issuer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_skew_of_a_minute_is_accepted() {
    let world = world().await;
    let now = Utc::now().timestamp();
    for claims in [json!({"exp": now - 30}), json!({"nbf": now + 30})] {
        world.send(&world.request_with_claims(claims.clone())).await.assert_ok(claims);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_follow_rfc_6750() {
    let world = Setup::new(Binary::User).with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    let without_token = || world.request().without_header("Authorization");
    for (request, status, code, error) in [
        (without_token(), 401, "token_missing", ""),
        (without_token().header("Authorization", "Basic dXNlcjpwYXNz"), 401, "token_missing", ""),
        (world.request_with_claims(json!({"aud": "else"})), 401, "token_invalid", "invalid_token"),
        (world.request_with_claims(json!({"exp": 0})), 401, "token_expired", "invalid_token"),
        (world.request_with_claims(json!({"token_use": "id"})), 401, "token_invalid", "invalid_token"),
        (
            world.request_with_claims(json!({"scope": "other"})),
            403,
            "insufficient_scope",
            "insufficient_scope",
        ),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &request).await;
            answer.assert_error(status, code, error);
            let mut expected = r#"Bearer realm="calendly""#.to_owned();
            if !error.is_empty() {
                expected += &format!(r#", error="{error}", error_description="{}""#, answer.detail());
            }
            if status == 403 {
                expected += r#", scope="calendly:read""#;
            }
            assert_eq!(answer.header("www-authenticate"), Some(&*expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_malformed_tokens_are_refused() {
    let world = world().await;
    let good = world.sandbox.token();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let header_of = |algorithm: &str| base64(format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"rsa-1"}}"#));
    let duplicate = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let duplicate = base64(duplicate.replacen('{', r#"{"alg":"none","#, 1));
    assert_all_refused(
        &world,
        vec![
            ("unsigned", world.sandbox.mint(Mint { algorithm: Algorithm::None, ..Mint::default() })),
            ("signature removed", format!("{header}.{claims}.")),
            ("alg none", format!("{}.{claims}.", header_of("none"))),
            ("alg nOnE with a signature", format!("{}.{claims}.{signature}", header_of("nOnE"))),
            ("no alg", format!("{}.{claims}.{signature}", base64("{}"))),
            ("a duplicate alg", format!("{duplicate}.{claims}.{signature}")),
            ("forged", world.sandbox.mint(Mint { key: KeyChoice::Forged, ..Mint::default() })),
            ("trailing dot", format!("{good}.")),
            ("five parts", format!("{good}.{claims}.{signature}")),
            ("padded signature", format!("{good}==")),
            ("a line break inside", format!("{header}.{claims}.\n{signature}")),
            ("not ASCII", format!("{header}.{claims}.ſ{signature}")),
            ("9 KiB", with_claims(&world, json!({"pad": "x".repeat(9 * 1024)}))),
            ("5 MB", "a".repeat(5_000_000)),
            ("deep", format!("{}.{claims}.{signature}", base64("[".repeat(5_000)))),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn public_key_is_no_hmac_secret_and_keys_in_the_token_are_ignored() {
    let world = world().await;
    let jwks = http_get(&format!("{}{JWKS}", world.sandbox.base_url()), "", &[]).await;
    let jwk = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
    let elsewhere = format!("{}/attacker", world.sandbox.base_url());
    let mut tokens = Vec::new();
    for secret in [jwk.to_string(), jwks, jwk["n"].as_str().unwrap().to_owned(), String::new()] {
        let header = json_object(json!({"kid": "rsa-1"}));
        let mint = Mint { algorithm: Algorithm::Hs256, secret, header, ..Mint::default() };
        tokens.push(("a public key as a secret", world.sandbox.mint(mint)));
    }
    for (member, header) in [
        ("jwk", json!({"jwk": jwk})),
        ("jwk, other kid", json!({"jwk": jwk, "kid": "attacker"})),
        ("jku", json!({"jku": elsewhere})),
        ("jku, other kid", json!({"jku": elsewhere, "kid": "attacker"})),
        ("x5u", json!({"x5u": elsewhere})),
        ("x5c", json!({"x5c": ["MIIB"]})),
        ("kid is a URL", json!({"kid": elsewhere})),
    ] {
        let mint = Mint { key: KeyChoice::Forged, header: json_object(header), ..Mint::default() };
        tokens.push((member, world.sandbox.mint(mint)));
    }
    assert_all_refused(&world, tokens).await;
    assert_eq!(world.calls_of("/attacker"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_tokens_with_bad_headers_or_claims_are_refused() {
    let world = world().await;
    let headers = [
        ("crit", json!({"crit": ["exp"]})),
        ("typ of a logout token", json!({"typ": "logout+jwt"})),
        ("kid is a path", json!({"kid": "../../../../../../dev/null"})),
        ("kid splits lines", json!({"kid": "rsa-1\r\nX-Forged: 1\n{\"level\":\"INFO\"}"})),
        ("kid of another type", json!({"kid": "ec-p256"})),
        ("alg of another padding", json!({"alg": "PS256"})),
    ];
    let claims = [
        ("exp is a text", json!({"exp": "9999999999"})),
        ("nbf ahead", json!({"nbf": 253_402_300_799_i64})),
        ("no aud", json!({"aud": null})),
        ("no sub", json!({"sub": null})),
        ("other iss", json!({"iss": "https://issuer.example"})),
        ("ID token", json!({"at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"})),
    ];
    let mut tokens = claims.map(|(case, claims)| (case, with_claims(&world, claims))).to_vec();
    for (case, header) in headers {
        let mint = Mint { header: json_object(header), ..Mint::default() };
        tokens.push((case, world.sandbox.mint(mint)));
    }
    assert_all_refused(&world, tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_refused() {
    let world = world().await;
    let token = world.sandbox.token();
    for gateway in Gateway::BOTH {
        for second in [&*format!("Bearer {token}"), "Basic dXNlcjpwYXNz"] {
            let request = world.request().header("authorization", second);
            world.send_through(gateway, &request).await.assert_error(401, "token_invalid", second);
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_secret_accepts_hmac_only_and_is_rotated() {
    let secret = "a secret of at least 32 bytes, as RFC 7518 asks";
    let setup = Setup::new(Binary::User).without("JWT_ISSUER").with("JWT_SECRET_ID", "{secret}/jwt");
    let world = setup.other_secret("jwt", secret).start().await;
    let signed = |secret: &str, algorithm| {
        world.request_with(Mint { algorithm, secret: secret.to_owned(), ..Mint::default() })
    };
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        world.send(&signed(secret, algorithm)).await.assert_ok(algorithm);
    }
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::None] {
        world.send(&signed(secret, algorithm)).await.assert_error(401, "token_invalid", algorithm);
    }

    let newer = "another secret of at least 32 bytes, as RFC 7518 asks";
    world.secrets.store(&format!("{}/jwt", world.secret_id), newer);
    world.send(&signed(newer, Algorithm::Hs512)).await.assert_ok("the first token of the new secret");
    world.send(&signed(secret, Algorithm::Hs256)).await.assert_error(401, "token_invalid", "the old secret");
    let reads = world.secrets.reads().len();
    for _ in 0..10 {
        world.send(&signed("guessed", Algorithm::Hs256)).await.assert_error(401, "token_invalid", "guessed");
    }
    assert_eq!(world.secrets.reads().len(), reads, "guesses within the cool-down cause no read");
}

#[tokio::test(flavor = "multi_thread")]
async fn short_shared_secret_is_unavailable_and_not_logged() {
    let setup = Setup::new(Binary::User).without("JWT_ISSUER").with("JWT_SECRET_ID", "{secret}/jwt");
    let world = setup.other_secret("jwt", "too-short").start().await;
    let mint = Mint { algorithm: Algorithm::Hs256, secret: "too-short".to_owned(), ..Mint::default() };
    let answer = world.send(&world.request_with(mint)).await;
    answer.assert_error(503, "keys_unavailable", "");
    assert_eq!(answer.header("www-authenticate"), None);
    let log = world.function.raw_output();
    assert!(log.contains("JWT_SECRET_ID") && log.contains("32") && !log.contains("too-short"), "{log}");
}
