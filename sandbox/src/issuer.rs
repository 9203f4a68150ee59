//! The token issuer: who may have a token, and what tokens are signed and checked with.

mod keys;
mod mint;

use std::sync::Mutex;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Map, Value, json};

pub use keys::{Algorithm, KeyChoice, KeyError};
pub use mint::Mint;

use crate::identifier::uuid;
use crate::lock::lock;
use keys::Keys;

/// The user name that the password grant takes.
pub const USERNAME: &str = "demo";
/// The password that goes with it.
pub const PASSWORD: &str = "demo";
/// The client that the client-credentials grant takes.
pub const CLIENT_ID: &str = "sandbox-client";
/// The secret that goes with it.
pub const CLIENT_SECRET: &str = "sandbox-secret";

/// How long a token is good for, in seconds.
pub(crate) const LIFETIME: i64 = 3600;

/// Signs tokens and publishes what they are checked with.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    audience: String,
    scope: String,
    keys: Mutex<Keys>,
}

impl Issuer {
    pub(crate) fn new(base_url: &str, audience: &str, scope: &str) -> Result<Self, KeyError> {
        Ok(Self {
            url: format!("{}/issuer", base_url.trim_end_matches('/')),
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            keys: Mutex::new(Keys::load()?),
        })
    }

    /// The issuer's name, which is also where its paths begin.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The scopes that it grants, separated by spaces.
    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// The public keys, each as a JWK (RFC 7517).
    pub(crate) fn published_keys(&self) -> Vec<Value> {
        lock(&self.keys).published()
    }

    /// Replaces the RS256 key, and answers with the id of the new one.
    pub(crate) fn rotate(&self) -> String {
        lock(&self.keys).rotate()
    }

    /// A good token for a subject.
    pub(crate) fn token_for(&self, subject: &str, scope: &str) -> Result<String, KeyError> {
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), subject.into());
        claims.insert("scope".to_owned(), scope.into());
        self.mint(&Mint { claims, ..Mint::default() })
    }

    /// Signs a token.
    ///
    /// # Errors
    ///
    /// The machine has no randomness to give.
    pub(crate) fn mint(&self, mint: &Mint) -> Result<String, KeyError> {
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
            "scope": self.scope,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": uuid(fastrand::u64(..), &["token"]),
        });
        let message = format!("{}.{}", part(header, &mint.header), part(claims, &mint.claims));
        let signature = keys.sign(mint.algorithm, mint.key, mint.secret.as_bytes(), message.as_bytes())?;
        Ok(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// A part of the token, with what is to differ.
fn part(mut members: Value, overrides: &Map<String, Value>) -> String {
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
