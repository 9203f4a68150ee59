//! Oracles for tokens and claims.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::from_utf8,
    sync::LazyLock,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use lambda_http::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;

use super::{are_unique, base64url, members};
use crate::auth::{
    bearer,
    claims::{self, Caller},
    issuer::TokenRules,
    jws::CompactJws,
    key_set::KeySet,
    keys::{Verification, verify_with},
    verify,
};
use crate::{Error, pat::SecretNameTemplate};

/// The accepted algorithms of RFC 7518 (section 3.1), RFC 8037 and RFC 9864.
pub(super) const ALGORITHMS: [(&str, Algorithm); 13] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
    ("Ed25519", Algorithm::EdDSA),
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
];

/// Real keys, and every token that was signed with them.
struct Issuer {
    published: Option<KeySet>,
    shared_secret: KeySet,
    signed: BTreeSet<String>,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    #[derive(Default, Deserialize)]
    struct Fixture {
        secret: String,
        jwks: Value,
        tokens: BTreeMap<String, BTreeMap<String, String>>,
    }
    verify::install_provider();
    let fixture: Fixture =
        serde_json::from_str(include_str!("../src/auth/tests/fixtures/tokens.json")).unwrap_or_default();
    let good = fixture.tokens.into_values().filter_map(|mut tokens| tokens.remove("good"));
    Issuer {
        published: KeySet::parse(fixture.jwks.to_string().as_bytes()).ok(),
        shared_secret: KeySet::from_shared_secret(fixture.secret.as_bytes()),
        signed: good.collect(),
    }
});

/// Checks the token that is found in an `Authorization` header, and that only the tokens of [`ISSUER`] have a valid
/// signature.
pub fn token(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value.clone());
    let found = bearer::token(&headers).map(str::to_owned);
    let written = value.to_str().ok().map(|text| text.trim_matches([' ', '\t']));
    let is_bearer =
        written.and_then(|text| text.get(..6)).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    headers.append(AUTHORIZATION, value.clone());
    assert!(bearer::token(&headers).is_err(), "a repeated header was accepted");
    let Ok(token) = found else {
        let is_plain = written.and_then(|text| text.get(6..)).is_some_and(|rest| {
            let token = rest.trim_start_matches(' ');
            rest.starts_with(' ') && (1..=8_192).contains(&token.len()) && !token.contains(',')
        });
        assert!(!(is_bearer && is_plain), "a token was not found");
        return;
    };
    assert!(is_bearer, "a token in credentials of another scheme");
    assert!(written.is_some_and(|text| text.ends_with(&format!(" {token}"))), "not the token in the header");

    let jws = CompactJws::parse(&token);
    let read = jws.as_ref().ok().map(|jws| (jws.algorithm, jws.key_id.clone()));
    assert_eq!(read, header(&token), "a different token header");
    let Ok(jws) = jws else { return };
    let is_signed = ISSUER.signed.contains(&token);
    let is_mac = token.split('.').next().is_some_and(|header| {
        base64url(header).is_some_and(|json| String::from_utf8_lossy(&json).contains("HS"))
    });
    for (keys, fits) in [(ISSUER.published.as_ref(), !is_mac), (Some(&ISSUER.shared_secret), is_mac)] {
        let verified = keys.is_some_and(|keys| matches!(verify_with(keys, &jws), Verification::Valid));
        assert_eq!(verified, is_signed && fits, "a forged signature was accepted, or a valid one refused");
    }
}

/// Parses `alg` and `kid` of an access token in compact form.
fn header(token: &str) -> Option<(Algorithm, Option<String>)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return None };
    base64url(signature)?;
    if payload.is_empty() {
        return None;
    }
    let header = object(&base64url(header)?)?;
    let text = |name: &str| match header.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.as_str())),
        Some(_) => None,
    };
    let typ = text("typ")?.map(str::to_ascii_lowercase);
    let is_access_token = typ
        .is_none_or(|typ| ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(&typ.as_str()));
    if !is_access_token || header.contains_key("crit") || header.contains_key("b64") {
        return None;
    }
    let (_, algorithm) = *ALGORITHMS.iter().find(|(name, _)| text("alg") == Some(Some(name)))?;
    Some((algorithm, text("kid")?.map(str::to_owned)))
}

/// Parses an object with distinct member names.
fn object(json: &[u8]) -> Option<serde_json::Map<String, Value>> {
    let json = from_utf8(json).ok()?;
    members(json).filter(|members| are_unique(members))?;
    serde_json::from_str(json).ok()
}

const SECRET: &[u8] = b"a secret of at least 32 bytes, as RFC 7518 asks";

/// Seconds since 1970.
const NOW: i64 = 1_800_000_000;

