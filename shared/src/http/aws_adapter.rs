//! The AWS SDK over the one HTTP client, in place of the HTTPS stack that it would bring along.

use super::{ByteBudget, HttpClient as Client, body};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;

/// Secrets Manager's largest secret is 64 KiB; its answer is not much larger.
const LARGEST_ANSWER: usize = 256 * 1024;

/// The HTTP client as the SDK wants it. Time limits are the SDK's own (its timeout settings).
#[derive(Debug, Clone)]
pub(crate) struct AwsHttpClient(pub(crate) Client);

impl HttpClient for AwsHttpClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for AwsHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(&client, request).await })
    }
}

async fn send(client: &Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let (parts, sdk_body) =
        request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    let bytes = sdk_body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let request = lambda_http::http::Request::from_parts(parts, bytes);
    let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;

    let response = client.execute(request).await.map_err(|error| {
        if error.is_timeout() {
            ConnectorError::timeout(error.into())
        } else {
            ConnectorError::io(error.into())
        }
    })?;
    let status = StatusCode::try_from(response.status().as_u16())
        .map_err(|error| ConnectorError::user(error.into()))?;
    let headers = response.headers().clone();
    let answer = body(response, &ByteBudget::new(LARGEST_ANSWER))
        .await
        .map_err(|error| ConnectorError::io(format!("the body could not be read: {error:?}").into()))?;
    let mut answer = HttpResponse::new(status, SdkBody::from(answer));
    for (name, value) in &headers {
        if let Ok(value) = value.to_str() {
            answer.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(answer)
}
