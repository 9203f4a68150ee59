//! Where an issuer's keys are fetched from.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use super::issuer::Issuer;
use super::jwk::KeySet;
use crate::{
    error::status_text,
    http::{BodyError, ByteBudget, HttpClient, body, failure_reason, json::object_of_bytes, secure_url},
    pat::secrets_manager::{SecretError, SecretsManager},
};

/// How long published keys may serve. New ones have a new kid and are fetched when it is first seen; this is
/// how long one that the issuer took back may still open doors.
const PUBLISHED_MAX_AGE: Duration = Duration::from_hours(1);

/// How long a shared secret may serve: one that was replaced must not open doors for long.
const SHARED_SECRET_MAX_AGE: Duration = Duration::from_mins(5);

/// The largest discovery document or JWK Set that is read.
const LARGEST_ANSWER: usize = 512 * 1024;

/// A shared secret must have the size of the shortest hash at least (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

/// Where keys come from; keeps none.
pub(super) trait KeySource: fmt::Debug + Send + Sync {
    /// The issuer's keys of this moment.
    ///
    /// # Errors
    ///
    /// A sentence for the log.
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>>;

    /// Whether keys from here can ever verify a token with this algorithm: a public key is no shared secret,
    /// nor the other way round (RFC 8725, section 2.1).
    fn is_for(&self, algorithm: Algorithm) -> bool;

    /// How long fetched keys may serve before they are fetched again.
    fn ttl(&self) -> Duration;
}

/// A JWK Set that the issuer publishes.
#[derive(Debug)]
struct PublishedKeys {
    /// The expected `iss`.
    issuer: String,
    /// As configured; else discovery tells.
    jwks_url: Option<Url>,
    http: HttpClient,
}

/// A secret in Secrets Manager.
#[derive(Debug)]
struct SharedSecret {
    /// Its name or ARN.
    secret_id: String,
    secrets: SecretsManager,
}

/// The part of an OpenID Provider's metadata that is needed (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The source of an issuer's keys.
pub(super) fn of_issuer(issuer: Issuer, http: HttpClient, secrets: SecretsManager) -> Box<dyn KeySource> {
    match issuer {
        Issuer::Published { issuer, jwks_url } => Box::new(PublishedKeys { issuer, jwks_url, http }),
        Issuer::SharedSecret { secret_id } => Box::new(SharedSecret { secret_id, secrets }),
    }
}

impl KeySource for PublishedKeys {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            let jwks_url = match &self.jwks_url {
                Some(url) => url.clone(),
                None => discover(&self.http, &self.issuer).await?,
            };
            KeySet::parse(&get(&self.http, jwks_url, "keys").await?)
        })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        algorithm.family() != AlgorithmFamily::Hmac
    }

    fn ttl(&self) -> Duration {
        PUBLISHED_MAX_AGE
    }
}

impl KeySource for SharedSecret {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, String>> {
        Box::pin(async {
            match self.secrets.read(&self.secret_id).await {
                Ok(secret) if secret.expose_secret().len() < SHORTEST_SECRET => Err(format!(
                    "the secret of JWT_SECRET_ID has {} bytes; at least {SHORTEST_SECRET} are needed",
                    secret.expose_secret().len()
                )),
                Ok(secret) => Ok(KeySet::of_shared_secret(secret.expose_secret())),
                Err(SecretError::NotFound) => {
                    Err("there is no secret with the id of JWT_SECRET_ID".to_owned())
                }
                Err(SecretError::Unavailable(reason)) => Err(reason),
            }
        })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        algorithm.family() == AlgorithmFamily::Hmac
    }

    fn ttl(&self) -> Duration {
        SHARED_SECRET_MAX_AGE
    }
}

/// The `jwks_uri` of the issuer (OpenID Connect Discovery 1.0, section 4).
async fn discover(http: &HttpClient, issuer: &str) -> Result<Url, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = Url::parse(&url).map_err(|error| format!("the discovery URL is wrong: {error}"))?;
    let metadata: Metadata = object_of_bytes(&get(http, url, "discovery").await?)
        .ok_or("the issuer's discovery document lacks issuer or jwks_uri")?;
    // Section 4.3: both MUST be the same, or one issuer could speak for another.
    if metadata.issuer != issuer {
        return Err(
            "the discovery document is that of another issuer than JWT_ISSUER, to the letter".to_owned()
        );
    }
    keys_url(&metadata.jwks_uri, issuer)
}

/// The URL that a discovery document names: `https` if the issuer's is.
fn keys_url(jwks_uri: &str, issuer: &str) -> Result<Url, String> {
    let jwks_url =
        secure_url(jwks_uri).map_err(|reason| format!("the discovery document's jwks_uri: {reason}"))?;
    if jwks_url.scheme() != "https" && issuer.starts_with("https:") {
        return Err("the discovery document's jwks_uri: must be https, as the issuer is".to_owned());
    }
    Ok(jwks_url)
}

