//! Fetches published keys: OpenID Connect Discovery and the JWK Set.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;
use url::Url;

use super::{key_set::KeySet, keys::KeySource};
use crate::{
    error::status_text,
    http::{
        BodyError, ByteBudget, HttpClient, failure_reason, has_content_coding, json::object_of_bytes,
        read_body, secure_url,
    },
    telemetry,
};

/// Time to live of published keys. It bounds how long a withdrawn key is accepted; a new key has a new `kid`
/// and is fetched when that is first seen.
const PUBLISHED_KEYS_TTL: Duration = Duration::from_hours(1);

/// The largest accepted discovery document or JWK Set.
const MAX_DOCUMENT_BYTES: usize = 512 * 1024;

/// The keys that an issuer publishes as a JWK Set.
#[derive(Debug)]
pub(super) struct PublishedKeys {
    /// The expected `iss`.
    pub(super) issuer: String,
    /// The configured URL of the JWK Set; `None` to look it up.
    pub(super) jwks_url: Option<Url>,
    pub(super) http: HttpClient,
}

/// The members read from an OpenID provider's metadata (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl KeySource for PublishedKeys {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            let jwks_url = match &self.jwks_url {
                Some(url) => url.clone(),
                None => discover(&self.http, &self.issuer).await?,
            };
            let keys = KeySet::parse(&get(&self.http, jwks_url, "keys").await?)?;
            if let Some(left_out) = keys.left_out() {
                telemetry::warn("keys of the token issuer were left out", left_out);
            }
            Ok(keys)
        })
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm.family() != AlgorithmFamily::Hmac
    }

    fn ttl(&self) -> Duration {
        PUBLISHED_KEYS_TTL
    }
}

/// Looks up the issuer's `jwks_uri` (OpenID Connect Discovery 1.0, section 4).
async fn discover(http: &HttpClient, issuer: &str) -> Result<Url, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = Url::parse(&url).map_err(|error| format!("the discovery URL is wrong: {error}"))?;
    let metadata: Metadata = object_of_bytes(&get(http, url, "discovery").await?)
        .ok_or("the issuer's discovery document lacks issuer or jwks_uri")?;
    // Section 4.3 requires equality: otherwise one issuer could impersonate another.
    if metadata.issuer != issuer {
        return Err("the issuer in the discovery document differs from JWT_ISSUER".to_owned());
    }
    parse_jwks_uri(&metadata.jwks_uri, issuer)
}

/// Parses `jwks_uri`, which must be `https` if the issuer is.
fn parse_jwks_uri(jwks_uri: &str, issuer: &str) -> Result<Url, String> {
    let jwks_url =
        secure_url(jwks_uri).map_err(|reason| format!("the discovery document's jwks_uri: {reason}"))?;
    if jwks_url.scheme() != "https" && issuer.starts_with("https:") {
        return Err("the discovery document's jwks_uri: must be https, as the issuer is".to_owned());
    }
    Ok(jwks_url)
}

/// Why a request to the issuer failed, for the log.
enum FetchError {
    /// The connection broke, perhaps because it died while the environment was frozen.
    ConnectionBroken(String),
    /// No connection could be opened, or the answer is unusable.
    Failed(String),
}

/// Fetches a document of the issuer, with one retry if the connection breaks. The reason of a failure names the
/// `document` instead of the URL, which the issuer may have chosen.
async fn get(http: &HttpClient, url: Url, document: &str) -> Result<Vec<u8>, String> {
    let result = match get_once(http, &url).await {
        Err(FetchError::ConnectionBroken(_)) => get_once(http, &url).await,
        result => result,
    };
    result.map_err(|(FetchError::ConnectionBroken(reason) | FetchError::Failed(reason))| {
        format!("{reason} ({document})")
    })
}

