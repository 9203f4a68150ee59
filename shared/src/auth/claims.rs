//! What a verified token must say (RFC 7519, section 4), and the [`Caller`] that follows from it.
//!
//! `jsonwebtoken` verifies signatures here and does not check claims, for these reasons. It judges `exp` before
//! `iss` and `aud`, so that a token of somebody else's, or for somebody else, would be called *expired*, which
//! tells its holder that a new one will do. It takes an array for `iss` and lets one of several audiences be
//! anything. It knows nothing of Cognito's `client_id`, nor of claims that tell an ID token from an access
//! token. (And it does not enforce `crit`, which [`CompactJws`] does.)

use serde_json::Value;

use super::issuer::TokenRules;
use super::{jws::CompactJws, object::Object};
use crate::error::TokenError;

/// How far the issuer's clock may be from ours, in seconds.
const CLOCK_SKEW: f64 = 60.0;

/// The end of the year 9999. A `NumericDate` beyond it is no date.
const LAST_DATE: f64 = 253_402_300_799.0;

/// Whom a token was issued to, by its claims. All of them have passed the [`TokenRules`].
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Caller(Object);

impl Caller {
    /// A claim that is a string, as a secret's name may use it.
    pub(crate) fn text_claim(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

/// The caller of a token whose signature has been verified, at `now` (seconds since the Unix epoch).
///
/// `exp` is looked at after what no new token would put right, so that *expired* means: a new one
/// will do.
pub(crate) fn check(jws: &CompactJws<'_>, rules: &TokenRules, now: i64) -> Result<Caller, TokenError> {
    let claims = jws.claims()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds fit an f64 for longer than dates are checked")]
    let now = now as f64;

    check_issuer(&claims, rules)?;
    check_audience(&claims, rules)?;
    if claims.get("sub").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(TokenError::Invalid("The token has no sub."));
    }
    check_is_access_token(&claims)?;
    match numeric_date(&claims, "nbf") {
        Ok(not_before) if not_before.is_none_or(|not_before| not_before <= now + CLOCK_SKEW) => {}
        Ok(_) => return Err(TokenError::Invalid("The token is not valid yet.")),
        Err(NotADate) => return Err(TokenError::Invalid("The token's nbf is not a date.")),
    }
    match numeric_date(&claims, "exp") {
        Ok(Some(expiry)) if now < expiry + CLOCK_SKEW => {}
        Ok(Some(_)) => return Err(TokenError::Expired),
        Ok(None) => return Err(TokenError::Invalid("The token has no exp.")),
        Err(NotADate) => return Err(TokenError::Invalid("The token's exp is not a date.")),
    }
    check_scope(&claims, rules)?;
    Ok(Caller(claims))
}

fn check_issuer(claims: &Object, rules: &TokenRules) -> Result<(), TokenError> {
    match &rules.issuer {
        Some(expected) if claims.get("iss").and_then(Value::as_str) != Some(expected) => {
            Err(TokenError::Invalid("The token is not from the expected issuer."))
        }
        _ => Ok(()),
    }
}

/// `aud`, a string or an array of strings; only where there is none, `client_id`, which is where
/// Amazon Cognito's access tokens say whom they are for.
fn check_audience(claims: &Object, rules: &TokenRules) -> Result<(), TokenError> {
    let is_ours =
        |value: &Value| value.as_str().is_some_and(|text| rules.audiences.iter().any(|ours| ours == text));
    let is_for_us = match claims.get("aud") {
        Some(Value::Array(values)) => values.iter().all(Value::is_string) && values.iter().any(is_ours),
        Some(value) => is_ours(value),
        None if claims.contains("aud") => false,
        None => claims.get("client_id").is_some_and(is_ours),
    };
    if is_for_us { Ok(()) } else { Err(TokenError::Invalid("The token is not meant for this audience.")) }
}

/// `scope` as RFC 8693 (section 4.2) has it, `scp` as Entra ID (a string) and Okta (an array) have it.
fn check_scope(claims: &Object, rules: &TokenRules) -> Result<(), TokenError> {
    let Some(required) = &rules.required_scope else { return Ok(()) };
    let holds = |claim: &Value| match claim {
        Value::String(scopes) => scopes.split(' ').any(|scope| scope == required),
        Value::Array(scopes) => scopes.iter().any(|scope| scope.as_str() == Some(required)),
        _ => false,
    };
    if ["scope", "scp"].iter().filter_map(|name| claims.get(name)).any(holds) {
        Ok(())
    } else {
        Err(TokenError::InsufficientScope { scope: required.clone() })
    }
}

/// Issuers that sign ID and refresh tokens with the same keys say which kind a token is: Amazon Cognito in
/// `token_use`, Keycloak in `typ`. Elsewhere an ID token is known by a claim that only ID tokens have (`at_hash`,
/// `c_hash`: OpenID Connect Core 1.0, section 3.3.2.11). It tells who signed in; it gives no access.
fn check_is_access_token(claims: &Object) -> Result<(), TokenError> {
    let is_access_token = claims.get("token_use").is_none_or(|token_use| token_use == "access")
        && !claims
            .get("typ")
            .is_some_and(|typ| matches!(typ.as_str(), Some("ID" | "Refresh" | "Offline" | "Logout")))
        && !["at_hash", "c_hash"].iter().any(|name| claims.contains(name));
    if is_access_token { Ok(()) } else { Err(TokenError::Invalid("The token is not an access token.")) }
}

struct NotADate;

/// A `NumericDate` (RFC 7519, section 2): seconds since the Unix epoch, with fractions or without.
fn numeric_date(claims: &Object, name: &str) -> Result<Option<f64>, NotADate> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..=LAST_DATE).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(NotADate),
        },
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

    /// Checks good claims with `changes` made to them; `null` takes a claim away.
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
        let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
        let token = format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#), encode(&claims.to_string()));
        super::check(&CompactJws::parse(&token).unwrap(), rules, NOW)
    }

    #[test]
    fn good_tokens_pass() {
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

    #[test]
    fn bad_tokens_are_refused() {
        for (changes, expected) in [
            (json!({"iss": null}), "issuer"),
            (json!({"iss": "https://issuer.example/"}), "issuer"),
            (json!({"iss": ["https://issuer.example"]}), "issuer"),
            (json!({"aud": null}), "audience"),
            (json!({"aud": "Calendly"}), "audience"),
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
            (json!({"exp": u64::MAX}), "exp is not a date"),
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
    fn expired_means_that_a_new_token_will_do() {
        assert_eq!(check(&rules(None), json!({"exp": NOW - 60})), Err(TokenError::Expired));
        assert_eq!(check(&rules(None), json!({"exp": 0})), Err(TokenError::Expired));
        let also_for_somebody_else = check(&rules(None), json!({"exp": 0, "aud": "else"}));
        assert!(matches!(also_for_somebody_else, Err(TokenError::Invalid(_))));
    }

    #[test]
    fn a_null_audience_is_not_an_absent_one() {
        let claims: Object = serde_json::from_str(r#"{"aud":null,"client_id":"calendly"}"#).unwrap();
        assert!(check_audience(&claims, &rules(None)).is_err());
    }

    #[test]
    fn the_scope_is_found_in_every_shape() {
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
