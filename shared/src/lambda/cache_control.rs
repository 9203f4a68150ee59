//! The `Cache-Control` header of a request.

use lambda_http::http::{HeaderMap, header::CACHE_CONTROL};

/// Whether the request has `Cache-Control: no-cache` (RFC 9111, section 5.2.1.4): caches are bypassed and refreshed.
pub(crate) fn is_no_cache(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache_is_found_in_any_letter_case() {
        let found = |values: &[&'static str]| {
            let values = values.iter().map(|value| (CACHE_CONTROL, value.parse().unwrap()));
            is_no_cache(&HeaderMap::from_iter(values))
        };
        for yes in ["no-cache", "No-Cache", "max-age=0, no-cache", " no-cache ,no-store"] {
            assert!(found(&[yes]), "{yes}");
        }
        assert!(found(&["no-store", "no-cache"]));
        for no in ["", "no-store", "max-age=0", "no-cached", "x-no-cache", "no cache"] {
            assert!(!found(&[no]), "{no}");
        }
        assert!(!found(&[]));
    }
}
