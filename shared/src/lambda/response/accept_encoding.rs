//! The `Accept-Encoding` header of a request.

use lambda_http::http::{HeaderMap, header::ACCEPT_ENCODING};

/// Whether the `Accept-Encoding` headers accept gzip (RFC 9110, section 12.5.3).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut wildcard = None;
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = parameters
            .trim()
            .strip_prefix(['q', 'Q'])
            .and_then(|rest| rest.trim_start().strip_prefix('='))
            .is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return !is_refused,
            "*" => wildcard = Some(!is_refused),
            _ => {}
        }
    }
    wildcard.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&'static str]) -> bool {
        let values = values.iter().map(|value| (ACCEPT_ENCODING, value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        accepts_gzip(&headers)
    }

    #[test]
    fn accepted_codings() {
        for yes in ["gzip", "br, GZIP", "gzip;q=0.5", "x-gzip", "*", "deflate;q=0, *;q=0.1"] {
            assert!(accepts(&[yes]), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "identity, br", "*, gzip;q=0"] {
            assert!(!accepts(&[no]), "{no}");
        }
        assert!(accepts(&["br", "gzip"]));
        assert!(!accepts(&[]));
    }
}
