//! Parsing of tokens: JSON Web Signatures in compact form (RFC 7515, section 7.1).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;

use super::{TokenError, strict_object::StrictObject};
use crate::pat::FormatFault;

/// A parsed token. Its signature has not been verified.
#[derive(Debug)]
pub(crate) struct CompactJws<'a> {
    /// The header's `alg`.
    pub(crate) algorithm: Algorithm,
    /// The header's `kid`.
    pub(crate) key_id: Option<String>,
    /// The signed bytes: the encoded header and payload.
    pub(crate) signing_input: &'a str,
    /// The signature in base64url.
    pub(crate) signature: &'a str,
    payload: &'a str,
}

const MALFORMED: TokenError = TokenError::Invalid("The token is not a JSON Web Token in compact form.");

impl<'a> CompactJws<'a> {
    /// Parses a token.
    ///
    /// The header's `jwk`, `jku`, `x5u` and `x5c` are ignored: a key that the token itself provides proves nothing (RFC
    /// 8725, section 3.10).
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenError> {
        Self::parse_parts(token).map_err(|error| if error == MALFORMED { malformed(token) } else { error })
    }

    fn parse_parts(token: &'a str) -> Result<Self, TokenError> {
        let (signing_input, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signing_input.split_once('.').ok_or(MALFORMED)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() {
            return Err(MALFORMED);
        }
        // Canonical base64url only (RFC 7515, section 2), so that a signed token has exactly one spelling.
        BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| MALFORMED)?;

        let header = decode_object(header)?;
        if header.contains("crit") {
            return Err(TokenError::Invalid("The token's header has crit, and no extension is supported."));
        }
        if header.contains("b64") {
            return Err(TokenError::Invalid("The token's payload must be base64url-encoded."));
        }
        if !has_access_token_type(&header) {
            return Err(TokenError::Invalid("The token's typ is not that of an access token."));
        }
        let algorithm = header
            .get("alg")
            // The key source decides which of these algorithms it supports.
            .and_then(|alg| parse_algorithm(alg.as_str()?))
            .ok_or(TokenError::Invalid("The token's alg is not accepted."))?;
        let key_id = match header.get("kid") {
            None => None,
            Some(kid) => {
                Some(kid.as_str().ok_or(TokenError::Invalid("The token's kid is not a string."))?.to_owned())
            }
        };
        Ok(Self { algorithm, key_id, signing_input, signature, payload })
    }

    /// Decodes the claims. Trust them only after the signature has been verified.
    pub(crate) fn claims(&self) -> Result<StrictObject, TokenError> {
        decode_object(self.payload)
    }
}

/// Parses a case-sensitive `alg` name (RFC 7518, section 3.1). `none` is refused. `Ed25519` (RFC 9864) is parsed as
/// EdDSA, which is supported with that curve only.
pub(super) fn parse_algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}

/// The error for a malformed token, with a hint if it has a common format fault.
fn malformed(token: &str) -> TokenError {
    match FormatFault::of_token(token.as_bytes()) {
        Some(FormatFault::Quotes) => TokenError::Invalid("The token is in quotes. Send it without them."),
        Some(FormatFault::Json) => {
            TokenError::Invalid("The token is inside JSON. Send only the access token of that JSON.")
        }
        Some(FormatFault::WhiteSpace) => TokenError::Invalid("The token contains white space."),
        Some(FormatFault::ByteOrderMark) | None => MALFORMED,
    }
}

fn decode_object(part: &str) -> Result<StrictObject, TokenError> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)?;
    serde_json::from_slice(&json).map_err(|_| MALFORMED)
}

