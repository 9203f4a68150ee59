//! Tokens whose signature is right and that must be refused all the same, as an attacker with some key of the
//! issuer's, or an issuer gone wrong, would write them; and signatures that are right for the wrong reason.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};

use super::{Answer, Authenticator, authenticate, authenticator, is_invalid};
use crate::{Error, auth::jwk::KeySet, error::TokenError};

const SECRET: &str = "a secret of at least 32 bytes, as RFC 7518 asks";
const CLAIMS: &str = r#"{"iss":"https://issuer.example","aud":"here","sub":"someone","exp":4102444800}"#;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// With parts that are signed to the letter.
fn hs256(secret: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{header}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", b64(signature))
}

fn shared_secret() -> Authenticator {
    authenticator(None, "here", Answer::Secret(SECRET.to_owned()))
}

/// What becomes of a token with this header and these claims, rightly signed.
async fn signed(header: &str, claims: &str) -> Result<(), Error> {
    let token = hs256(SECRET.as_bytes(), &b64(header), &b64(claims));
    authenticate(&shared_secret(), &token).await.map(drop)
}

const HEADER: &str = r#"{"alg":"HS256"}"#;

#[tokio::test]
async fn headers_that_change_nothing() {
    for header in [
        HEADER,
        r#" { "alg" : "HS256" } "#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":"application/AT+JWT"}"#,
        r#"{"alg":"HS256","cty":"JWT"}"#,
        // A key that the token brings along is not looked at.
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://attacker.example","x5u":"x","x5c":["x"]}"#,
        r#"{"alg":"HS256","kid":"../../../../dev/null"}"#,
        r#"{"alg":"HS256","kid":"x' UNION SELECT 'AAAA';--"}"#,
        r#"{"alg":"HS256","kid":""}"#,
        "{\"alg\":\"HS256\",\"kid\":\"a\\r\\nb\\u0000\"}",
    ] {
        assert!(signed(header, CLAIMS).await.is_ok(), "{header}");
    }
}

#[tokio::test]
async fn headers_that_are_refused_although_signed() {
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS256 "}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":true}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256","b64":false}"#,
        r#"{"alg":"HS256","typ":"dpop+jwt"}"#,
        r#"{"alg":"HS256","typ":"logout+jwt"}"#,
        r#"{"alg":"HS256","typ":"secevent+jwt"}"#,
        r#"{"alg":"HS256","typ":"token-introspection+jwt"}"#,
        r#"{"alg":"HS256","typ":["JWT"]}"#,
        r#"{"alg":"HS256","kid":7}"#,
        r#"{"alg":"HS256","kid":{"a":1}}"#,
        r#"{"alg":"HS256"} {}"#,
        r#"{"alg":"HS256""#,
        r#"["HS256"]"#,
        "\u{feff}{\"alg\":\"HS256\"}",
        "",
    ] {
        let result = signed(header, CLAIMS).await;
        assert!(matches!(result, Err(Error::Token(TokenError::Invalid(_)))), "{header}: {result:?}");
    }
}

