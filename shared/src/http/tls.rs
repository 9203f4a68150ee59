//! The TLS settings and the factory of all HTTP clients.

use std::{sync::Arc, time::Duration};

use lambda_http::http::header::{ACCEPT_ENCODING, USER_AGENT};
use reqwest::{
    Client, ClientBuilder,
    header::{HeaderMap, HeaderValue},
    redirect,
};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};

/// The time-out of the TCP and TLS handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The TLS settings that all clients use.
#[derive(Debug, Clone)]
pub(crate) struct Tls(ClientConfig);

impl Tls {
    /// Trusts the compiled-in roots and, if given, those of a PEM file (`AWS_CA_BUNDLE`).
    ///
    /// Reading the machine's own certificate store would cost milliseconds of every cold start.
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
                return Err(refused(&"contains no certificate"));
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }

    /// The factory of all HTTP clients.
    #[expect(clippy::disallowed_methods, reason = "every client is built here")]
    pub(super) fn builder(&self) -> ClientBuilder {
        let user_agent = HeaderValue::from_static(concat!("calendly-functions/", env!("CARGO_PKG_VERSION")));
        Client::builder()
            .tls_backend_preconfigured(self.0.clone())
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .default_headers(HeaderMap::from_iter([
                (USER_AGENT, user_agent),
                // The client does not decompress.
                (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            ]))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn requests_ask_for_uncompressed_responses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = connection.read(&mut request).await.unwrap();
            connection.write_all(b"HTTP/1.1 204 X\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&request[..length]).to_ascii_lowercase()
        });
        let client = Tls::new(None).unwrap().builder().build().unwrap();
        client.execute(client.get(url).build().unwrap()).await.unwrap();
        let request = server.await.unwrap();
        assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
    }
}
