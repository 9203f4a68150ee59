//! Certificates for servers on this machine, good and bad, of a private authority.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// A server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certificate {
    /// Valid for 127.0.0.1.
    Good,
    /// Issued for another name.
    WrongName,
    /// Expired in 2021.
    Expired,
    /// Issued by an untrusted authority.
    Untrusted,
}

/// A private certificate authority. Functions trust it through the file [`Self::bundle`] (`AWS_CA_BUNDLE`).
#[derive(Debug)]
pub struct Authority {
    bundle: PathBuf,
    trusted: Issuer<'static, KeyPair>,
    untrusted: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Creates an authority and writes its certificate into this directory.
    pub fn new(directory: &Path) -> Self {
        let (trusted, pem) = authority("Authority of the tests");
        let (untrusted, _) = authority("Untrusted authority");
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let bundle = directory.join(format!("authority-{}-{number}.pem", std::process::id()));
        std::fs::write(&bundle, pem).expect("a file for the authority's certificate");
        Self { bundle, trusted, untrusted }
    }

    /// The path of the PEM file with its certificate.
    pub fn bundle(&self) -> &str {
        self.bundle.to_str().expect("a path in UTF-8")
    }

    /// The TLS configuration of a server with this certificate.
    pub(crate) fn server(&self, certificate: Certificate) -> Arc<ServerConfig> {
        let name = if certificate == Certificate::WrongName { "api.example" } else { "127.0.0.1" };
        let issuer = if certificate == Certificate::Untrusted { &self.untrusted } else { &self.trusted };
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("parameters");
        parameters.use_authority_key_identifier_extension = true;
        if certificate == Certificate::Expired {
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2021, 1, 1);
        }
        let signed = parameters.signed_by(&key, issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS #8 key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .expect("the key fits the certificate");
        Arc::new(config)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.bundle);
    }
}

/// Creates an authority and its certificate in PEM.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new([]).expect("parameters");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = parameters.self_signed(&key).expect("a certificate");
    (Issuer::new(parameters, key), certificate.pem())
}
