//! Reads secrets from AWS Secrets Manager.

use std::{error::Error, time::Duration};

use aws_sdk_secretsmanager::{
    Client, Config as SdkConfig,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use futures_util::future::BoxFuture;
use secrecy::SecretSlice;

use crate::{
    config::{
        AwsConfig,
        aws::{credentials_of_environment, is_error_code},
    },
    http::{AwsHttpClient, HttpClient, failure_reason},
};

/// Time limit of one attempt. `GetSecretValue` usually answers within tens of milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Time limit of all attempts together.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// A client of Secrets Manager.
#[derive(Debug, Clone)]
pub(crate) struct SecretsManager(Client);

/// Why a secret could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretError {
    /// The secret does not exist, has no value yet, or is scheduled for deletion.
    NotFound,
    /// Secrets Manager could not be reached, or refused the request. Holds the reason for the log.
    Unavailable(String),
}

impl SecretsManager {
    /// Creates a client that sends its requests over `http`.
    pub(crate) fn new(aws: &AwsConfig, http: HttpClient) -> Self {
        Self::with_credentials(aws, http, credentials_of_environment())
    }

    fn with_credentials(aws: &AwsConfig, http: HttpClient, credentials: Option<Credentials>) -> Self {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(aws.region.clone()))
            .use_fips(aws.endpoint_kind.use_fips)
            .use_dual_stack(aws.endpoint_kind.use_dual_stack)
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
        if let Some(credentials) = credentials {
            config = config.credentials_provider(credentials);
        }
        Self(Client::from_conf(config.build()))
    }

    /// Reads the current value (`AWSCURRENT`) of a secret, text or binary. The future is boxed because it is large
    /// and rarely needed.
    pub(crate) fn read<'a>(
        &'a self,
        secret_id: &'a str,
    ) -> BoxFuture<'a, Result<SecretSlice<u8>, SecretError>> {
        Box::pin(async move {
            match self.0.get_secret_value().secret_id(secret_id).send().await {
                Ok(GetSecretValueOutput { secret_string: Some(text), .. }) => {
                    Ok(SecretSlice::from(text.into_bytes()))
                }
                Ok(GetSecretValueOutput { secret_binary: Some(bytes), .. }) => {
                    Ok(SecretSlice::from(bytes.into_inner()))
                }
                Ok(_) => Err(SecretError::Unavailable("Secrets Manager answered without a value".to_owned())),
                Err(error) => Err(error.into()),
            }
        })
    }
}

impl From<SdkError<GetSecretValueError>> for SecretError {
    fn from(error: SdkError<GetSecretValueError>) -> Self {
        match error.as_service_error() {
            Some(GetSecretValueError::ResourceNotFoundException(_)) => Self::NotFound,
            // For a read, its documented cause is that the secret is scheduled for deletion.
            Some(GetSecretValueError::InvalidRequestException(_)) => Self::NotFound,
            _ => Self::Unavailable(reason(&error)),
        }
    }
}

/// Describes an error for the log, without the SDK's `Debug` output and without AWS's message. The former can
/// contain the body of a malformed answer, and so the secret; the latter names the secret, whose name can contain
/// claims of the caller.
fn reason(error: &SdkError<GetSecretValueError>) -> String {
    let what = match error {
        // The SDK reports missing credentials as a dispatch failure.
        SdkError::DispatchFailure(failure) if failure.is_other() => {
            "the request could not be made (are there AWS credentials?)"
        }
        SdkError::ConstructionFailure(_) => "the request could not be made",
        SdkError::TimeoutError(_) => "Secrets Manager did not answer in time",
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error().and_then(Error::source);
            let cause = cause.and_then(|cause| cause.downcast_ref()).map_or("no answer", failure_reason);
            return format!("Secrets Manager could not be reached ({cause})");
        }
        SdkError::ServiceError(context) => {
            return match context.err().code().filter(|code| is_error_code(code)) {
                Some(code) => format!("Secrets Manager answered {code}"),
                None => format!(
                    "Secrets Manager's answer could not be understood (status {})",
                    context.raw().status()
                ),
            };
        }
        _ => "Secrets Manager's answer could not be understood",
    };
    what.to_owned()
}

#[cfg(test)]
pub(crate) mod stand_in {
    //! A stand-in for Secrets Manager with one answer for every request.

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::{AwsConfig, Credentials, HttpClient, SecretsManager};
    use crate::{config::aws::EndpointKind, http::Tls};

    pub(crate) async fn answering(status: &str, body: &str) -> SecretsManager {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let _ = connection.read(&mut [0; 4096]).await;
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        at(endpoint, Some(Credentials::new("key", "secret", None, None, "test")))
    }

    /// A stand-in in which every secret has this text.
    pub(crate) async fn holding(secret: &str) -> SecretsManager {
        answering("200 OK", &serde_json::json!({ "SecretString": secret }).to_string()).await
    }

    pub(super) fn at(endpoint: String, credentials: Option<Credentials>) -> SecretsManager {
        let region = "eu-west-1".to_owned();
        let aws = AwsConfig {
            region,
            endpoint_kind: EndpointKind::default(),
            secrets_manager_endpoint: Some(endpoint),
            ca_bundle: None,
        };
        let http = HttpClient::new(&Tls::new(None).unwrap()).unwrap();
        SecretsManager::with_credentials(&aws, http, credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reason why a read fails.
    async fn reason_of(secrets: SecretsManager) -> String {
        match secrets.read("pat").await {
            Err(SecretError::Unavailable(reason)) => reason,
            other => panic!("{:?}", other.map(drop)),
        }
    }

    /// The reason why a read fails with this answer.
    async fn reason_for(status: &str, body: &str) -> String {
        reason_of(stand_in::answering(status, body).await).await
    }

    #[tokio::test]
    async fn reason_contains_no_part_of_the_secret() {
        for body in [
            r#"{"SecretString":"very-secret""#,
            r#"{"SecretString":"very-secret"}x"#,
            r#"{"SecretString":"very-secret","CreatedDate":"2026-12-01"}"#,
        ] {
            let reason = reason_for("200 OK", body).await;
            assert!(
                !reason.contains("very-secret") && reason.contains("could not be understood"),
                "{reason}"
            );
        }
    }

    #[tokio::test]
    async fn reason_contains_the_error_code_and_not_the_message() {
        for (code, expected) in [
            ("AccessDeniedException", "Secrets Manager answered AccessDeniedException"),
            ("not for robin@example.com", "Secrets Manager's answer could not be understood (status 400)"),
        ] {
            let body = format!(r#"{{"__type":"{code}","Message":"robin may not read calendly/robin"}}"#);
            let reason = reason_for("400 Bad Request", &body).await;
            assert_eq!(reason, expected);
        }
    }

    #[tokio::test]
    async fn missing_secrets_are_not_found() {
        for code in ["ResourceNotFoundException", "InvalidRequestException"] {
            let body = format!(r#"{{"__type":"{code}","Message":"no"}}"#);
            let read = stand_in::answering("400 Bad Request", &body).await.read("pat").await.map(drop);
            assert_eq!(read, Err(SecretError::NotFound), "{code}");
        }
    }

    #[tokio::test]
    async fn unreachable_endpoint_and_missing_credentials() {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let refused = "http://127.0.0.1:9".to_owned();
        assert_eq!(
            reason_of(stand_in::at(refused.clone(), Some(credentials))).await,
            "Secrets Manager could not be reached (the connection was refused)"
        );
        assert_eq!(
            reason_of(stand_in::at(refused, None)).await,
            "the request could not be made (are there AWS credentials?)"
        );
    }
}
