//! TLS in front of the stand-ins, with a certificate of a private authority.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::workspace;

/// TLS proxies for both stand-ins, and their certificate authority.
pub(crate) struct Tls {
    pub(crate) sandbox: Door,
    pub(crate) secrets_manager: Door,
    /// The PEM file with the authority's certificate.
    pub(crate) bundle: String,
}

/// A TLS proxy.
pub(crate) struct Door {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Tls {
    pub(crate) async fn new() -> Self {
        let (authority, certificate, key) = certificates();
        let bundle = workspace::file("target/bench.pem");
        std::fs::write(&bundle, authority).expect("a file for the authority's certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("the key fits the certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self {
            sandbox: Door::open(acceptor.clone()).await,
            secrets_manager: Door::open(acceptor).await,
            bundle: bundle.to_str().expect("a path in UTF-8").to_owned(),
        }
    }
}

impl Door {
    async fn open(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { listener, acceptor }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.listener.local_addr().expect("an address"))
    }

    /// Forwards connections to a server at `http://` address and port.
    pub(crate) fn relay_to(self, url: String) {
        let address = url.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((incoming, _)) = self.listener.accept().await {
                let (acceptor, address) = (self.acceptor.clone(), address.clone());
                tokio::spawn(async move {
                    let _ = incoming.set_nodelay(true);
                    // Errors show in the answers, which are checked.
                    let Ok(mut incoming) = acceptor.accept(incoming).await else { return };
                    let Ok(mut upstream) = TcpStream::connect(address).await else { return };
                    let _ = upstream.set_nodelay(true);
                    let _ = copy_bidirectional(&mut incoming, &mut upstream).await;
                });
            }
        });
    }
}

/// The authority's certificate in PEM, and a certificate for this machine with its key.
fn certificates() -> (String, CertificateDer<'static>, PrivateKeyDer<'static>) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new([]).expect("parameters");
    parameters.distinguished_name.push(DnType::CommonName, "Benchmark authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = parameters.self_signed(&authority_key).expect("a certificate");
    let issuer = Issuer::new(parameters, authority_key);

    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(["127.0.0.1".to_owned()]).expect("parameters");
    parameters.use_authority_key_identifier_extension = true;
    let certificate = parameters.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS #8 key");
    (authority.pem(), certificate.der().clone(), key)
}
