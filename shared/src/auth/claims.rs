//! Validation of claims (RFC 7519, section 4), which yields the [`Caller`].
//!
//! `jsonwebtoken` validates claims too, but reports `exp` before `iss` and `aud`: a token of another issuer or for
//! another audience would be reported as *expired*, as if a new token would help. It also accepts an array as `iss`,
//! accepts an `aud` array with elements that are not strings, and does not know Amazon Cognito's `client_id` or the
//! claims that distinguish an ID token from an access token.

use serde_json::Value;

use super::{TokenError, issuer::TokenRules, jws::CompactJws, strict_object::StrictObject};

/// The accepted clock skew between the issuer and this function, in seconds.
const CLOCK_SKEW: f64 = 60.0;

/// The largest accepted `NumericDate`: the end of the year 9999. It rules out milliseconds.
const MAX_NUMERIC_DATE: f64 = 253_402_300_799.0;

/// The claims of an authenticated caller, which satisfy the [`TokenRules`].
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Caller(StrictObject);

impl Caller {
    /// The value of a claim that is a string.
    pub(crate) fn text_claim(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

/// Validates the claims of a token whose signature has been verified, at `now` (seconds since the Unix epoch).
///
/// Checks `exp` after everything that a new token of the same kind would also fail, so *expired* tells the caller to
/// get a new one.
pub(crate) fn check(jws: &CompactJws<'_>, rules: &TokenRules, now: i64) -> Result<Caller, TokenError> {
    let claims = jws.claims()?;
    #[expect(clippy::cast_precision_loss, reason = "f64 represents every second up to MAX_NUMERIC_DATE")]
    let now = now as f64;

    check_issuer(&claims, rules)?;
    check_audience(&claims, rules)?;
    if claims.get("sub").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(TokenError::Invalid("The token has no sub."));
    }
    check_is_access_token(&claims)?;
    let not_before = numeric_date(&claims, "nbf", TokenError::Invalid("The token's nbf is not a date."))?;
    if not_before.is_some_and(|not_before| not_before > now + CLOCK_SKEW) {
        return Err(TokenError::Invalid("The token is not valid yet."));
    }
    let expiry = numeric_date(&claims, "exp", TokenError::Invalid("The token's exp is not a date."))?
        .ok_or(TokenError::Invalid("The token has no exp."))?;
    if now >= expiry + CLOCK_SKEW {
        return Err(TokenError::Expired);
    }
    check_scope(&claims, rules)?;
    Ok(Caller(claims))
}

fn check_issuer(claims: &StrictObject, rules: &TokenRules) -> Result<(), TokenError> {
    match &rules.issuer {
        Some(expected) if claims.get("iss").and_then(Value::as_str) != Some(expected) => {
            Err(TokenError::Invalid("The token is not from the expected issuer."))
        }
        _ => Ok(()),
    }
}

/// Checks `aud`, a string or an array of strings, or without `aud` the `client_id` that Amazon Cognito's access
/// tokens have instead.
fn check_audience(claims: &StrictObject, rules: &TokenRules) -> Result<(), TokenError> {
    let is_accepted = |value: &Value| {
        value.as_str().is_some_and(|text| rules.audiences.iter().any(|audience| audience == text))
    };
    let matches = match claims.get("aud") {
        Some(Value::Array(values)) => values.iter().all(Value::is_string) && values.iter().any(is_accepted),
        Some(value) => is_accepted(value),
        None if claims.contains("aud") => false,
        None => claims.get("client_id").is_some_and(is_accepted),
    };
    if matches { Ok(()) } else { Err(TokenError::Invalid("The token's audience is not accepted.")) }
}

/// Checks `scope` (RFC 8693, section 4.2) and `scp`, a string in tokens of Entra ID and an array in those of Okta.
fn check_scope(claims: &StrictObject, rules: &TokenRules) -> Result<(), TokenError> {
    let Some(required) = &rules.required_scope else { return Ok(()) };
    let has_required = |claim: &Value| match claim {
        Value::String(scopes) => scopes.split(' ').any(|scope| scope == required),
        Value::Array(scopes) => scopes.iter().any(|scope| scope.as_str() == Some(required)),
        _ => false,
    };
    if ["scope", "scp"].iter().filter_map(|name| claims.get(name)).any(has_required) {
        Ok(())
    } else {
        Err(TokenError::InsufficientScope { scope: required.clone() })
    }
}

/// Refuses ID and refresh tokens, which some issuers sign with the same keys.
///
/// Amazon Cognito names the kind in `token_use` and Keycloak in `typ`. Elsewhere, `at_hash` and `c_hash` occur in
/// ID tokens only (OpenID Connect Core 1.0, section 3.3.2.11).
fn check_is_access_token(claims: &StrictObject) -> Result<(), TokenError> {
    let is_access_token = claims.get("token_use").is_none_or(|token_use| token_use == "access")
        && !claims
            .get("typ")
            .is_some_and(|typ| matches!(typ.as_str(), Some("ID" | "Refresh" | "Offline" | "Logout")))
        && !["at_hash", "c_hash"].iter().any(|name| claims.contains(name));
    if is_access_token { Ok(()) } else { Err(TokenError::Invalid("The token is not an access token.")) }
}

/// Reads a `NumericDate` (RFC 7519, section 2): seconds since the Unix epoch, possibly with a fraction. Any other value
/// is the error `invalid`.
fn numeric_date(claims: &StrictObject, name: &str, invalid: TokenError) -> Result<Option<f64>, TokenError> {
    match claims.get(name).map(Value::as_f64) {
        None => Ok(None),
        Some(Some(seconds)) if (0.0..=MAX_NUMERIC_DATE).contains(&seconds) => Ok(Some(seconds)),
        Some(_) => Err(invalid),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn rules(required_scope: Option<&str>) -> TokenRules {
        TokenRules {
            issuer: Some("https://issuer.example".to_owned()),
            audiences: vec!["calendly".to_owned(), "other".to_owned()],
            required_scope: required_scope.map(str::to_owned),
        }
    }

    fn check_raw(rules: &TokenRules, claims: &str) -> Result<Caller, TokenError> {
        let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
        let token = format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#), encode(claims));
        super::check(&CompactJws::parse(&token).unwrap(), rules, NOW)
    }

    /// Checks valid claims with `changes` applied; `null` removes a claim.
    fn check(rules: &TokenRules, changes: Value) -> Result<Caller, TokenError> {
        let mut claims = json!({
            "iss": "https://issuer.example", "aud": "calendly", "sub": "someone", "exp": NOW + 300,
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        check_raw(rules, &claims.to_string())
    }

    #[test]
    fn accepted_claims() {
        for changes in [
            json!({}),
            json!({"aud": ["else", "other"]}),
            json!({"aud": null, "client_id": "calendly", "token_use": "access"}),
            json!({"exp": NOW - 59}),
            json!({"exp": NOW as f64 + 0.5}),
            json!({"nbf": NOW + 60}),
            json!({"iat": NOW + 86_400}),
            json!({"azp": "client", "typ": "Bearer", "scope": "a b"}),
        ] {
            let caller = check(&rules(None), changes.clone());
            assert_eq!(
                caller.as_ref().map(|caller| caller.text_claim("sub")),
                Ok(Some("someone")),
                "{changes}"
            );
        }
    }

    /// The claims that issuers document for their access tokens.
    #[test]
    fn access_tokens_of_common_issuers_are_accepted() {
        for (issuer, changes) in [
            (
                "Auth0",
                json!({"sub": "auth0|507f", "aud": ["calendly", "https://tenant.eu.auth0.com/userinfo"],
                       "azp": "client", "gty": "password", "scope": "openid profile calendly:read"}),
            ),
            (
                "Auth0, RFC 9068 profile",
                json!({"sub": "client@clients", "client_id": "client", "scope": "calendly:read"}),
            ),
            (
                "Entra ID, version 2",
                json!({"azpacr": "0", "nbf": NOW, "scp": "openid calendly:read", "ver": "2.0"}),
            ),
            ("Entra ID, version 1", json!({"scp": "calendly:read", "ver": "1.0"})),
            (
                "Keycloak",
                json!({"typ": "Bearer", "azp": "app", "aud": ["calendly", "account"], "nonce": "n",
                       "scope": "openid email calendly:read"}),
            ),
            ("Okta", json!({"cid": "0oa1", "scp": ["openid", "calendly:read"]})),
            (
                "Cognito",
                json!({"aud": null, "client_id": "calendly", "token_use": "access",
                       "scope": "openid calendly:read"}),
            ),
        ] {
            assert!(check(&rules(Some("calendly:read")), changes).is_ok(), "{issuer}");
        }
    }

    #[test]
    fn refused_claims() {
        for (changes, expected) in [
            (json!({"iss": null}), "issuer"),
            (json!({"iss": "https://issuer.example/"}), "issuer"),
            (json!({"iss": "https://Issuer.example"}), "issuer"),
            (json!({"iss": "https://issuer.example.attacker.example"}), "issuer"),
            (json!({"iss": ["https://issuer.example"]}), "issuer"),
            (json!({"aud": null}), "audience"),
            (json!({"aud": "Calendly"}), "audience"),
            (json!({"aud": "calendly,other"}), "audience"),
            (json!({"aud": [["calendly"]]}), "audience"),
            (json!({"aud": []}), "audience"),
            (json!({"aud": ["calendly", 1]}), "audience"),
            (json!({"aud": "else", "client_id": "calendly"}), "audience"),
            (json!({"aud": null, "client_id": "else"}), "audience"),
            (json!({"sub": null}), "no sub"),
            (json!({"sub": ""}), "no sub"),
            (json!({"sub": 5}), "no sub"),
            (json!({"exp": null}), "no exp"),
            (json!({"exp": (NOW + 300).to_string()}), "exp is not a date"),
            (json!({"exp": -1}), "exp is not a date"),
            (json!({"exp": 1e300}), "exp is not a date"),
            (json!({"exp": NOW * 1_000}), "exp is not a date"),
            (json!({"exp": true}), "exp is not a date"),
            (json!({"nbf": NOW + 61}), "not valid yet"),
            (json!({"nbf": "soon"}), "nbf is not a date"),
            (json!({"token_use": "id"}), "not an access token"),
            (json!({"token_use": 1}), "not an access token"),
            (json!({"typ": "ID"}), "not an access token"),
            (json!({"typ": "Refresh"}), "not an access token"),
            (json!({"typ": "Offline"}), "not an access token"),
            (json!({"typ": "Logout"}), "not an access token"),
            (json!({"at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"}), "not an access token"),
            (json!({"c_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"}), "not an access token"),
        ] {
            match check(&rules(None), changes.clone()) {
                Err(TokenError::Invalid(reason)) => assert!(reason.contains(expected), "{changes}: {reason}"),
                other => panic!("{changes}: {other:?}"),
            }
        }
    }

    #[test]
    fn malformed_claims_are_refused() {
        let good = r#"{"iss":"https://issuer.example","aud":"calendly","sub":"someone","exp":4102444800}"#;
        assert!(check_raw(&rules(None), good).is_ok());
        let with = |more: &str| good.replace('}', &format!(",{more}}}"));
        for bad in [
            with(r#""sub":"someone""#),
            with(r#""\u0073ub":"admin""#),
            good.replace("4102444800", "1e999"),
            good.replace("4102444800", "NaN"),
            format!("{good}{good}"),
            format!("[{good}]"),
            "null".to_owned(),
        ] {
            assert!(matches!(check_raw(&rules(None), &bad), Err(TokenError::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn a_token_that_is_also_otherwise_invalid_is_not_called_expired() {
        assert_eq!(check(&rules(None), json!({"exp": NOW - 60})), Err(TokenError::Expired));
        assert_eq!(check(&rules(None), json!({"exp": 0})), Err(TokenError::Expired));
        let also_other_audience = check(&rules(None), json!({"exp": 0, "aud": "else"}));
        assert!(matches!(also_other_audience, Err(TokenError::Invalid(_))));
    }

    #[test]
    fn null_audience_is_not_an_absent_one() {
        let claims: StrictObject = serde_json::from_str(r#"{"aud":null,"client_id":"calendly"}"#).unwrap();
        assert!(check_audience(&claims, &rules(None)).is_err());
    }

    #[test]
    fn scope_and_scp_in_every_format() {
        let rules = rules(Some("calendly:read"));
        for good in [
            json!({"scope": "openid calendly:read"}),
            json!({"scp": "calendly:read"}),
            json!({"scp": ["openid", "calendly:read"]}),
            json!({"scope": "openid", "scp": ["calendly:read"]}),
        ] {
            assert!(check(&rules, good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({"scope": "calendly:readonly"}),
            json!({"scope": "Calendly:Read"}),
            json!({"scp": 1}),
        ] {
            let scope = "calendly:read".to_owned();
            assert_eq!(check(&rules, bad.clone()), Err(TokenError::InsufficientScope { scope }), "{bad}");
        }
    }
}