async fn get_once(http: &HttpClient, url: &Url) -> Result<Vec<u8>, FetchError> {
    use FetchError::{ConnectionBroken, Failed};
    let response = http.send(http.get(url.as_str())).await.map_err(|error| {
        let failure = failure_reason(&error);
        if error.is_connect() {
            Failed(format!("the issuer could not be reached: {failure}"))
        } else {
            ConnectionBroken(format!("the issuer did not answer: {failure}"))
        }
    })?;
    if response.status() != 200 {
        return Err(Failed(format!("the issuer answered {}", status_text(response.status()))));
    }
    if has_content_coding(response.headers()) {
        let reason = "the issuer's answer has a Content-Encoding, although only identity is accepted";
        return Err(Failed(reason.to_owned()));
    }
    read_body(response, &ByteBudget::new(MAX_DOCUMENT_BYTES)).await.map_err(|error| match error {
        BodyError::TooLarge => {
            Failed(format!("the issuer's answer is larger than {MAX_DOCUMENT_BYTES} bytes"))
        }
        BodyError::Truncated => ConnectionBroken("the issuer's answer broke off".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
    use sandbox::{Config, Fault, Sandbox};
    use serde_json::json;

    use super::*;
    use crate::http::Tls;

    const DISCOVERY: &str = "/issuer/.well-known/openid-configuration";
    const JWKS: &str = "/issuer/jwks";

    /// Fetches the keys of `issuer`.
    async fn fetch(issuer: &str, jwks_url: Option<&str>) -> Result<(), String> {
        let issuer = issuer.to_owned();
        let jwks_url = jwks_url.map(|url| Url::parse(url).unwrap());
        let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        PublishedKeys { issuer, jwks_url, http }.fetch().await.map(drop)
    }

    async fn sandbox() -> Sandbox {
        Sandbox::start(Config::default()).await.unwrap()
    }

    fn json_body(body: impl Into<String>) -> Fault {
        Fault::Body { content_type: "application/json".to_owned(), body: body.into() }
    }

    fn paths(sandbox: &Sandbox) -> Vec<String> {
        sandbox.calls().into_iter().map(|call| call.path).collect()
    }

    #[tokio::test]
    async fn discovery_locates_the_keys() {
        let sandbox = sandbox().await;
        assert_eq!(fetch(&sandbox.issuer_url(), None).await, Ok(()));
        assert_eq!(paths(&sandbox), [DISCOVERY, JWKS]);
    }

    #[tokio::test]
    async fn configured_jwks_url_skips_discovery() {
        let sandbox = sandbox().await;
        let url = format!("{}{JWKS}", sandbox.base_url());
        assert_eq!(fetch("https://elsewhere.example/", Some(&url)).await, Ok(()));
        assert_eq!(paths(&sandbox), [JWKS]);
    }

    #[tokio::test]
    async fn discovered_issuer_must_equal_the_configured_one() {
        let sandbox = sandbox().await;
        let other = format!("{}/", sandbox.issuer_url());
        let reason = fetch(&other, None).await.unwrap_err();
        assert_eq!(reason, "the issuer in the discovery document differs from JWT_ISSUER");
        assert_eq!(paths(&sandbox), [DISCOVERY]);
    }

    #[test]
    fn jwks_uris() {
        const HTTP: &str = "http://127.0.0.1/issuer";
        const HTTPS: &str = "https://issuer.example";
        for (jwks_uri, issuer, expected) in [
            ("https://keys.example/jwks", HTTPS, None),
            ("https://keys.example/jwks", HTTP, None),
            ("http://127.0.0.1/jwks", HTTP, None),
            ("http://127.0.0.1/jwks", HTTPS, Some("must be https, as the issuer is")),
            ("http://issuer.example/jwks", HTTP, Some("must be https")),
            ("http://169.254.169.254/latest/meta-data", HTTP, Some("must be https")),
            ("file:///etc/passwd", HTTPS, Some("must be an https URL")),
            ("https://a:b@issuer.example/", HTTPS, Some("must not contain a user name")),
            ("jwks", HTTPS, Some("not a URL")),
        ] {
            match (parse_jwks_uri(jwks_uri, issuer), expected) {
                (Ok(url), None) => assert_eq!(url.as_str(), jwks_uri),
                (Err(reason), Some(expected)) => {
                    let expected = format!("the discovery document's jwks_uri: {expected}");
                    assert!(reason.starts_with(&expected), "{jwks_uri}: {reason}");
                }
                (result, _) => panic!("{jwks_uri}: {result:?}"),
            }
        }
    }

    #[tokio::test]
    async fn unusable_answers() {
        let sandbox = sandbox().await;
        let issuer = sandbox.issuer_url();
        let elsewhere = format!("{}{JWKS}", sandbox.base_url());
        let status = |status, header: &str, value: &str| {
            let headers = [(header.to_owned(), value.to_owned())].into();
            Fault::Status { status, body: "the token of caller-name is not welcome".to_owned(), headers }
        };
        let wrong_jwks_uri = json!({"issuer": issuer, "jwks_uri": "http://169.254.169.254/"}).to_string();
        for (path, fault, expected) in [
            (DISCOVERY, Fault::status(503), "the issuer answered 503 Service Unavailable (discovery)"),
            (DISCOVERY, json_body("{}"), "the issuer's discovery document lacks issuer or jwks_uri"),
            (DISCOVERY, json_body("<html>"), "the issuer's discovery document lacks issuer or jwks_uri"),
            (DISCOVERY, json_body(wrong_jwks_uri), "the discovery document's jwks_uri: must be https"),
            (DISCOVERY, Fault::Redirect { location: elsewhere.clone() }, "the issuer answered 302 Found"),
            (
                DISCOVERY,
                status(200, "content-encoding", "gzip"),
                "the issuer's answer has a Content-Encoding, although only identity is accepted (discovery)",
            ),
            (
                JWKS,
                status(403, "www-authenticate", "the token of caller-name"),
                "the issuer answered 403 Forbidden (keys)",
            ),
            (JWKS, Fault::Redirect { location: elsewhere }, "the issuer answered 302 Found (keys)"),
            (
                JWKS,
                Fault::Oversized { bytes: 512 * 1024 + 1 },
                "the issuer's answer is larger than 524288 bytes (keys)",
            ),
            (JWKS, Fault::Oversized { bytes: 512 * 1024 }, "the answer is not a JWK Set"),
            (JWKS, Fault::Truncated { after: 10 }, "the issuer's answer broke off (keys)"),
            (JWKS, Fault::Reset, "the issuer did not answer: the connection broke (keys)"),
            (JWKS, json_body(r#"{"keys":[]}"#), "none of the 0 keys of the JWK Set can be used"),
        ] {
            sandbox.fault(path, 2, fault.clone());
            let reason = fetch(&issuer, None).await.unwrap_err();
            assert!(reason.starts_with(expected), "{path} {fault:?}: {reason}");
            assert!(!reason.contains("caller-name"), "{reason}");
            sandbox.clear_faults();
        }
        assert_eq!(fetch(&issuer, None).await, Ok(()));
    }

    #[test]
    fn content_codings() {
        let found = |coding: &'static str| {
            has_content_coding(&HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))]))
        };
        for coding in ["gzip", "GZIP", "br", "zstd, gzip", "identity, gzip", "aws-chunked"] {
            assert!(found(coding), "{coding}");
        }
        for identity in ["identity", "Identity", ""] {
            assert!(!found(identity), "{identity}");
        }
    }

    #[tokio::test]
    async fn broken_connection_is_retried_once() {
        let sandbox = sandbox().await;
        for path in [DISCOVERY, JWKS] {
            for fault in [Fault::Reset, Fault::Truncated { after: 10 }] {
                sandbox.fault(path, 1, fault.clone());
                assert_eq!(fetch(&sandbox.issuer_url(), None).await, Ok(()), "{path} {fault:?}");
            }
        }
    }

    #[tokio::test]
    async fn refused_connection() {
        let reason = fetch("http://127.0.0.1:1", None).await.unwrap_err();
        assert_eq!(reason, "the issuer could not be reached: the connection was refused (discovery)");
    }
}
