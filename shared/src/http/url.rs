//! Which URLs may be called.

use url::{Host, Url};

/// A URL that secrets may be sent to and keys fetched from: `https`, or `http` on this machine
/// (loopback) and on `.internal` hosts, where a container finds the machine it runs on.
///
/// # Errors
///
/// What is wrong with it, in words that follow it.
pub(crate) fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".internal"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err("must be https (http is for loopback and .internal hosts)".to_owned()),
        _ => Err("must be an https URL".to_owned()),
    }
}

/// An endpoint as the AWS SDK takes it, which decides by itself what it sends there.
///
/// # Errors
///
/// What is wrong with it, in words that follow it.
pub(crate) fn http_url(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err("not an http or https URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "http://127.0.0.1:4010/issuer",
            "http://localhost:1",
            "http://[::1]:1",
            "http://host.containers.internal:1",
            "https://issuer.example",
        ] {
            assert!(secure_url(good).is_ok(), "{good}");
        }
        for bad in ["http://issuer.example", "http://internal.example", "http://10.0.0.1", "data:x"] {
            assert!(secure_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_holds_no_credentials() {
        for bad in
            ["https://robin@issuer.example", "https://:secret@issuer.example", "https://a:b@issuer.example"]
        {
            assert_eq!(secure_url(bad).unwrap_err(), "must not hold a user name or password", "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_an_http_url() {
        for good in ["http://127.0.0.1:4566", "https://vpce.example"] {
            assert_eq!(http_url(good).as_deref(), Ok(good));
        }
        for bad in ["ftp://vpce.example", "vpce.example", "data:x", ""] {
            assert_eq!(http_url(bad).unwrap_err(), "not an http or https URL", "{bad}");
        }
    }
}
