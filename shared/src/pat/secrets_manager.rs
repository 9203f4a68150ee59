//! Reading a secret from AWS Secrets Manager.

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

/// How long one try may take. `GetSecretValue` answers within tens of milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long all tries together may take.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// Secrets Manager.
#[derive(Debug, Clone)]
pub(crate) struct SecretsManager(Client);

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretError {
    /// There is none of that name, it has no value yet, or it is marked for deletion.
    NotFound,
    /// Secrets Manager did not say: it could not be reached, or it refused.
    Unavailable(String),
}

impl SecretsManager {
    /// A client of the region's Secrets Manager over `http`.
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

    /// The current value (`AWSCURRENT`) of a secret, text or binary. In a box: it is rare, large, and called from many
    /// places.
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
            // "… because it was marked for deletion" is its documented cause for a read.
            Some(GetSecretValueError::InvalidRequestException(_)) => Self::NotFound,
            _ => Self::Unavailable(reason(&error)),
        }
    }
}

/// What went wrong, for the log. Never the error's own `Debug`, which prints the body of an answer that could
/// not be understood, and with it the secret; nor AWS's message, which names the secret, and where claims are in
/// that name, who called.
fn reason(error: &SdkError<GetSecretValueError>) -> String {
    let what = match error {
        // Without credentials nothing is sent, which the SDK calls a failure to send.
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
    //! A Secrets Manager that answers every request alike.

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

    /// With this text as every secret.
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

    /// The reason that is logged where these secrets cannot be read.
    async fn reason_of(secrets: SecretsManager) -> String {
        match secrets.read("pat").await {
            Err(SecretError::Unavailable(reason)) => reason,
            other => panic!("{:?}", other.map(drop)),
        }
    }

    /// The reason that is logged when Secrets Manager answers so.
    async fn reason_for(status: &str, body: &str) -> String {
        reason_of(stand_in::answering(status, body).await).await
    }

    #[tokio::test]
    async fn no_part_of_a_secret_is_in_the_reason() {
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
    async fn the_code_that_secrets_manager_sends_is_the_reason_and_its_message_is_not() {
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
    async fn a_secret_that_is_not_there_is_not_found() {
        for code in ["ResourceNotFoundException", "InvalidRequestException"] {
            let body = format!(r#"{{"__type":"{code}","Message":"no"}}"#);
            let read = stand_in::answering("400 Bad Request", &body).await.read("pat").await.map(drop);
            assert_eq!(read, Err(SecretError::NotFound), "{code}");
        }
    }

    #[tokio::test]
    async fn without_an_answer_the_reason_says_what_to_look_at() {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let nobody = "http://127.0.0.1:9".to_owned();
        assert_eq!(
            reason_of(stand_in::at(nobody.clone(), Some(credentials))).await,
            "Secrets Manager could not be reached (the connection was refused)"
        );
        assert_eq!(
            reason_of(stand_in::at(nobody, None)).await,
            "the request could not be made (are there AWS credentials?)"
        );
    }
}
