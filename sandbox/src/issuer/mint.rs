//! Tokens signed exactly as asked.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Algorithm, Issuer, KeyChoice, KeyError};
use crate::identifier::uuid;
use crate::lock::lock;

/// How long a token is good for, in seconds.
pub(super) const LIFETIME: i64 = 3600;

/// How a token differs from a good one. The default is a good one: signed with RS256, with `iss`,
/// `aud`, `sub` (`demo`), `scope`, `iat`, `exp` (an hour ahead) and `jti`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mint {
    /// What it is signed with.
    #[serde(rename = "alg")]
    pub algorithm: Algorithm,
    /// Whether with the published key or with a forged one.
    pub key: KeyChoice,
    /// The secret of an HMAC.
    pub secret: String,
    /// Members of the header that are replaced or added, or removed where null. `alg` and `kid`
    /// follow from the algorithm unless replaced here; what signs stays the same.
    pub header: Map<String, Value>,
    /// Claims that are replaced or added, or removed where null.
    pub claims: Map<String, Value>,
}

impl Issuer {
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
            "sub": super::USERNAME,
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
