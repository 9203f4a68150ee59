//! Resource URIs. They do not depend on the sandbox's own address.

/// Base of resource URIs.
pub(super) const BASE: &str = "https://api.calendly.com";

/// Formats the URI of a resource of this type, `users` for example.
pub(super) fn resource_uri(resource_type: &str, id: &str) -> String {
    format!("{BASE}/{resource_type}/{id}")
}

/// Returns the id in a resource URI of this type.
pub(crate) fn id_from_uri<'a>(uri: &'a str, resource_type: &str) -> Option<&'a str> {
    uri.strip_prefix(&resource_uri(resource_type, ""))
}