/// The body of the issuer's answer. A connection that breaks, as one does that was cut while the environment was
/// frozen, is no answer: the issuer is asked once more. `what` is asked for, in words of ours: the URL may be the
/// issuer's.
async fn get(http: &HttpClient, url: Url, what: &str) -> Result<Vec<u8>, String> {
    match get_once(http, url.clone(), what).await {
        Err(Ungotten::Broken(_)) => get_once(http, url, what).await,
        result => result,
    }
    .map_err(|(Ungotten::Broken(reason) | Ungotten::Refused(reason))| reason)
}

/// Why there is no body.
enum Ungotten {
    /// The connection broke.
    Broken(String),
    /// The issuer could not be reached, or answered something else.
    Refused(String),
}

async fn get_once(http: &HttpClient, url: Url, what: &str) -> Result<Vec<u8>, Ungotten> {
    let response = http.send(http.get(url.as_str())).await.map_err(|error| {
        if error.is_connect() {
            Ungotten::Refused(format!("the issuer could not be reached: {} ({what})", failure_reason(&error)))
        } else {
            Ungotten::Broken(format!("the issuer did not answer: {} ({what})", failure_reason(&error)))
        }
    })?;
    if response.status() != 200 {
        return Err(Ungotten::Refused(format!(
            "the issuer answered {} ({what})",
            status_text(response.status())
        )));
    }
    body(response, &ByteBudget::new(LARGEST_ANSWER)).await.map_err(|error| match error {
        BodyError::TooLarge => {
            Ungotten::Refused(format!("the issuer's answer is larger than {LARGEST_ANSWER} bytes ({what})"))
        }
        BodyError::Truncated => Ungotten::Broken(format!("the issuer's answer broke off ({what})")),
    })
}

#[cfg(test)]
mod tests {
    use sandbox::{Config, Fault, Sandbox};
    use serde_json::json;

    use super::*;
    use crate::{http::Tls, pat::secrets_manager::stand_in};

    const DISCOVERY: &str = "/issuer/.well-known/openid-configuration";
    const JWKS: &str = "/issuer/jwks";

