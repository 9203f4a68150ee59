//! The bearer token of a request (RFC 6750, section 2.1).

use lambda_http::http::{HeaderMap, header::AUTHORIZATION};

use crate::error::TokenError;

/// Longer tokens are refused before any work.
const LONGEST_TOKEN: usize = 8 * 1024;

const NOT_ASCII: TokenError = TokenError::Invalid("The Authorization header is not ASCII.");

const MORE_THAN_ONE: TokenError = TokenError::Invalid("There is more than one Authorization header.");

/// The token in a request's `Authorization` header.
///
/// The scheme is matched in any letter case (RFC 9110, section 11.1). Other schemes carry no bearer
/// token, so they count as none.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(TokenError::Missing),
        // A bearer token is ASCII (RFC 6750, section 2.1).
        (Some(value), None) => value.to_str().map_err(|_| NOT_ASCII)?.trim_matches([' ', '\t']),
        (Some(_), Some(_)) => return Err(MORE_THAN_ONE),
    };
    // An HTTP API joins two headers with a comma, which no bearer token has.
    if value.split(',').skip(1).any(|other| is_bearer(other.trim_start_matches([' ', '\t']))) {
        return Err(MORE_THAN_ONE);
    }
    if !is_bearer(value) {
        return Err(TokenError::Missing);
    }
    let (_, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim_start_matches(' ');
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > LONGEST_TOKEN {
        return Err(TokenError::Invalid("The token is longer than 8 KiB."));
    }
    Ok(token)
}

/// Whether these are credentials of the scheme `Bearer`.
fn is_bearer(credentials: &str) -> bool {
    credentials.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The token among headers with these values, or why there is none.
    fn token(authorization: &[&str]) -> Result<String, TokenError> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers
                .append(AUTHORIZATION, lambda_http::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        super::token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_read_in_any_letter_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "] {
            assert_eq!(token(&[value]), Ok("a.b.c".to_owned()), "{value:?}");
        }
    }

    #[test]
    fn without_bearer_credentials_the_token_is_missing() {
        for values in [&[][..], &[""], &["Basic dXNlcjpwYXNz"], &["Bearer"], &["Bearer "], &["Bearera.b.c"]] {
            assert_eq!(token(values), Err(TokenError::Missing), "{values:?}");
        }
    }

    #[test]
    fn two_headers_are_refused_even_if_they_agree() {
        for values in [
            &["Bearer a.b.c", "Bearer a.b.c"][..],
            &["Basic dXNlcjpwYXNz", "Bearer a.b.c"],
            &["", "Bearer a.b.c"],
            &["Bearer a.b.c,Bearer a.b.c"],
            &["Bearer a.b.c, bearer"],
            &["Basic dXNlcjpwYXNz,Bearer a.b.c"],
        ] {
            assert_eq!(token(values), Err(MORE_THAN_ONE), "{values:?}");
        }
    }

    #[test]
    fn a_token_is_ascii() {
        assert_eq!(token(&["Bearer José"]), Err(NOT_ASCII));
    }

    #[test]
    fn a_comma_alone_is_another_scheme_s_matter() {
        let digest = r#"Digest username="bearer", realm="a, Bearerb""#;
        assert_eq!(token(&[digest]), Err(TokenError::Missing));
    }

    #[test]
    fn the_longest_token_is_8_kib() {
        let longest = "a".repeat(8 * 1024);
        assert_eq!(token(&[&format!("Bearer {longest}")]), Ok(longest.clone()));
        assert!(matches!(token(&[&format!("Bearer {longest}a")]), Err(TokenError::Invalid(_))));
    }
}
