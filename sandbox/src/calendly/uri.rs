//! Canonical URIs, whatever address the sandbox listens on.

/// Where Calendly's resources are.
pub(crate) const CANONICAL: &str = "https://api.calendly.com";

/// The URI of a resource of this kind, `users` for example.
pub(crate) fn uri(kind: &str, id: &str) -> String {
    format!("{CANONICAL}/{kind}/{id}")
}

/// The id in a resource's URI; none in what is no such URI.
pub(crate) fn id_of<'a>(uri: &'a str, kind: &str) -> Option<&'a str> {
    let id = uri.strip_prefix(CANONICAL)?.strip_prefix('/')?.strip_prefix(kind)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::{id_of, uri};

    #[test]
    fn an_id_is_found_again_in_a_uri_of_its_kind_only() {
        assert_eq!(id_of(&uri("users", "a-1"), "users"), Some("a-1"));
        for other in [
            "https://api.calendly.com/users/",
            "https://api.calendly.com/users/a/b",
            "https://api.calendly.com/usersa",
            "https://api.calendly.com/event_types/a",
            "https://api.calendly.com.example/users/a",
            "users/a",
        ] {
            assert_eq!(id_of(other, "users"), None, "{other}");
        }
    }
}