#[tokio::test]
async fn claims_that_are_refused_although_signed() {
    let with = |more: &str| CLAIMS.replace('}', &format!(",{more}}}"));
    for claims in [
        with(r#""sub":"someone""#),
        with(r#""aud":"here""#),
        with(r#""exp":4102444800"#),
        with(r#""\u0073ub":"admin""#),
        CLAIMS.replace("4102444800", "-1"),
        CLAIMS.replace("4102444800", "-9223372036854775809"),
        CLAIMS.replace("4102444800", "18446744073709551616"),
        CLAIMS.replace("4102444800", "1e308"),
        CLAIMS.replace("4102444800", "1e999"),
        CLAIMS.replace("4102444800", "\"4102444800\""),
        CLAIMS.replace("4102444800", "[4102444800]"),
        CLAIMS.replace("4102444800", "null"),
        CLAIMS.replace("4102444800", "NaN"),
        // Milliseconds.
        CLAIMS.replace("4102444800", "4102444800000"),
        with(r#""nbf":-1"#),
        with(r#""nbf":1e300"#),
        with(r#""nbf":4102444800"#),
        CLAIMS.replace("\"here\"", "{\"here\":true}"),
        CLAIMS.replace("\"here\"", "[[\"here\"]]"),
        CLAIMS.replace("\"here\"", "\"here,there\""),
        CLAIMS.replace("\"here\"", "\"HERE\""),
        CLAIMS.replace("\"here\"", "\"here \""),
        CLAIMS.replace("\"someone\"", "\"\""),
        CLAIMS.replace("\"someone\"", "{}"),
        format!("{CLAIMS}{CLAIMS}"),
        format!("[{CLAIMS}]"),
        "[".repeat(5_000),
        format!("{}{CLAIMS}{}", "{\"a\":".repeat(300), "}".repeat(300)),
        String::new(),
        "null".to_owned(),
    ] {
        let result = signed(HEADER, &claims).await;
        assert!(matches!(result, Err(Error::Token(TokenError::Invalid(_)))), "{claims}: {result:?}");
    }
}

/// What is signed is what was sent; a reader who is lenient about the spelling would still see good claims.
#[tokio::test]
async fn other_spellings_are_refused_although_signed() {
    let (header, claims) = (b64(HEADER), b64(CLAIMS));
    let authenticator = shared_secret();
    let good = hs256(SECRET.as_bytes(), &header, &claims);
    assert!(authenticate(&authenticator, &good).await.is_ok());
    // So long that the last character of the base64 has four bits to spare.
    let padded = format!("{CLAIMS}{}", " ".repeat((4 - CLAIMS.len() % 3) % 3));
    let mut spare_bits_set = b64(padded);
    let last = spare_bits_set.pop().unwrap();
    spare_bits_set.push(char::from(u8::try_from(last).unwrap() + 1));
    assert_eq!(spare_bits_set.len() % 4, 2);
    for (header, claims) in [
        (format!("{header}="), claims.clone()),
        (header.clone(), format!("{claims}=")),
        (header.clone(), spare_bits_set),
        (header.clone(), claims.replace('e', "+")),
        (header.clone(), format!("{claims}\n")),
        (header.clone(), CLAIMS.to_owned()),
        (HEADER.to_owned(), claims.clone()),
        (header.clone(), String::new()),
        (header.clone(), format!("{claims}.{claims}")),
        (format!(".{header}"), claims.clone()),
    ] {
        let token = hs256(SECRET.as_bytes(), &header, &claims);
        assert!(is_invalid(&authenticate(&authenticator, &token).await), "{token}");
    }
    for token in [format!("{good}."), format!("{good}.."), format!("{good}="), good.replacen('.', "..", 1)] {
        assert!(is_invalid(&authenticate(&authenticator, &token).await), "{token}");
    }
}

/// A published key is no secret: whatever form of it a confused verifier would take for one.
#[tokio::test]
async fn a_public_key_is_no_hmac_secret() {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    let x = b64(key.public_key());
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"one"}}"#);
    let jwks = format!(r#"{{"keys":[{jwk}]}}"#);
    let authenticator = authenticator(Some("https://issuer.example"), "here", Answer::Keys(jwks.clone()));
    let good = format!("{}.{}", b64(r#"{"alg":"EdDSA","kid":"one"}"#), b64(CLAIMS));
    let good = format!("{good}.{}", b64(key.sign(good.as_bytes())));
    assert!(authenticate(&authenticator, &good).await.is_ok());
    for secret in [key.public_key().as_ref(), x.as_bytes(), jwk.as_bytes(), jwks.as_bytes(), b""] {
        for header in [r#"{"alg":"HS256","kid":"one"}"#, r#"{"alg":"HS256"}"#] {
            let token = hs256(secret, &b64(header), &b64(CLAIMS));
            assert!(is_invalid(&authenticate(&authenticator, &token).await), "{header}");
        }
    }
}

/// Signed with a key that comes with the token.
#[tokio::test]
async fn a_token_s_own_key_proves_nothing() {
    let pair = || {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap()
    };
    let (issuers, attackers) = (pair(), pair());
    let jwk = |key: &Ed25519KeyPair| {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}","kid":"one"}}"#, b64(key.public_key()))
    };
    let jwks = format!(r#"{{"keys":[{}]}}"#, jwk(&issuers));
    let authenticator = authenticator(Some("https://issuer.example"), "here", Answer::Keys(jwks));
    let own = jwk(&attackers);
    for header in [
        format!(r#"{{"alg":"EdDSA","jwk":{own}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"one","jwk":{own}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"other","jwk":{own}}}"#),
        r#"{"alg":"EdDSA","kid":"one","jku":"https://attacker.example/jwks"}"#.to_owned(),
    ] {
        let message = format!("{}.{}", b64(&header), b64(CLAIMS));
        let token = format!("{message}.{}", b64(attackers.sign(message.as_bytes())));
        assert!(is_invalid(&authenticate(&authenticator, &token).await), "{header}");
    }
}

/// With e = 1 a signature is the padded hash itself: anybody can write it.
#[test]
fn an_rsa_key_that_anybody_can_sign_for_is_not_used() {
    let modulus = b64([0xC1; 256]);
    for exponent in ["AQ", "AAE", "Ag", "AA"] {
        let jwks = format!(r#"{{"keys":[{{"kty":"RSA","n":"{modulus}","e":"{exponent}"}}]}}"#);
        assert!(KeySet::parse(jwks.as_bytes()).is_err(), "{exponent}");
    }
    let jwks = format!(r#"{{"keys":[{{"kty":"RSA","n":"{modulus}","e":"AQAB"}}]}}"#);
    assert!(KeySet::parse(jwks.as_bytes()).is_ok());
}

#[tokio::test]
async fn the_issuer_must_be_the_same_to_the_letter() {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{}"}}]}}"#, b64(key.public_key()));
    let authenticator = authenticator(Some("https://issuer.example"), "here", Answer::Keys(jwks));
    for (issuer, is_good) in [
        (r#""https://issuer.example""#, true),
        (r#""https://issuer.example/""#, false),
        (r#""https://issuer.example.attacker.example""#, false),
        (r#""https://issuer.exampl""#, false),
        (r#""https://Issuer.example""#, false),
        (r#""http://issuer.example""#, false),
        (r#"["https://issuer.example"]"#, false),
        (r#""""#, false),
        ("null", false),
    ] {
        let claims = CLAIMS.replace(r#""https://issuer.example""#, issuer);
        let message = format!("{}.{}", b64(r#"{"alg":"EdDSA"}"#), b64(&claims));
        let token = format!("{message}.{}", b64(key.sign(message.as_bytes())));
        assert_eq!(authenticate(&authenticator, &token).await.is_ok(), is_good, "{issuer}");
    }
}
