//! The `Accept-Encoding` header of a request.

use lambda_http::http::{HeaderMap, header::ACCEPT_ENCODING};

/// Whether the `Accept-Encoding` headers accept gzip (RFC 9110, section 12.5.3): with a weight above 0, as `gzip` or
/// `x-gzip`, or else as `*`. A malformed weight counts as 0, since an uncompressed response is always acceptable.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut wildcard) = (None, None);
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_accepted = parts.all(|parameter| weight(parameter).is_none_or(|weight| weight > 0.0));
        match name.as_str() {
            "gzip" | "x-gzip" => gzip = Some(gzip.unwrap_or(true) && is_accepted),
            "*" => wildcard = Some(is_accepted),
            _ => {}
        }
    }
    gzip.or(wildcard).unwrap_or(false)
}

/// The weight of a parameter `q=…`, 0 if malformed; `None` for any other parameter.
fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value = value.trim();
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    value.parse().ok().filter(|weight| is_number && *weight <= 1.0).or(Some(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&'static str]) -> bool {
        let values = values.iter().map(|value| (ACCEPT_ENCODING, value.parse().unwrap()));
        accepts_gzip(&HeaderMap::from_iter(values))
    }

    #[test]
    fn accepted_codings() {
        for yes in [
            "gzip",
            "br, GZIP",
            "gzip;q=0.5",
            "gzip ; Q = 0.001",
            "gzip;q=1.000",
            "gzip;level=9",
            "x-gzip",
            "*",
            "deflate;q=0, *;q=0.1",
            "*;q=0, gzip",
        ] {
            assert!(accepts(&[yes]), "{yes}");
        }
        for no in [
            "",
            "br",
            "gzip;q=0",
            "gzip; q=0.000",
            "gzip;q=",
            "gzip;q",
            "gzip;q=-1",
            "gzip;q=1.1",
            "gzip;q=NaN",
            "gzip;q=inf",
            "gzip;q=1e1",
            "gzip;q=0;level=9",
            "gzip;level=9;q=0",
            "gzip;q=0, x-gzip",
            "*;q=0",
            "identity, br",
            "*, gzip;q=0",
            "gzipped",
        ] {
            assert!(!accepts(&[no]), "{no}");
        }
        assert!(accepts(&["br", "gzip"]));
        assert!(!accepts(&["*", "gzip;q=0"]));
        assert!(!accepts(&[]));
    }
}
