//! The HTTP client of every outgoing call: Calendly, the token issuer and, through [`aws_adapter`], AWS.
//!
//! ```text
//! request ─▶ client ─▶ connection pool, or the preconnected spare connection, or a new one ─▶ tls ─▶ body, up to a limit
//! ```
//!
//! TLS is rustls with ring and compiled-in roots. HTTP/1.1 only, no redirects, no proxies. `clippy.toml` forbids
//! creating a client anywhere else. This module depends on no other.

mod aws_adapter;
mod body;
mod client;
mod failure;
pub(crate) mod json;
mod preconnect;
mod tls;
mod trace;
mod url;

pub(crate) use aws_adapter::AwsHttpClient;
pub use body::MAX_BYTES_PER_REQUEST;
pub(crate) use body::{BodyError, ByteBudget, has_content_coding, read_body};
pub(crate) use client::HttpClient;
pub(crate) use failure::failure_reason;
pub(crate) use tls::Tls;
pub(crate) use trace::with_trace_id;
pub(crate) use url::{base_url, http_url, secure_url};
