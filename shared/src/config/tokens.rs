//! Settings of the token issuer and of its tokens.

use url::Url;

use super::Variables;
use crate::{
    auth::issuer::Issuer,
    http::{base_url, secure_url},
    pat::secret_id,
};

/// Reads the issuer: exactly one of `JWT_ISSUER` and `JWT_SECRET_ID`.
pub(super) fn issuer(variables: &mut Variables) -> Option<Issuer> {
    let is_discovered = variables.text("JWT_JWKS_URL").is_none();
    let issuer = variables.optional("JWT_ISSUER", |text| {
        string_or_uri(text)?;
        if is_discovered {
            base_url(text)?;
        }
        Ok(text.to_owned())
    });
    let jwks_url = variables.optional("JWT_JWKS_URL", secure_url);
    let shared_secret = variables.optional("JWT_SECRET_ID", secret_id);
    match (variables.text("JWT_ISSUER"), variables.text("JWT_JWKS_URL"), variables.text("JWT_SECRET_ID")) {
        (Some(_), _, None) => issuer.map(|issuer| Issuer::PublishedKeys { issuer, jwks_url }),
        (None, None, Some(_)) => shared_secret.map(|secret_id| Issuer::SharedSecret { secret_id }),
        (None, Some(_), None) => {
            variables.refuse("JWT_JWKS_URL is set without JWT_ISSUER, the expected iss".to_owned());
            None
        }
        (None, None, None) => {
            variables.refuse(
                "JWT_ISSUER and JWT_SECRET_ID are both unset: set JWT_ISSUER if the issuer publishes its \
                 keys, or JWT_SECRET_ID if it shares a secret"
                    .to_owned(),
            );
            None
        }
        (issuer, _, Some(_)) => {
            let other = if issuer.is_some() { "JWT_ISSUER" } else { "JWT_JWKS_URL" };
            variables.refuse(format!(
                "{other} and JWT_SECRET_ID are both set: a token is verified with the issuer's published \
                 keys or with a shared secret, so unset one"
            ));
            None
        }
    }
}

/// Parses a comma-separated list of audiences.
pub(super) fn audiences(text: &str) -> Result<Vec<String>, String> {
    let audiences: Vec<String> =
        text.split(',').map(str::trim).filter(|audience| !audience.is_empty()).map(str::to_owned).collect();
    if audiences.is_empty() { Err("names no audience".to_owned()) } else { Ok(audiences) }
}

/// Validates a `scope-token` (RFC 6749, section 3.3), which needs no escaping in a challenge.
pub(super) fn scope_token(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("not one scope: no spaces, quotes or backslashes".to_owned())
    }
}

/// Validates a `StringOrURI` (RFC 7519, section 2): any string without a colon, or a URI.
fn string_or_uri(text: &str) -> Result<(), String> {
    let is_uri = || Url::parse(text).is_ok() && !text.contains(char::is_whitespace);
    if text.trim() != text {
        Err("must not begin or end with white space".to_owned())
    } else if text.contains(':') && !is_uri() {
        Err("not a URI, which a value with a colon must be".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;

    #[test]
    fn issuer_that_is_only_compared_is_a_string_or_uri() {
        for (issuer, is_valid_with_jwks_url, is_valid_with_discovery) in [
            ("https://issuer.example/", true, true),
            ("http://127.0.0.1:4010/issuer", true, true),
            ("http://adfs.example/adfs/services/trust", true, false),
            ("https://issuer.example/?tenant=a#b", true, false),
            ("accounts.google.com", true, false),
            ("urn:example:issuer", true, false),
            ("1a:b", false, false),
            ("https://", false, false),
            ("my issuer", true, false),
            ("urn:my issuer", false, false),
            (" https://issuer.example", false, false),
            ("https://issuer.example\n", false, false),
        ] {
            let jwks_url = ("JWT_JWKS_URL", "https://keys.example/jwks?p=policy");
            let with_jwks_url = config(&[("JWT_ISSUER", issuer), jwks_url]);
            assert_eq!(with_jwks_url.is_ok(), is_valid_with_jwks_url, "{issuer:?}");
            if let Ok(config) = with_jwks_url {
                assert_eq!(config.token_rules.issuer.as_deref(), Some(issuer));
            }
            assert_eq!(config(&[("JWT_ISSUER", issuer)]).is_ok(), is_valid_with_discovery, "{issuer:?}");
        }
    }
}
