//! Where an issuer's keys are fetched from.

use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use reqwest::Client;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use super::jwk::KeySet;
use crate::{
    config::{Issuer, secure_url},
    http::{BodyError, body},
    secrets::{SecretError, Secrets},
};

/// How long published keys may serve. New ones have a new kid and are fetched when it is first seen; this is
/// how long one that the issuer took back may still open doors.
const PUBLISHED_MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// How long a shared secret may serve: one that was replaced must not open doors for long.
const SHARED_SECRET_MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// The largest discovery document or JWK Set that is read.
const LARGEST_ANSWER: usize = 512 * 1024;

/// How much of the name of another issuer is told in the log.
const LONGEST_NAME: usize = 200;

/// A shared secret must have the size of the shortest hash at least (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

/// Fetches keys; keeps none.
#[derive(Debug)]
pub(super) enum KeySource {
    /// From a JWK Set.
    Published {
        /// The expected `iss`.
        issuer: String,
        /// As configured; else discovery tells.
        jwks_url: Option<Url>,
        /// The HTTP client.
        http: Client,
    },
    /// From Secrets Manager.
    SharedSecret {
        /// The secret's name or ARN.
        secret_id: String,
        /// Secrets Manager.
        secrets: Secrets,
    },
    /// As a test says.
    #[cfg(test)]
    Scripted(std::sync::Arc<super::script::Script>),
}

/// The part of an OpenID Provider's metadata that is needed (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl KeySource {
    pub(super) fn new(issuer: &Issuer, http: Client, secrets: Secrets) -> Self {
        match issuer.clone() {
            Issuer::Published { issuer, jwks_url } => Self::Published { issuer, jwks_url, http },
            Issuer::SharedSecret { secret_id } => Self::SharedSecret { secret_id, secrets },
        }
    }

    /// Whether keys from here can ever verify a token with this algorithm: a public key is no shared secret,
    /// nor the other way round (RFC 8725, section 2.1).
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Published { .. } => algorithm.family() != AlgorithmFamily::Hmac,
            Self::SharedSecret { .. } => algorithm.family() == AlgorithmFamily::Hmac,
            #[cfg(test)]
            Self::Scripted(_) => true,
        }
    }

    /// How long fetched keys may serve before they are fetched again.
    pub(super) fn max_age(&self) -> Duration {
        match self {
            Self::Published { .. } => PUBLISHED_MAX_AGE,
            Self::SharedSecret { .. } => SHARED_SECRET_MAX_AGE,
            #[cfg(test)]
            Self::Scripted(_) => PUBLISHED_MAX_AGE,
        }
    }

    /// The issuer's keys of this moment.
    ///
    /// # Errors
    ///
    /// A sentence for the log.
    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        match self {
            Self::Published { issuer, jwks_url, http } => published(http, issuer, jwks_url.as_ref()).await,
            Self::SharedSecret { secret_id, secrets } => match secrets.read(secret_id).await {
                Ok(secret) if secret.expose_secret().len() < SHORTEST_SECRET => Err(format!(
                    "the secret of JWT_SECRET_ID has {} bytes; at least {SHORTEST_SECRET} are needed",
                    secret.expose_secret().len()
                )),
                Ok(secret) => Ok(KeySet::of_shared_secret(secret.expose_secret())),
                Err(SecretError::NotFound) => {
                    Err("there is no secret with the id of JWT_SECRET_ID".to_owned())
                }
                Err(SecretError::Unavailable(reason)) => Err(reason),
            },
            #[cfg(test)]
            Self::Scripted(script) => script.fetch().await,
        }
    }
}

async fn published(http: &Client, issuer: &str, jwks_url: Option<&Url>) -> Result<KeySet, String> {
    let jwks_url = match jwks_url {
        Some(url) => url.clone(),
        None => discover(http, issuer).await?,
    };
    KeySet::parse(&get(http, jwks_url).await?)
}

/// The `jwks_uri` of the issuer (OpenID Connect Discovery 1.0, section 4).
async fn discover(http: &Client, issuer: &str) -> Result<Url, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = Url::parse(&url).map_err(|error| format!("the discovery URL is wrong: {error}"))?;
    let metadata: Metadata = serde_json::from_slice(&get(http, url).await?)
        .map_err(|_| "the issuer's discovery document lacks issuer or jwks_uri".to_owned())?;
    // Section 4.3: both MUST be the same, or one issuer could speak for another.
    if metadata.issuer != issuer {
        let named: String = metadata.issuer.chars().take(LONGEST_NAME).collect();
        return Err(format!(
            "the discovery document is that of {named:?}, which is not JWT_ISSUER to the letter"
        ));
    }
    secure_url(&metadata.jwks_uri).map_err(|reason| format!("the discovery document's jwks_uri: {reason}"))
}

