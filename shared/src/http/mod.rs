//! The one HTTP stack: for Calendly, for the token issuer and, through [`aws`], for the AWS SDK.
//!
//! TLS is rustls with ring and compiled-in roots; HTTP/1.1, no redirects, no proxies. Bodies are read
//! up to a limit.

pub(crate) mod aws;
mod preconnect;

use std::{sync::Arc, time::Duration};

use lambda_http::http::header::USER_AGENT;
use reqwest::{
    Client, ClientBuilder, Response,
    header::{HeaderMap, HeaderValue},
    redirect,
};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};

pub(crate) use preconnect::Preconnector;

/// How long to wait for a TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections die while an environment is frozen, so idle ones are not kept for long.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// The TLS settings that all clients use.
#[derive(Debug, Clone)]
pub(crate) struct Tls(ClientConfig);

impl Tls {
    /// Trusts the roots that are compiled in and, if given, those of a PEM file (`AWS_CA_BUNDLE`).
    ///
    /// Scanning the machine's own store would cost milliseconds of every cold start.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the PEM file.
    pub(crate) fn new(ca_bundle: Option<&str>) -> Result<Self, String> {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = ca_bundle {
            let refused = |error: &dyn std::fmt::Display| format!("AWS_CA_BUNDLE {path:?}: {error}");
            let compiled_in = roots.len();
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))? {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
            if roots.len() == compiled_in {
                return Err(refused(&"holds no certificate"));
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }

    /// A client for the token issuer and Secrets Manager.
    pub(crate) fn client(&self) -> Result<Client, String> {
        self.builder().build().map_err(|error| error.to_string())
    }

    /// A client for Calendly, and what opens a connection before there is a request for it.
    pub(crate) fn client_and_preconnector(&self) -> Result<(Client, Preconnector), String> {
        Preconnector::with_client(|| self.builder()).map_err(|error| error.to_string())
    }

    fn builder(&self) -> ClientBuilder {
        let user_agent = HeaderValue::from_static(concat!("calendly-functions/", env!("CARGO_PKG_VERSION")));
        Client::builder()
            .tls_backend_preconfigured(self.0.clone())
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .default_headers(HeaderMap::from_iter([(USER_AGENT, user_agent)]))
    }
}

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than the limit.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
}

/// The whole body, if it is not larger than `limit` bytes.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(announced.unwrap_or_default().min(limit));
    while let Some(chunk) = response.chunk().await.map_err(|_| BodyError::Truncated)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
