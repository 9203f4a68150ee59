//! Origins of browsers that may send requests (`MCP_ALLOWED_ORIGINS`).

use shared::{Error, Variables};

/// The allow-list of origins, in lower case.
#[derive(Debug, Default)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Reads `MCP_ALLOWED_ORIGINS`.
    pub fn from_variables(variables: &mut Variables) -> Self {
        Self(variables.optional("MCP_ALLOWED_ORIGINS", parse).unwrap_or_default())
    }

    /// Checks the `Origin` of a request. Programs other than browsers send none.
    ///
    /// # Errors
    ///
    /// [`Error::OriginNotAllowed`].
    pub fn check(&self, origin: Option<&str>) -> Result<(), Error> {
        match origin {
            Some(origin) if !self.0.contains(&origin.to_ascii_lowercase()) => Err(Error::OriginNotAllowed),
            _ => Ok(()),
        }
    }
}

/// Parses comma-separated origins (RFC 6454): a scheme and a host, with a port if it is not the scheme's.
fn parse(text: &str) -> Result<Vec<String>, String> {
    let is_origin = |origin: &str| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
            !host.is_empty() && host.bytes().all(is_allowed)
        })
    };
    let origins: Vec<String> = text.split(',').map(|origin| origin.trim().to_ascii_lowercase()).collect();
    if origins.iter().all(|origin| is_origin(origin)) {
        Ok(origins)
    } else {
        Err("not comma-separated origins, as in https://app.example.com,https://example.com".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_on_the_list_or_absent() {
        let origins = AllowedOrigins(parse("https://App.example.com, http://localhost:3000").unwrap());
        for good in [None, Some("https://app.example.com"), Some("HTTP://localhost:3000")] {
            assert!(origins.check(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "null",
            "https://app.example.com/",
            "http://app.example.com",
            "http://localhost",
            "https://evil.example",
        ] {
            assert_eq!(origins.check(Some(bad)).unwrap_err().code(), "origin_not_allowed", "{bad}");
        }
        assert!(AllowedOrigins::default().check(Some("https://app.example.com")).is_err());
    }

    #[test]
    fn bad_lists_are_refused() {
        for bad in
            ["*", "null", ",", "https://", "app.example.com", "https://a.example/path", "https://a.example,"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
