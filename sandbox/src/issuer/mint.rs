//! How a token is to differ from a good one.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::{Algorithm, KeyChoice};

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
