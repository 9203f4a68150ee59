//! Why a request got no response, in fixed words for logs and problems.

use std::{error::Error, io, iter::successors};

use rustls::{CertificateError, Error as TlsError};

/// The reason of a failed request: name resolution, TCP, TLS with what is wrong, or a broken connection.
pub(crate) fn failure_reason(error: &reqwest::Error) -> &'static str {
    let known = successors(error.source(), |error| inner(*error)).find_map(known_reason);
    match known {
        Some(reason) => reason,
        None if error.is_timeout() && error.is_connect() => "connecting timed out",
        None if error.is_timeout() => "it did not answer in time",
        None if error.is_connect() => "connecting failed",
        None => "the connection broke",
    }
}

/// The next error in the chain. The source of an `io::Error` skips the error that it wraps.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn known_reason(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<TlsError>() {
        return Some(tls_reason(error));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::ConnectionRefused => Some("the connection was refused"),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Some("the host is unreachable")
            }
            _ => None,
        };
    }
    // The error type of the resolver is private.
    error.to_string().starts_with("dns error").then_some("the name could not be resolved")
}

fn tls_reason(error: &TlsError) -> &'static str {
    let TlsError::InvalidCertificate(error) = error else { return "TLS failed" };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "TLS failed: the certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "TLS failed: the certificate is not valid yet"
        }
        CertificateError::UnknownIssuer => "TLS failed: the certificate's issuer is not trusted",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "TLS failed: the certificate is for another name"
        }
        _ => "TLS failed: the certificate is not valid",
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::{
        super::{HttpClient, Tls},
        *,
    };

    async fn reason(url: &str) -> &'static str {
        let client = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        failure_reason(&client.send(client.get(url)).await.unwrap_err())
    }

    #[tokio::test]
    async fn connection_failures_have_reasons() {
        assert_eq!(reason("http://no-such-host.invalid/").await, "the name could not be resolved");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            for answer in [&b""[..], b"this is not TLS"] {
                let (mut connection, _) = listener.accept().await.unwrap();
                connection.write_all(answer).await.unwrap();
            }
        });
        assert_eq!(reason(&format!("http://{address}/")).await, "the connection broke");
        assert_eq!(reason(&format!("https://{address}/")).await, "TLS failed");
        server.await.unwrap();
        assert_eq!(reason(&format!("http://{address}/")).await, "the connection was refused");
    }

    #[test]
    fn certificate_errors_have_reasons() {
        for (error, expected) in [
            (CertificateError::Expired, "TLS failed: the certificate has expired"),
            (CertificateError::NotValidYet, "TLS failed: the certificate is not valid yet"),
            (CertificateError::UnknownIssuer, "TLS failed: the certificate's issuer is not trusted"),
            (CertificateError::NotValidForName, "TLS failed: the certificate is for another name"),
            (CertificateError::Revoked, "TLS failed: the certificate is not valid"),
        ] {
            let tls = TlsError::InvalidCertificate(error);
            let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
            let reason = successors(Some(&error as &dyn Error), |error| inner(*error)).find_map(known_reason);
            assert_eq!(reason, Some(expected));
        }
        assert_eq!(tls_reason(&TlsError::NoCertificatesPresented), "TLS failed");
    }
}
