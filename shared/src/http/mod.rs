//! The one HTTP stack: for Calendly, for the token issuer and, through [`aws_adapter`], for the AWS SDK.
//!
//! TLS is rustls with ring and compiled-in roots; HTTP/1.1, no redirects, no proxies. Bodies are read
//! up to a limit. `clippy.toml` forbids making a client anywhere else.

mod aws_adapter;
mod body;
mod client;
mod established;
pub(crate) mod json;
mod preconnect;
mod tls;
mod url;

pub(crate) use aws_adapter::AwsHttpClient;
pub(crate) use body::{BodyError, ByteBudget, body};
pub(crate) use client::HttpClient;
pub(crate) use tls::Tls;
pub(crate) use url::{base_url, http_url, secure_url};
