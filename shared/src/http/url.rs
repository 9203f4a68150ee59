//! Validation of configured and discovered URLs. Errors are phrases that follow the URL.

use url::{Host, Url};

/// Parses a URL that may receive secrets or provide keys: `https`, or `http` on loopback and on `host.*.internal`,
/// the names under which a container reaches its host (`host.docker.internal`, `host.containers.internal`).
///
/// Other `.internal` names are not local: EC2 names every private host like that.
pub(crate) fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || is_container_host(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local => Ok(url),
        "http" => Err("must be https (http is for loopback and host.*.internal)".to_owned()),
        _ => Err("must be an https URL".to_owned()),
    }
}

/// Parses a [`secure_url`] to which paths can be appended.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    let url = secure_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment".to_owned());
    }
    Ok(url)
}

fn is_container_host(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    matches!(labels.as_slice(), ["host", runtime, "internal"] if !runtime.is_empty())
}

/// Validates an endpoint of the AWS SDK, which signs its requests and may use plain `http`.
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
    fn plain_http_is_local_only() {
        for good in [
            "http://127.0.0.1:4010/issuer",
            "http://localhost:1",
            "http://[::1]:1",
            "http://127.8.9.1",
            "http://LOCALHOST",
            "http://host.containers.internal:1",
            "http://host.docker.internal/issuer",
            "http://HOST.docker.INTERNAL",
            "https://ip-10-0-0-1.ec2.internal",
            "https://issuer.example",
        ] {
            assert!(secure_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://issuer.example",
            "http://internal.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://localhost.example",
            "http://ip-10-0-0-1.ec2.internal",
            "http://ip-10-0-0-1.eu-west-1.compute.internal",
            "http://issuer.internal",
            "http://internal",
            "http://host.internal",
            "http://host..internal",
            "http://host.a.b.internal",
            "http://evil.host.docker.internal",
            "http://myhost.docker.internal",
            "http://host.docker.internal.example",
            "data:x",
        ] {
            assert!(secure_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_are_refused() {
        for bad in
            ["https://robin@issuer.example", "https://:secret@issuer.example", "https://a:b@issuer.example"]
        {
            assert_eq!(secure_url(bad).unwrap_err(), "must not contain a user name or password", "{bad}");
        }
    }

    #[test]
    fn endpoints_are_http_urls() {
        for good in ["http://127.0.0.1:4566", "https://vpce.example"] {
            assert_eq!(http_url(good).as_deref(), Ok(good));
        }
        for bad in ["ftp://vpce.example", "vpce.example", "data:x", ""] {
            assert_eq!(http_url(bad).unwrap_err(), "not an http or https URL", "{bad}");
        }
    }
}
