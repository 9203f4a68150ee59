//! For the benchmark in `benches/verification.rs` and for nothing else: the steps of verification, without
//! where the keys come from.

use super::{
    bearer,
    claims::Rules,
    jwk::{Choice, KeySet},
    jws::CompactJws,
    verify::{self, is_signed_by},
};

/// An issuer's keys, and what its tokens must say.
#[derive(Debug)]
pub struct Verification {
    keys: KeySet,
    rules: Rules,
}

impl Verification {
    /// With the keys of a JWK Set.
    ///
    /// # Errors
    ///
    /// A sentence, if none of them can be used.
    pub fn with_published_keys(jwks: &str, issuer: &str, audience: &str) -> Result<Self, String> {
        Ok(Self::new(KeySet::parse(jwks.as_bytes())?, Some(issuer), audience))
    }

    /// With a shared secret.
    #[must_use]
    pub fn with_shared_secret(secret: &str, audience: &str) -> Self {
        Self::new(KeySet::of_shared_secret(secret.as_bytes()), None, audience)
    }

    fn new(keys: KeySet, issuer: Option<&str>, audience: &str) -> Self {
        verify::install();
        Self {
            keys,
            rules: Rules {
                issuer: issuer.map(str::to_owned),
                audiences: vec![audience.to_owned()],
                required_scope: None,
            },
        }
    }

    /// Whether the value of an `Authorization` header lets its sender pass.
    #[must_use]
    pub fn accepts(&self, authorization: &str) -> bool {
        let Ok(jws) = bearer::token(&[authorization]).and_then(CompactJws::parse) else { return false };
        let is_signed = matches!(self.keys.choose(&jws), Choice::Key(key) if is_signed_by(&jws, &key.key));
        is_signed && self.rules.check(&jws, chrono::Utc::now().timestamp()).is_ok()
    }
}
