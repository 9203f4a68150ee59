//! Resource URIs. They do not depend on the sandbox's own address.

/// Base of resource URIs.
pub(super) const BASE: &str = "https://api.calendly.com";

/// Formats the URI of a resource of this type, `users` for example.
pub(super) fn resource_uri(resource_type: &str, id: &str) -> String {
    format!("{BASE}/{resource_type}/{id}")
}

/// Returns the id in a resource URI of this type.
pub(crate) fn id_from_uri<'a>(uri: &'a str, resource_type: &str) -> Option<&'a str> {
    let id = uri.strip_prefix(BASE)?.strip_prefix('/')?.strip_prefix(resource_type)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::{id_from_uri, resource_uri};

    #[test]
    fn ids_come_from_uris_of_the_right_type_only() {
        assert_eq!(id_from_uri(&resource_uri("users", "a-1"), "users"), Some("a-1"));
        for other in [
            "https://api.calendly.com/users/",
            "https://api.calendly.com/users/a/b",
            "https://api.calendly.com/usersa",
            "https://api.calendly.com/event_types/a",
            "https://api.calendly.com.example/users/a",
            "users/a",
        ] {
            assert_eq!(id_from_uri(other, "users"), None, "{other}");
        }
    }
}
