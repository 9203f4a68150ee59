//! Access tokens: claims, overrides and signatures.

use std::sync::Mutex;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::jwk::Jwk;
use super::keys::{Algorithm, KeyChoice, Keys};
use crate::identifier::random_uuid;
use crate::lock;

/// The subject of tokens, and the user name for the password grant.
pub(super) const USERNAME: &str = "demo";

/// The scope of issued tokens.
pub(super) const SCOPE: &str = "calendly:read";

/// Lifetime of a token in seconds.
pub(super) const LIFETIME: i64 = 3600;

/// Overrides for a token. The default is a valid token: signed with RS256, with `iss`, `aud`, `sub` (`demo`),
/// `scope`, `iat`, `exp` (one hour ahead) and `jti`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mint {
    /// The signature algorithm.
    #[serde(rename = "alg")]
    pub algorithm: Algorithm,
    /// The published or the forged key.
    pub key: KeyChoice,
    /// The secret for an HMAC.
    pub secret: String,
    /// Header members to replace, add, or remove (`null`). They do not affect the signing key and algorithm.
    pub header: Map<String, Value>,
    /// Claims to replace, add, or remove (`null`).
    pub claims: Map<String, Value>,
}

/// Signs tokens and publishes the keys that verify them.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    audience: String,
    keys: Mutex<Keys>,
}

impl Issuer {
    pub(crate) fn new(base_url: &str, audience: &str) -> Self {
        Self {
            url: format!("{}/issuer", base_url.trim_end_matches('/')),
            audience: audience.to_owned(),
            keys: Mutex::new(Keys::new()),
        }
    }

    /// Returns the issuer's name, which is also its base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn published_keys(&self) -> [Jwk; 2] {
        lock(&self.keys).published()
    }

    /// Replaces the RSA key.
    pub(crate) fn rotate(&self) {
        lock(&self.keys).rotate();
    }

    /// Signs a token.
    pub(crate) fn mint(&self, mint: &Mint) -> String {
        let keys = lock(&self.keys);
        let header = match keys.kid(mint.algorithm) {
            Some(kid) => json!({ "alg": mint.algorithm, "typ": "JWT", "kid": kid }),
            None => json!({ "alg": mint.algorithm, "typ": "JWT" }),
        };
        let now = Utc::now().timestamp();
        let claims = json!({
            "iss": self.url,
            "aud": self.audience,
            "sub": USERNAME,
            "scope": SCOPE,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": random_uuid(),
        });
        let message = format!("{}.{}", encode_part(header, &mint.header), encode_part(claims, &mint.claims));
        let signature = keys.sign(mint.algorithm, mint.key, mint.secret.as_bytes(), message.as_bytes());
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

fn encode_part(mut members: Value, overrides: &Map<String, Value>) -> String {
    if let Value::Object(members) = &mut members {
        for (name, value) in overrides {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    BASE64_URL_SAFE_NO_PAD.encode(members.to_string())
}
