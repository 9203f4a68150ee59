//! The bearer token of a request (RFC 6750, section 2.1).

use crate::error::TokenError;

/// Longer tokens are refused before any work.
const LONGEST_TOKEN: usize = 8 * 1024;

/// The token in the values of the request's `Authorization` headers.
///
/// The scheme is matched in any letter case (RFC 9110, section 11.1). Other schemes carry no bearer
/// token, so they count as none.
pub(super) fn token<'a>(authorization: &[&'a str]) -> Result<&'a str, TokenError> {
    let value = match authorization {
        [] => return Err(TokenError::Missing),
        [value] => value.trim_matches([' ', '\t']),
        _ => return Err(TokenError::Invalid("There is more than one Authorization header.")),
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Missing);
    }
    let token = token.trim_start_matches(' ');
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > LONGEST_TOKEN {
        return Err(TokenError::Invalid("The token is longer than 8 KiB."));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_read_in_any_letter_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "] {
            assert_eq!(token(&[value]), Ok("a.b.c"), "{value:?}");
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
        assert!(matches!(token(&["Bearer a.b.c", "Bearer a.b.c"]), Err(TokenError::Invalid(_))));
    }

    #[test]
    fn the_longest_token_is_8_kib() {
        let longest = "a".repeat(8 * 1024);
        assert_eq!(token(&[&format!("Bearer {longest}")]), Ok(longest.as_str()));
        assert!(matches!(token(&[&format!("Bearer {longest}a")]), Err(TokenError::Invalid(_))));
    }
}
