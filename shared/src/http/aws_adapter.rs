//! An adapter that runs the AWS SDK over [`HttpClient`], in place of the HTTPS stack that the SDK would bring.

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient as SdkHttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;

use super::{ByteBudget, HttpClient, read_body, trace::add_trace_id};

/// The largest response that is read. A secret has at most 64 KiB, and its response is not much larger.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// [`HttpClient`] as the SDK's HTTP client. The SDK applies its own time-outs.
#[derive(Debug, Clone)]
pub(crate) struct AwsHttpClient(pub(crate) HttpClient);

impl SdkHttpClient for AwsHttpClient {
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

async fn send(client: &HttpClient, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let (parts, sdk_body) =
        request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    let bytes = sdk_body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let request = lambda_http::http::Request::from_parts(parts, bytes);
    let mut request =
        reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
    add_trace_id(request.headers_mut());

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
    let bytes = read_body(response, &ByteBudget::new(MAX_RESPONSE_BYTES))
        .await
        .map_err(|error| ConnectorError::io(format!("the body could not be read: {error:?}").into()))?;
    let mut response = HttpResponse::new(status, SdkBody::from(bytes));
    for (name, value) in &headers {
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}
