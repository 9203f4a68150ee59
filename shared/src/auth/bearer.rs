//! Extraction of the bearer token from the `Authorization` header (RFC 6750, section 2.1).

use lambda_http::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::TokenError;

/// The largest accepted token. The limit bounds the work that an unauthenticated caller can cause.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

const NOT_ASCII: TokenError = TokenError::Invalid("The Authorization header is not ASCII.");

const SEVERAL_HEADERS: TokenError = TokenError::Invalid("There is more than one Authorization header.");

/// Returns the token in the `Authorization` header.
///
/// The scheme is case-insensitive (RFC 9110, section 11.1). With another scheme the token is missing.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(TokenError::Missing),
        // A bearer token is ASCII (RFC 6750, section 2.1).
        (Some(value), None) => value.to_str().map_err(|_| not_ascii(value))?.trim_matches([' ', '\t']),
        (Some(_), Some(_)) => return Err(SEVERAL_HEADERS),
    };
    // An HTTP API joins repeated headers with commas, which other schemes have in quotes and between parameters.
    let unquoted = value.split('"').step_by(2);
    if unquoted.flat_map(|text| text.split(',').skip(1)).any(is_credentials) {
        return Err(SEVERAL_HEADERS);
    }
    if !is_bearer(value) {
        return Err(TokenError::Missing);
    }
    let (_, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim_start_matches(' ');
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Invalid("The token is longer than 8 KiB."));
    }
    Ok(token)
}

/// Names common mistakes in a header that is not ASCII. `lambda::event` replaces control characters with U+FFFD.
fn not_ascii(value: &HeaderValue) -> TokenError {
    let text = String::from_utf8_lossy(value.as_bytes());
    if text.contains('\u{FEFF}') {
        TokenError::Invalid("The Authorization header contains a byte order mark.")
    } else if text.contains('\u{FFFD}') {
        TokenError::Invalid("The Authorization header contains a line break or another control character.")
    } else {
        NOT_ASCII
    }
}

/// Whether the text after a comma begins with a scheme, not with a parameter such as `realm=`.
fn is_credentials(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let is_scheme = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_pair = |(scheme, rest): (&str, &str)| is_scheme(scheme) && !rest.trim_start().starts_with('=');
    is_bearer(text) || text.split_once(' ').is_some_and(is_pair)
}

/// Whether the credentials have the scheme `Bearer`.
fn is_bearer(credentials: &str) -> bool {
    credentials.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extracts the token from `Authorization` headers with these values.
    fn token(authorization: &[&str]) -> Result<String, TokenError> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        super::token(&headers).map(str::to_owned)
    }

    #[test]
    fn scheme_is_case_insensitive() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "] {
            assert_eq!(token(&[value]), Ok("a.b.c".to_owned()), "{value:?}");
        }
    }

    #[test]
    fn missing_bearer_credentials() {
        for values in [&[][..], &[""], &["Basic dXNlcjpwYXNz"], &["Bearer"], &["Bearer "], &["Bearera.b.c"]] {
            assert_eq!(token(values), Err(TokenError::Missing), "{values:?}");
        }
    }

    #[test]
    fn repeated_headers_are_refused_even_if_equal() {
        for values in [
            &["Bearer a.b.c", "Bearer a.b.c"][..],
            &["Basic dXNlcjpwYXNz", "Bearer a.b.c"],
            &["", "Bearer a.b.c"],
            &["Bearer a.b.c,Bearer a.b.c"],
            &["Bearer a.b.c, bearer"],
            &["Basic dXNlcjpwYXNz,Bearer a.b.c"],
            &["Basic dXNlcjpwYXNz,Basic dXNlcjpwYXNz"],
            &["Basic dXNlcjpwYXNz, Negotiate YQ=="],
        ] {
            assert_eq!(token(values), Err(SEVERAL_HEADERS), "{values:?}");
        }
    }

    #[test]
    fn non_ascii_header_is_refused() {
        assert_eq!(token(&["Bearer José"]), Err(NOT_ASCII));
        for (value, expected) in
            [("Bearer \u{feff}a.b.c", "byte order mark"), ("Bearer a.b.c\u{FFFD}", "line break")]
        {
            let error = token(&[value]).unwrap_err();
            assert!(matches!(error, TokenError::Invalid(reason) if reason.contains(expected)), "{error}");
        }
    }

    #[test]
    fn comma_in_another_scheme_is_not_a_second_header() {
        for digest in [
            r#"Digest username="bearer", realm="a, Bearerb""#,
            r#"Digest username="robin" , realm = "a b",uri="/a b""#,
        ] {
            assert_eq!(token(&[digest]), Err(TokenError::Missing), "{digest}");
        }
    }

    #[test]
    fn tokens_over_8_kib_are_refused() {
        let longest = "a".repeat(MAX_TOKEN_BYTES);
        assert_eq!(token(&[&format!("Bearer {longest}")]), Ok(longest.clone()));
        assert!(matches!(token(&[&format!("Bearer {longest}a")]), Err(TokenError::Invalid(_))));
    }
}
