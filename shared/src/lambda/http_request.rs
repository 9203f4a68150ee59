//! A request through API Gateway.

use std::borrow::Cow;

use lambda_http::http::{HeaderMap, Method};

use super::gateway::Gateway;
use crate::{Error, Query};

/// A request through API Gateway.
#[derive(Debug)]
pub struct HttpRequest {
    pub(crate) gateway: Gateway,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Of a REST API only.
    pub(crate) public_path: Option<String>,
    pub(crate) domain_name: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
    /// `None` if it has more than `max_body_bytes`.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) max_body_bytes: usize,
}

impl HttpRequest {
    /// The method, in capitals.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path as the gateway passes it, with or without a stage or a base path before the route.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path that the client requested, with a stage before the route.
    #[must_use]
    pub fn public_path(&self) -> &str {
        self.public_path.as_deref().unwrap_or(&self.path)
    }

    /// The domain name that the client requested.
    #[must_use]
    pub fn domain_name(&self) -> Option<&str> {
        self.domain_name.as_deref()
    }

    /// The value of a header; values of a repeated header are joined by commas (RFC 9110, section 5.3).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values =
            self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next()?;
        Some(values.fold(first, |joined, value| format!("{joined}, {value}").into()))
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// [`Error::MessageTooLarge`] if it has more than
    /// [`HttpFunction::MAX_BODY_BYTES`](crate::HttpFunction::MAX_BODY_BYTES).
    pub fn body(&self) -> Result<&[u8], Error> {
        self.body.as_deref().ok_or(Error::MessageTooLarge { max_bytes: self.max_body_bytes })
    }
}
