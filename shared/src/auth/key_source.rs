//! Where an issuer's keys are fetched from.

use std::time::Duration;

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

/// How long one fetch may take, discovery included.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// The largest discovery document or JWK Set that is read.
const LARGEST_ANSWER: usize = 512 * 1024;

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

    /// How long fetched keys may serve before they are fetched again.
    pub(super) fn max_age(&self) -> Duration {
        match self {
            Self::Published { .. } => Duration::from_secs(60 * 60),
            // A secret that was rotated must not open doors for long.
            Self::SharedSecret { .. } => Duration::from_secs(5 * 60),
        }
    }

    /// The issuer's keys of this moment.
    ///
    /// # Errors
    ///
    /// A sentence for the log.
    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        match self {
            Self::Published { issuer, jwks_url, http } => {
                tokio::time::timeout(TIMEOUT, published(http, issuer, jwks_url.as_ref()))
                    .await
                    .unwrap_or_else(|_| Err("the issuer did not answer in time".to_owned()))
            }
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
        return Err("the issuer that the discovery document names is not JWT_ISSUER".to_owned());
    }
    secure_url(&metadata.jwks_uri).map_err(|reason| format!("the discovery document's jwks_uri {reason}"))
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
