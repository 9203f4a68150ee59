//! Tokens that open, in the shapes that real issuers give them, and the challenges of RFC 6750
//! (contract, sections 2 and 3).
#![cfg(test)]

use std::time::Instant;

use chrono::Utc;
use end_to_end::{Answer, Binary, Gateway, PATIENCE, Request, Setup, World};
use sandbox::{Algorithm, Mint};
use serde_json::{Map, Value, json};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn with_claims(world: &World, claims: Value) -> Answer {
    world.send(&world.request_with_claims(claims)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_algorithm_opens() {
    let world = Setup::of(Binary::User).start().await;
    for algorithm in Algorithm::PUBLISHED {
        let token = world.sandbox.mint(Mint { algorithm, ..Mint::default() });
        let answer = world.send(&Request::get("/calendly/user").bearer(&token)).await;
        assert_eq!(answer.status, 200, "{algorithm:?}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_kid_opens_where_one_key_fits() {
    let world = Setup::of(Binary::User).start().await;
    let header = object(json!({"kid": null}));
    for (algorithm, status) in [
        (Algorithm::Es256, 200),
        (Algorithm::EdDsa, 200),
        (Algorithm::Ps256, 200),
        // Two of the sandbox's keys are good for RS256.
        (Algorithm::Rs256, 401),
    ] {
        let token = world.sandbox.mint(Mint { algorithm, header: header.clone(), ..Mint::default() });
        let answer = world.send(&Request::get("/calendly/user").bearer(&token)).await;
        assert_eq!(answer.status, status, "{algorithm:?}: {}", answer.body);
    }
}

/// As their documentation shows them, with the issuer's name replaced.
#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_open_as_real_issuers_write_them() {
    let audiences = "calendly-functions,api://calendly-functions,2b8c4d7e-0d3f-4a9b-8f57-5a1c8b0f6a11";
    let setup = Setup::of(Binary::User).with("JWT_AUDIENCE", audiences);
    let world = setup.with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    let now = Utc::now().timestamp();
    for (issuer, header, claims) in [
        (
            "Auth0",
            json!({"typ": "JWT"}),
            json!({
                "sub": "auth0|507f1f77bcf86cd799439011",
                "aud": ["calendly-functions", "https://tenant.eu.auth0.com/userinfo"],
                "azp": "my_client_id", "gty": "password", "scope": "openid profile calendly:read",
            }),
        ),
        (
            "Auth0, RFC 9068 profile",
            json!({"typ": "at+jwt"}),
            json!({"sub": "client@clients", "client_id": "client", "scope": "calendly:read"}),
        ),
        (
            "Entra ID, version 2",
            json!({"typ": "JWT", "x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg"}),
            json!({
                "aud": "2b8c4d7e-0d3f-4a9b-8f57-5a1c8b0f6a11", "azp": "6731de76-14a6-49ae-97bc-6eba6914391e",
                "azpacr": "0", "name": "Ann", "nbf": now, "oid": "00000000-0000-0000-66f3-3332eca7ea81",
                "preferred_username": "ann@example.com", "rh": "0.", "scope": null, "scp": "openid calendly:read",
                "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
                "tid": "3338040d-6c67-4c5b-b112-36a304b66dad", "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
            }),
        ),
        (
            "Entra ID, version 1",
            json!({"typ": "JWT", "x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg"}),
            json!({
                "aud": "api://calendly-functions", "appid": "6731de76-14a6-49ae-97bc-6eba6914391e",
                "appidacr": "1", "scope": null, "scp": "calendly:read", "ver": "1.0",
            }),
        ),
        (
            "Keycloak",
            json!({"typ": "JWT"}),
            json!({
                "typ": "Bearer", "azp": "app", "aud": ["calendly-functions", "account"], "acr": "1", "sid": "s",
                "allowed-origins": ["*"], "realm_access": {"roles": ["offline_access"]}, "nonce": "n",
                "scope": "openid email calendly:read", "email_verified": true, "auth_time": now,
            }),
        ),
        (
            "Okta",
            json!({"typ": null}),
            json!({"cid": "0oa1", "uid": "00u1", "scope": null, "scp": ["openid", "calendly:read"], "ver": 1}),
        ),
        (
            "Cognito",
            json!({"typ": null}),
            json!({
                "aud": null, "client_id": "calendly-functions", "token_use": "access", "username": "ann",
                "auth_time": now, "cognito:groups": ["a"], "version": 2, "scope": "openid calendly:read",
            }),
        ),
    ] {
        let mint = Mint { header: object(header), claims: object(claims), ..Mint::default() };
        let answer = world.send(&Request::get("/calendly/user").bearer(&world.sandbox.mint(mint))).await;
        assert_eq!(answer.status, 200, "{issuer}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_another_kind_do_not_open() {
    let world = Setup::of(Binary::User).start().await;
    for claims in [
        json!({"token_use": "id"}),
        json!({"token_use": "refresh"}),
        json!({"typ": "ID"}),
        json!({"typ": "Refresh"}),
        json!({"nonce": "n-0S6_WzA2Mj", "at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"}),
        json!({"c_hash": "LDktKdoQak3Pk0cnXxCltA"}),
    ] {
        let answer = with_claims(&world, claims.clone()).await;
        assert_eq!(answer.verdict(), (401, "token_invalid".to_owned()), "{claims}");
        assert_eq!(answer.detail(), "The token is not an access token.", "{claims}");
    }
}

/// The `auth-param`s of a challenge (RFC 9110, section 11.2), each a quoted string as RFC 6750 has them.
fn parameters(challenge: &str) -> Vec<(&str, &str)> {
    let parameters = challenge.strip_prefix("Bearer ").expect("the scheme");
    let mut rest = parameters;
    let mut found: Vec<(&str, &str)> = Vec::new();
    loop {
        let (name, value) = rest.split_once("=\"").expect("a quoted parameter");
        let (value, after) = value.split_once('"').expect("the end of a quoted parameter");
        assert!(found.iter().all(|(other, _)| *other != name), "{name} twice: {challenge}");
        found.push((name, value));
        match after.strip_prefix(", ") {
            Some(next) => rest = next,
            None => {
                assert_eq!(after, "", "{challenge}");
                return found;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_a_challenge_tells_no_more_than_the_realm() {
    let world = Setup::of(Binary::User).with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    let bare = Request::get("/calendly/user");
    let with = |value: &str| bare.clone().header("Authorization", value);
    for request in [
        bare.clone(),
        with(""),
        with("Basic dXNlcjpwYXNz"),
        with("Bearer"),
        with("Bearer "),
        with("DPoP a.b.c"),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &request).await;
            assert_eq!(answer.verdict(), (401, "token_missing".to_owned()));
            assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="calendly""#));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_say_what_rfc_6750_has_them_say() {
    let world = Setup::of(Binary::User).with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    for (claims, status, code, error) in [
        (json!({"aud": "else"}), 401, "token_invalid", "invalid_token"),
        (json!({"iss": "else"}), 401, "token_invalid", "invalid_token"),
        (json!({"sub": null}), 401, "token_invalid", "invalid_token"),
        (json!({"exp": null}), 401, "token_invalid", "invalid_token"),
        (json!({"exp": 0}), 401, "token_expired", "invalid_token"),
        (json!({"scope": "other"}), 403, "insufficient_scope", "insufficient_scope"),
        // What a new token of the same kind would not put right comes first.
        (json!({"scope": "other", "exp": 0}), 401, "token_expired", "invalid_token"),
        (json!({"aud": "else", "exp": 0}), 401, "token_invalid", "invalid_token"),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &world.request_with_claims(claims.clone())).await;
            assert_eq!(answer.verdict(), (status, code.to_owned()), "{claims}");
            let detail = answer.detail();
            // Section 3: error_description is made of %x20-21, %x23-5B and %x5D-7E.
            assert!(
                detail.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
                "{detail}"
            );
            let mut expected =
                vec![("realm", "calendly"), ("error", error), ("error_description", detail.as_str())];
            if status == 403 {
                expected.push(("scope", "calendly:read"));
            }
            assert_eq!(parameters(answer.header("www-authenticate").unwrap()), expected, "{claims}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_secret_takes_no_published_key_and_the_other_way_round() {
    let secret = "a secret of at least 32 bytes, as RFC 7518 asks";
    let setup = Setup::of(Binary::User).without("JWT_ISSUER").with("JWT_SECRET_ID", "{secret}/jwt");
    let world = setup.start().await;
    let id = format!("{}/jwt", world.secret_id);
    let minted = |secret: &str, algorithm| {
        let mint = Mint { algorithm, secret: secret.to_owned(), ..Mint::default() };
        Request::get("/calendly/user").bearer(&world.sandbox.mint(mint))
    };
    world.secrets.store(&id, "too-short").await;
    let answer = world.send(&minted("too-short", Algorithm::Hs256)).await;
    assert_eq!(answer.verdict(), (503, "keys_unavailable".to_owned()));
    assert_eq!(answer.header("www-authenticate"), None);
    let log = world.function.raw_output();
    assert!(log.contains("the secret of JWT_SECRET_ID has 9 bytes; at least 32 are needed"), "{log}");
    assert!(!log.contains("too-short"), "{log}");

    world.secrets.store(&id, secret).await;
    let began = Instant::now();
    let mut answer = world.send(&minted(secret, Algorithm::Hs256)).await;
    while answer.code() == "keys_unavailable" && began.elapsed() < PATIENCE {
        answer = world.send(&minted(secret, Algorithm::Hs256)).await;
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::None] {
        let answer = world.send(&minted(secret, algorithm)).await;
        assert_eq!(answer.verdict(), (401, "token_invalid".to_owned()), "{algorithm:?}");
    }

    // A new secret is found with the first token that it signed; the old one is worth nothing from then on.
    let newer = "another secret of at least 32 bytes, as RFC 7518 asks";
    world.secrets.store(&id, newer).await;
    assert_eq!(world.send(&minted(newer, Algorithm::Hs512)).await.status, 200);
    assert_eq!(world.send(&minted(secret, Algorithm::Hs256)).await.status, 401);
    let reads = world.secrets.reads().len();
    for _ in 0..10 {
        assert_eq!(world.send(&minted("guessed", Algorithm::Hs256)).await.status, 401);
    }
    assert_eq!(world.secrets.reads().len(), reads, "guessing costs no read within the cool-down");
}
