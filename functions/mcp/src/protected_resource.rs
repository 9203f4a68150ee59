//! Protected resource metadata (RFC 9728): where a client gets a token.

use serde::Serialize;
use shared::{HttpRequest, Variables};

use crate::methods::json;

/// The path of the server.
const SERVER_PATH: &str = "/calendly/mcp";

/// The path of the metadata.
const METADATA_PATH: &str = "/.well-known/oauth-protected-resource/calendly/mcp";

/// The settings that the metadata is made from.
#[derive(Debug)]
pub struct ProtectedResource {
    /// `MCP_PUBLIC_URL`, without a slash at its end.
    public_url: Option<String>,
    /// `JWT_ISSUER`; `None` with a shared secret, when there is no server to get a token from.
    issuer: Option<String>,
    /// `JWT_REQUIRED_SCOPE`.
    scope: Option<String>,
}

/// The metadata.
#[derive(Serialize)]
struct Metadata<'a> {
    resource: String,
    authorization_servers: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_supported: Option<[&'a str; 1]>,
    bearer_methods_supported: [&'static str; 1],
}

/// Whether a path is that of the metadata. What precedes it, such as a stage, does not matter.
#[must_use]
pub fn is_metadata_path(path: &str) -> bool {
    path.ends_with(METADATA_PATH)
}

impl ProtectedResource {
    /// Reads `MCP_PUBLIC_URL`, `JWT_ISSUER` and `JWT_REQUIRED_SCOPE`.
    pub fn from_variables(variables: &mut Variables) -> Self {
        // The configuration of all functions validates the latter two.
        let mut text = |name| variables.optional(name, |text| Ok(text.to_owned()));
        let (issuer, scope) = (text("JWT_ISSUER"), text("JWT_REQUIRED_SCOPE"));
        Self { public_url: variables.base_url("MCP_PUBLIC_URL"), issuer, scope }
    }

    /// The metadata as JSON; `None` with a shared secret, or if the public URL is unknown.
    #[must_use]
    pub fn metadata(&self, request: &HttpRequest) -> Option<String> {
        let base_url = self.base_url(request)?;
        Some(json(&Metadata {
            resource: format!("{base_url}{SERVER_PATH}"),
            authorization_servers: [self.issuer.as_deref()?],
            scopes_supported: self.scope.as_deref().map(|scope| [scope]),
            bearer_methods_supported: ["header"],
        }))
    }

    /// The URL of the metadata, for challenges.
    #[must_use]
    pub fn metadata_url(&self, request: &HttpRequest) -> Option<String> {
        self.issuer.as_ref()?;
        Some(format!("{}{METADATA_PATH}", self.base_url(request)?))
    }

    /// `JWT_REQUIRED_SCOPE`.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// `MCP_PUBLIC_URL`, or else the base URL of the event.
    fn base_url(&self, request: &HttpRequest) -> Option<String> {
        self.public_url.clone().or_else(|| event_base_url(request.domain_name()?, request.public_path()))
    }
}

/// The domain name and the part of the path before the route; `None` if they could break the header that quotes them.
fn event_base_url(domain: &str, path: &str) -> Option<String> {
    let prefix =
        path.strip_suffix(METADATA_PATH).or_else(|| path.strip_suffix(SERVER_PATH)).unwrap_or_default();
    let is_allowed = |text: &str, others: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    (is_allowed(domain, b"-._:[]") && is_allowed(prefix, b"-._~%/"))
        .then(|| format!("https://{domain}{prefix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_of_events() {
        for (domain, path, expected) in [
            ("api.example.com", "/calendly/mcp", Some("https://api.example.com")),
            ("api.example.com", "/prod/calendly/mcp", Some("https://api.example.com/prod")),
            ("api.example.com", &format!("/a/b{METADATA_PATH}"), Some("https://api.example.com/a/b")),
            ("[::1]:3000", "/other", Some("https://[::1]:3000")),
            ("a\".example", "/calendly/mcp", None),
            ("a.example, b", "/calendly/mcp", None),
            ("a.example", "/\"/calendly/mcp", None),
            ("a.example", "/a\r\nb/calendly/mcp", None),
            ("a.example", "/é/calendly/mcp", None),
        ] {
            assert_eq!(event_base_url(domain, path).as_deref(), expected, "{domain} {path}");
        }
    }
}