async fn get(http: &Client, url: Url) -> Result<Vec<u8>, String> {
    let path = url.path().to_owned();
    let response = http.get(url).send().await.map_err(|error| {
        let what = if error.is_connect() { "could not be connected to" } else { "did not answer" };
        format!("the issuer {what} ({path})")
    })?;
    if response.status() != 200 {
        return Err(format!("the issuer answered {} ({path})", response.status()));
    }
    body(response, LARGEST_ANSWER).await.map_err(|error| match error {
        BodyError::TooLarge => format!("the issuer's answer is larger than {LARGEST_ANSWER} bytes ({path})"),
        BodyError::Truncated => format!("the issuer's answer broke off ({path})"),
    })
}

#[cfg(test)]
mod tests {
    use sandbox::{Config, Fault, Sandbox};
    use serde_json::json;

    use super::*;
    use crate::http::Tls;

    const DISCOVERY: &str = "/issuer/.well-known/openid-configuration";
    const JWKS: &str = "/issuer/jwks";

    /// What comes of fetching the keys of the sandbox's issuer, named so.
    async fn fetch_of(issuer: &str, jwks_url: Option<&str>) -> Result<(), String> {
        let issuer = issuer.to_owned();
        let jwks_url = jwks_url.map(|url| Url::parse(url).unwrap());
        let http = Tls::new(None).unwrap().client().unwrap();
        KeySource::Published { issuer, jwks_url, http }.fetch().await.map(drop)
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
        let expected = format!(
            "the discovery document is that of {:?}, which is not JWT_ISSUER to the letter",
            sandbox.issuer_url()
        );
        assert_eq!(reason, expected);
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
            (
                DISCOVERY,
                Fault::status(503),
                "the issuer answered 503 Service Unavailable (/issuer/.well-known/",
            ),
            (DISCOVERY, json_body("{}"), "the issuer's discovery document lacks issuer or jwks_uri"),
            (DISCOVERY, json_body("<html>"), "the issuer's discovery document lacks issuer or jwks_uri"),
            (
                DISCOVERY,
                Fault::Oversized { bytes: 512 * 1024 + 1 },
                "the issuer's answer is larger than 524288",
            ),
            (DISCOVERY, Fault::Redirect { location: elsewhere.clone() }, "the issuer answered 302 Found"),
            (JWKS, Fault::status(404), "the issuer answered 404 Not Found (/issuer/jwks)"),
            (JWKS, Fault::Redirect { location: elsewhere }, "the issuer answered 302 Found (/issuer/jwks)"),
            (
                JWKS,
                Fault::Oversized { bytes: 512 * 1024 + 1 },
                "the issuer's answer is larger than 524288 bytes",
            ),
            (JWKS, Fault::Oversized { bytes: 512 * 1024 }, "the answer is not a JWK Set"),
            (JWKS, Fault::Truncated { after: 10 }, "the issuer's answer broke off (/issuer/jwks)"),
            (JWKS, Fault::Reset, "the issuer did not answer (/issuer/jwks)"),
            (JWKS, json_body(r#"{"keys":[]}"#), "none of the 0 keys of the JWK Set can be used"),
            (JWKS, json_body(r#"{"keys":[{"kty":"RSA"}]}"#), "none of the 1 keys of the JWK Set can be used"),
        ] {
            sandbox.fault(path, 1, fault.clone());
            let reason = fetch_of(&issuer, None).await.unwrap_err();
            assert!(reason.starts_with(expected), "{path} {fault:?}: {reason}");
        }
        assert_eq!(fetch_of(&issuer, None).await, Ok(()));
    }

    #[test]
    fn a_published_key_is_no_shared_secret() {
        let http = Tls::new(None).unwrap().client().unwrap();
        let source = KeySource::Published { issuer: String::new(), jwks_url: None, http };
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
        assert_eq!(reason, "the issuer could not be connected to (/.well-known/openid-configuration)");
    }
}