/// Signs the header and, after a line break, the claims of a token, and checks whether it is accepted.
pub fn claims(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(head), Some(body)) = (lines.next(), lines.next()) else { return };
    let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let signing_input = format!("{}.{}", encode(head), encode(body));
    let signed = |algorithm: Option<Algorithm>| {
        let hash = match algorithm {
            Some(Algorithm::HS384) => hmac::HMAC_SHA384,
            Some(Algorithm::HS512) => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let tag = hmac::sign(&hmac::Key::new(hash, SECRET), signing_input.as_bytes());
        format!("{signing_input}.{}", encode(tag.as_ref()))
    };
    let read = header(&signed(None));
    let token = signed(read.as_ref().map(|(algorithm, _)| *algorithm));
    let Ok(jws) = CompactJws::parse(&token) else {
        assert!(read.is_none(), "a valid header was refused");
        return;
    };
    verify::install_provider();
    let keys = KeySet::from_shared_secret(SECRET);
    let is_mac = read.is_some_and(|(algorithm, _)| {
        [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].contains(&algorithm)
    });
    assert_eq!(matches!(verify_with(&keys, &jws), Verification::Valid), is_mac, "the signature");
    let others = KeySet::from_shared_secret(&[SECRET, b"."].concat());
    assert!(!matches!(verify_with(&others, &jws), Verification::Valid), "valid with another secret");

    let claims = object(body);
    for rules in rules() {
        let caller = claims::check(&jws, &rules, NOW);
        let expected = claims.as_ref().map_or("token_invalid", |claims| expected(claims, &rules));
        let found = caller.as_ref().map_or_else(|error| Error::from(error.clone()).code(), |_| "accepted");
        assert_eq!(found, expected, "the claims");
        if let Ok(caller) = caller {
            check_secret_name(&caller);
        }
    }
}

fn rules() -> [TokenRules; 2] {
    let audiences = || vec!["calendly".to_owned(), "other".to_owned()];
    let strict = TokenRules {
        issuer: Some("https://issuer.example".to_owned()),
        audiences: audiences(),
        required_scope: Some("read".to_owned()),
    };
    [strict, TokenRules { issuer: None, audiences: audiences(), required_scope: None }]
}

/// `accepted`, or the code of the error.
fn expected(claims: &serde_json::Map<String, Value>, rules: &TokenRules) -> &'static str {
    let claim = |name: &str| claims.get(name).filter(|value| !value.is_null());
    let text = |name: &str| claim(name).and_then(Value::as_str);
    let is_ours = |value: &Value| rules.audiences.iter().any(|ours| value == ours);
    let is_for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(is_ours) && all.iter().all(Value::is_string),
        Some(other) => is_ours(other),
        None => claim("client_id").is_some_and(is_ours),
    };
    let is_access_token = !claims.contains_key("at_hash")
        && !claims.contains_key("c_hash")
        && claim("token_use").is_none_or(|token_use| token_use == "access")
        && !["ID", "Refresh", "Offline", "Logout"].contains(&text("typ").unwrap_or_default());
    // The last second before the year 10000.
    let date = |value: &Value| value.as_f64().filter(|date| *date >= 0.0 && *date <= 253_402_300_799.0);
    let is_valid_already = claim("nbf").is_none_or(|nbf| date(nbf).is_some_and(|nbf| nbf <= 1_800_000_060.0));
    let expiry = claim("exp").and_then(date);
    if rules.issuer.as_deref().is_some_and(|issuer| text("iss") != Some(issuer))
        || !is_for_us
        || text("sub").unwrap_or_default().is_empty()
        || !is_access_token
        || !is_valid_already
        || expiry.is_none()
    {
        return "token_invalid";
    }
    if expiry.is_some_and(|expiry| expiry <= 1_799_999_940.0) {
        return "token_expired";
    }
    let scopes = ["scope", "scp"].into_iter().filter_map(claim).flat_map(|claim| match claim {
        Value::Array(scopes) => scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>(),
        claim => claim.as_str().unwrap_or_default().split(' ').collect(),
    });
    let lacks_scope = rules
        .required_scope
        .as_ref()
        .is_some_and(|required| !scopes.into_iter().any(|scope| scope == required));
    if lacks_scope { "insufficient_scope" } else { "accepted" }
}

/// Checks that claims select the caller's own secret only.
fn check_secret_name(caller: &Caller) {
    let Ok(template) = SecretNameTemplate::parse("calendly/{sub}/pat") else { return };
    if let Ok(secret_id) = template.fill(|name| caller.text_claim(name)) {
        let parts: Vec<&str> = secret_id.split('/').collect();
        assert_eq!(
            parts,
            ["calendly", caller.text_claim("sub").unwrap_or_default(), "pat"],
            "a different secret"
        );
        assert!(secret_id.bytes().all(|byte| byte.is_ascii_graphic()), "{secret_id}");
    }
    let Ok(template) = SecretNameTemplate::parse("{client_id}/for-{sub}") else { return };
    if let Ok(secret_id) = template.fill(|name| caller.text_claim(name)) {
        let claims = caller.text_claim("client_id").zip(caller.text_claim("sub"));
        assert_eq!(secret_id.split_once("/for-"), claims, "a name that other claims share");
    }
}
