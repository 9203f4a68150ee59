//! Reading a secret from AWS Secrets Manager.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client, Config as SdkConfig,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::{DisplayErrorContext, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use secrecy::SecretSlice;

use crate::{config::AwsConfig, http::aws::AwsHttpClient};

/// How long one try may take. `GetSecretValue` answers within tens of milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long all tries together may take.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// Secrets Manager.
#[derive(Debug, Clone)]
pub(crate) struct Secrets(Client);

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretError {
    /// There is none of that name, it has no value yet, or it is marked for deletion.
    NotFound,
    /// Secrets Manager did not say: it could not be reached, or it refused.
    Unavailable(String),
}

impl Secrets {
    /// A client of the region's Secrets Manager over `http`.
    ///
    /// Credentials are those that Lambda puts into the environment; they last as long as the
    /// environment does. Without them every read fails.
    pub(crate) fn new(aws: &AwsConfig, http: reqwest::Client) -> Self {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(aws.region.clone()))
            .http_client(AwsHttpClient(http))
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(TIMEOUT)
                    .build(),
            );
        if let Some(endpoint) = &aws.secrets_manager_endpoint {
            config = config.endpoint_url(endpoint);
        }
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let (Some(key), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
        {
            let credentials =
                Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "environment");
            config = config.credentials_provider(credentials);
        }
        Self(Client::from_conf(config.build()))
    }

    /// The current value (`AWSCURRENT`) of a secret, text or binary.
    pub(crate) async fn read(&self, secret_id: &str) -> Result<SecretSlice<u8>, SecretError> {
        match self.0.get_secret_value().secret_id(secret_id).send().await {
            Ok(GetSecretValueOutput { secret_string: Some(text), .. }) => {
                Ok(SecretSlice::from(text.into_bytes()))
            }
            Ok(GetSecretValueOutput { secret_binary: Some(bytes), .. }) => {
                Ok(SecretSlice::from(bytes.into_inner()))
            }
            Ok(_) => Err(SecretError::NotFound),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<SdkError<GetSecretValueError>> for SecretError {
    fn from(error: SdkError<GetSecretValueError>) -> Self {
        match error.as_service_error() {
            Some(GetSecretValueError::ResourceNotFoundException(_)) => Self::NotFound,
            // "… because it was marked for deletion" is its documented cause for a read.
            Some(GetSecretValueError::InvalidRequestException(_)) => Self::NotFound,
            _ => Self::Unavailable(DisplayErrorContext(error).to_string()),
        }
    }
}
