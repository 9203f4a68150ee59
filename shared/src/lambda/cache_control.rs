//! What a request says about caches.

use lambda_http::http::{HeaderMap, header::CACHE_CONTROL};

/// Whether the caller wants an answer that is made afresh: `Cache-Control: no-cache` (RFC 9111, section 5.2.1.4).
pub(crate) fn wants_fresh(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_is_found_among_others_in_any_letter_case() {
        let wants = |values: &[&'static str]| {
            let values = values.iter().map(|value| (CACHE_CONTROL, value.parse().unwrap()));
            wants_fresh(&HeaderMap::from_iter(values))
        };
        for yes in ["no-cache", "No-Cache", "max-age=0, no-cache", " no-cache ,no-store"] {
            assert!(wants(&[yes]), "{yes}");
        }
        assert!(wants(&["no-store", "no-cache"][1..]));
        for no in ["", "no-store", "max-age=0", "no-cached", "x-no-cache", "no cache"] {
            assert!(!wants(&[no]), "{no}");
        }
        assert!(!wants(&[]));
    }
}