/// Whether `typ` is absent, `JWT` (RFC 7519) or `at+jwt` (RFC 9068).
///
/// Other values name other kinds of JWT, such as logout tokens and DPoP proofs (RFC 8725, section 3.11).
fn has_access_token_type(header: &StrictObject) -> bool {
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

    const HEADER: &str = r#"{"alg":"RS256"}"#;

    fn token(header: &str) -> String {
        format!("{}.e30.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn token_is_split_into_its_parts() {
        let token = token(r#"{"alg":"ES256","kid":"one","typ":"at+JWT","jwk":{"kty":"EC"}}"#);
        let jws = CompactJws::parse(&token).unwrap();
        assert_eq!(jws.algorithm, Algorithm::ES256);
        assert_eq!(jws.key_id.as_deref(), Some("one"));
        assert_eq!(jws.signature, "c2ln");
        assert_eq!(format!("{}.c2ln", jws.signing_input), token);
        assert_eq!(jws.claims().unwrap(), StrictObject::default());
    }

    #[test]
    fn accepted_headers() {
        for header in [
            HEADER,
            r#" { "alg" : "HS256" } "#,
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{"alg":"HS256","typ":"application/AT+JWT"}"#,
            r#"{"alg":"HS256","cty":"JWT"}"#,
            r#"{"alg":"HS256","jwk":{"kty":"oct"},"jku":"https://attacker.example","x5u":"x","x5c":["x"]}"#,
            r#"{"alg":"HS256","kid":"../../../../dev/null"}"#,
            r#"{"alg":"HS256","kid":"x' UNION SELECT 'AAAA';--"}"#,
            r#"{"alg":"HS256","kid":""}"#,
            r#"{"alg":"Ed25519"}"#,
            "{\"alg\":\"HS256\",\"kid\":\"a\\r\\nb\\u0000\"}",
        ] {
            assert!(CompactJws::parse(&token(header)).is_ok(), "{header}");
        }
    }

    #[test]
    fn refused_headers() {
        for header in [
            "",
            "[]",
            "null",
            r#"["RS256"]"#,
            r#"{"alg":"RS256""#,
            r#"{"alg":"RS256"} {}"#,
            "\u{feff}{\"alg\":\"RS256\"}",
            r#"{"alg":"none","alg":"RS256"}"#,
            r#"{"alg":"RS256","\u0061lg":"none"}"#,
            r#"{}"#,
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"NONE"}"#,
            r#"{"alg":"nOnE"}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":"RS256 "}"#,
            r#"{"alg":"ES512"}"#,
            r#"{"alg":"Ed448"}"#,
            r#"{"alg":"ed25519"}"#,
            r#"{"alg":"RS256","crit":["exp"]}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
            r#"{"alg":"RS256","b64":false}"#,
            r#"{"alg":"RS256","kid":1}"#,
            r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"RS256","typ":"logout+jwt"}"#,
            r#"{"alg":"RS256","typ":"secevent+jwt"}"#,
            r#"{"alg":"RS256","typ":["JWT"]}"#,
            r#"{"alg":"RS256","typ":1}"#,
        ] {
            assert!(matches!(CompactJws::parse(&token(header)), Err(TokenError::Invalid(_))), "{header}");
        }
    }

    #[test]
    fn noncanonical_encodings_are_refused() {
        let good = token(HEADER);
        let (header, _) = good.split_once('.').unwrap();
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
            format!("{good}\n"),
            good.replacen('.', "..", 1),
            good.replace(".e30.", ".."),
            good.replace(".e30.", ".e30=."),
            good.replace(".e30.", ".e30\n."),
            good.replace(".e30.", ".{}."),
            // The spare bits of the last character are set.
            good.replace(".e30.", ".e31."),
            good.replace("c2ln", "c2lnYR"),
            good.replace("c2ln", "c2l/"),
            good.replace(header, &format!("{header}=")),
            good.replace(header, HEADER),
        ] {
            let claims = CompactJws::parse(&bad).and_then(|jws| jws.claims());
            assert!(matches!(claims, Err(TokenError::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn wrapped_tokens_are_explained() {
        let good = token(HEADER);
        for (bad, expected) in [
            (format!("\"{good}\""), "is in quotes"),
            (format!("'{good}'"), "is in quotes"),
            (format!(r#"{{"access_token":"{good}","expires_in":60}}"#), "is inside JSON"),
            (format!("[\"{good}\"]"), "is inside JSON"),
            (format!("{good} {good}"), "contains white space"),
            (good.replace('.', ". "), "contains white space"),
            (format!("{good}."), "not a JSON Web Token"),
        ] {
            let error = CompactJws::parse(&bad).unwrap_err();
            assert!(error.to_string().contains(expected), "{bad}: {error}");
            assert!(!error.to_string().contains(['"', '\\']), "not fit for error_description: {error}");
        }
    }

    #[test]
    fn deeply_nested_claims_are_refused() {
        for claims in ["[".repeat(5_000), format!("{}1{}", "{\"a\":".repeat(300), "}".repeat(300))] {
            let token =
                token(HEADER).replace(".e30.", &format!(".{}.", BASE64_URL_SAFE_NO_PAD.encode(claims)));
            assert!(CompactJws::parse(&token).unwrap().claims().is_err());
        }
    }
}