    /// What comes of fetching the keys of the sandbox's issuer, named so.
    async fn fetch_of(issuer: &str, jwks_url: Option<&str>) -> Result<(), String> {
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
    async fn discovery_tells_where_the_keys_are() {
        let sandbox = sandbox().await;
        assert_eq!(fetch_of(&sandbox.issuer_url(), None).await, Ok(()));
        assert_eq!(paths(&sandbox), [DISCOVERY, JWKS]);
    }

    #[tokio::test]
    async fn a_configured_url_needs_no_discovery() {
        let sandbox = sandbox().await;
        let url = format!("{}{JWKS}", sandbox.base_url());
        assert_eq!(fetch_of("https://elsewhere.example/", Some(&url)).await, Ok(()));
        assert_eq!(paths(&sandbox), [JWKS]);
    }

    #[tokio::test]
    async fn the_issuer_that_discovery_names_must_be_the_configured_one() {
        let sandbox = sandbox().await;
        let other = format!("{}/", sandbox.issuer_url());
        let reason = fetch_of(&other, None).await.unwrap_err();
        assert_eq!(reason, "the discovery document is that of another issuer than JWT_ISSUER, to the letter");
        assert_eq!(paths(&sandbox), [DISCOVERY]);
    }

    #[tokio::test]
    async fn keys_are_fetched_over_https_or_from_this_machine() {
        let sandbox = sandbox().await;
        let issuer = sandbox.issuer_url();
        for (jwks_uri, expected) in [
            ("http://issuer.example/jwks", "the discovery document's jwks_uri: must be https"),
            ("http://169.254.169.254/latest/meta-data", "the discovery document's jwks_uri: must be https"),
            ("file:///etc/passwd", "the discovery document's jwks_uri: must be an https URL"),
            ("https://a:b@issuer.example/", "the discovery document's jwks_uri: must not hold a user name"),
            ("jwks", "the discovery document's jwks_uri: not a URL"),
        ] {
            sandbox.fault(
                DISCOVERY,
                1,
                json_body(json!({"issuer": issuer, "jwks_uri": jwks_uri}).to_string()),
            );
            let reason = fetch_of(&issuer, None).await.unwrap_err();
            assert!(reason.starts_with(expected), "{jwks_uri}: {reason}");
        }
    }

    #[tokio::test]
    async fn what_an_issuer_may_answer_instead_of_its_keys() {
        let sandbox = sandbox().await;
        let issuer = sandbox.issuer_url();
        let elsewhere = format!("{}{JWKS}", sandbox.base_url());
        for (path, fault, expected) in [
            (DISCOVERY, Fault::status(503), "the issuer answered 503 Service Unavailable (discovery)"),
            (DISCOVERY, json_body("{}"), "the issuer's discovery document lacks issuer or jwks_uri"),
            (DISCOVERY, json_body("<html>"), "the issuer's discovery document lacks issuer or jwks_uri"),
            (
                DISCOVERY,
                Fault::Oversized { bytes: 512 * 1024 + 1 },
                "the issuer's answer is larger than 524288",
            ),
            (DISCOVERY, Fault::Redirect { location: elsewhere.clone() }, "the issuer answered 302 Found"),
            (JWKS, Fault::status(404), "the issuer answered 404 Not Found (keys)"),
            (JWKS, Fault::Redirect { location: elsewhere }, "the issuer answered 302 Found (keys)"),
            (
                JWKS,
                Fault::Oversized { bytes: 512 * 1024 + 1 },
                "the issuer's answer is larger than 524288 bytes",
            ),
            (JWKS, Fault::Oversized { bytes: 512 * 1024 }, "the answer is not a JWK Set"),
            (JWKS, Fault::Truncated { after: 10 }, "the issuer's answer broke off (keys)"),
            (JWKS, Fault::Reset, "the issuer did not answer: the connection broke (keys)"),
            (JWKS, json_body(r#"{"keys":[]}"#), "none of the 0 keys of the JWK Set can be used"),
            (JWKS, json_body(r#"{"keys":[{"kty":"RSA"}]}"#), "none of the 1 keys of the JWK Set can be used"),
        ] {
            sandbox.fault(path, 2, fault.clone());
            let reason = fetch_of(&issuer, None).await.unwrap_err();
            assert!(reason.starts_with(expected), "{path} {fault:?}: {reason}");
            sandbox.clear_faults();
        }
        assert_eq!(fetch_of(&issuer, None).await, Ok(()));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_once_is_nobodys_failure() {
        let sandbox = sandbox().await;
        for path in [DISCOVERY, JWKS] {
            for fault in [Fault::Reset, Fault::Truncated { after: 10 }] {
                sandbox.fault(path, 1, fault.clone());
                assert_eq!(fetch_of(&sandbox.issuer_url(), None).await, Ok(()), "{path} {fault:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_https_issuer_names_https_keys() {
        let sandbox = sandbox().await;
        let keys = format!("{}{JWKS}", sandbox.base_url());
        assert_eq!(keys_url(&keys, &sandbox.issuer_url()).map(|url| url.to_string()), Ok(keys.clone()));
        assert_eq!(
            keys_url(&keys, "https://issuer.example").unwrap_err(),
            "the discovery document's jwks_uri: must be https, as the issuer is"
        );
    }

    #[test]
    fn a_published_key_is_no_shared_secret() {
        let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        let source = PublishedKeys { issuer: String::new(), jwks_url: None, http };
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert!(!source.is_for(algorithm), "{algorithm:?}");
        }
        for algorithm in [Algorithm::RS256, Algorithm::PS512, Algorithm::ES384, Algorithm::EdDSA] {
            assert!(source.is_for(algorithm), "{algorithm:?}");
        }
    }

    #[tokio::test]
    async fn nobody_answers() {
        let reason = fetch_of("http://127.0.0.1:1", None).await.unwrap_err();
        assert_eq!(reason, "the issuer could not be reached: the connection was refused (discovery)");
    }

    #[tokio::test]
    async fn a_shared_secret_has_32_bytes() {
        let fetched = async |secret: &str| {
            let secrets = stand_in::holding(secret).await;
            SharedSecret { secret_id: "jwt".to_owned(), secrets }.fetch().await.map(drop)
        };
        assert_eq!(
            fetched(&"s".repeat(31)).await,
            Err("the secret of JWT_SECRET_ID has 31 bytes; at least 32 are needed".to_owned())
        );
        for length in [32, 33, 64] {
            assert_eq!(fetched(&"s".repeat(length)).await, Ok(()), "{length}");
        }
    }

    #[tokio::test]
    async fn public_keys_are_no_shared_secret_nor_the_other_way_round() {
        let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        let secrets = stand_in::holding("").await;
        let published = Issuer::Published { issuer: "https://issuer.example".to_owned(), jwks_url: None };
        let published = of_issuer(published, http.clone(), secrets.clone());
        let shared = of_issuer(Issuer::SharedSecret { secret_id: "jwt".to_owned() }, http, secrets);
        for (algorithm, is_public) in
            [(Algorithm::HS256, false), (Algorithm::RS256, true), (Algorithm::EdDSA, true)]
        {
            assert_eq!(published.is_for(algorithm), is_public, "{algorithm:?}");
            assert_eq!(shared.is_for(algorithm), !is_public, "{algorithm:?}");
        }
        assert_eq!(published.ttl(), Duration::from_hours(1));
        assert_eq!(shared.ttl(), Duration::from_mins(5));
    }
}
