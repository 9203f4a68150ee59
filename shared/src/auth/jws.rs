//! A token in its compact form (RFC 7515, section 7.1): taken apart, not yet believed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;

use super::object::Object;
use crate::error::TokenError;

/// The parts of a signed token.
#[derive(Debug)]
pub(crate) struct CompactJws<'a> {
    /// `alg` of the header: one of those that a token may be signed with.
    pub(crate) algorithm: Algorithm,
    /// `kid` of the header.
    pub(crate) key_id: Option<String>,
    /// What the signature covers: header and payload as they came.
    pub(crate) signing_input: &'a str,
    /// The signature, still encoded.
    pub(crate) signature: &'a str,
    payload: &'a str,
}

const MALFORMED: TokenError = TokenError::Invalid("The token is not a JSON Web Token in compact form.");

impl<'a> CompactJws<'a> {
    /// Takes a token apart. The header's `jwk`, `jku`, `x5u` and `x5c` are not looked at: a key that the
    /// token itself brings along proves nothing (RFC 8725, section 3.10).
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (signing_input, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signing_input.split_once('.').ok_or(MALFORMED)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() {
            return Err(MALFORMED);
        }
        // The signature's spelling is checked here too: base64url without padding or spare bits
        // (RFC 7515, section 2), so that a signed token can be written in one way only.
        BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| MALFORMED)?;

        let header = object(header)?;
        if header.contains("crit") {
            return Err(TokenError::Invalid(
                "The token's header has crit, and no extension is understood here.",
            ));
        }
        if header.contains("b64") {
            return Err(TokenError::Invalid("The token's payload must be base64url-encoded."));
        }
        if !has_access_token_type(&header) {
            return Err(TokenError::Invalid("The token's typ is not that of an access token."));
        }
        let algorithm = header
            .get("alg")
            // Exactly those that are spelled so (RFC 7518, section 3.1): `none` in any letter case is not among
            // them. Which family a token may be of is the key source's to say.
            .and_then(|alg| alg.as_str()?.parse::<Algorithm>().ok())
            .ok_or(TokenError::Invalid("The token's alg is not accepted."))?;
        let key_id = match header.get("kid") {
            None => None,
            Some(kid) => {
                Some(kid.as_str().ok_or(TokenError::Invalid("The token's kid is not a string."))?.to_owned())
            }
        };
        Ok(Self { algorithm, key_id, signing_input, signature, payload })
    }

    /// The claims. Only worth anything once the signature has been verified.
    pub(crate) fn claims(&self) -> Result<Object, TokenError> {
        object(self.payload)
    }
}

fn object(part: &str) -> Result<Object, TokenError> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)?;
    serde_json::from_slice(&json).map_err(|_| MALFORMED)
}

/// `typ` tells kinds of JWT apart (RFC 8725, section 3.11): absent, `JWT` (RFC 7519) and `at+jwt`
/// (RFC 9068) may be an access token; a logout token, a DPoP proof and the like are not.
fn has_access_token_type(header: &Object) -> bool {
    match header.get("typ") {
        None => true,
        Some(typ) => typ.as_str().is_some_and(|typ| {
            let typ = typ.to_ascii_lowercase();
            matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        format!("{}.e30.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn a_token_is_taken_apart() {
        let token = token(r#"{"alg":"ES256","kid":"one","typ":"at+JWT","jwk":{"kty":"EC"}}"#);
        let jws = CompactJws::parse(&token).unwrap();
        assert_eq!(jws.algorithm, Algorithm::ES256);
        assert_eq!(jws.key_id.as_deref(), Some("one"));
        assert_eq!(jws.signature, "c2ln");
        assert_eq!(format!("{}.c2ln", jws.signing_input), token);
        assert_eq!(jws.claims().unwrap(), Object::default());
    }

    #[test]
    fn headers_that_are_refused() {
        for header in [
            "[]",
            "",
            "null",
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{}"#,
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"NONE"}"#,
            r#"{"alg":"nOnE"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":"RS1"}"#,
            r#"{"alg":"ES512"}"#,
            r#"{"alg":"ES256K"}"#,
            r#"{"alg":"RS256","crit":["exp"]}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
            r#"{"alg":"RS256","b64":false}"#,
            r#"{"alg":"RS256","kid":1}"#,
            r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"RS256","typ":"logout+jwt"}"#,
            r#"{"alg":"RS256","typ":1}"#,
        ] {
            assert!(matches!(CompactJws::parse(&token(header)), Err(TokenError::Invalid(_))), "{header}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = token(r#"{"alg":"RS256"}"#);
        assert!(CompactJws::parse(&good).is_ok());
        for bad in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.e30"),
            format!("{good}="),
            format!("{good} "),
            good.replace(".e30.", ".."),
            good.replace("c2ln", "c2l/"),
            // "c2lh" and "c2lnYQ" have canonical spellings; "c2lnYR" has spare bits set.
            good.replace("c2ln", "c2lnYR"),
            format!("{good}\n"),
        ] {
            assert!(matches!(CompactJws::parse(&bad), Err(TokenError::Invalid(_))), "{bad:?}");
        }
    }
}
