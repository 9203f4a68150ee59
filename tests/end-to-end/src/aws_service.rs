//! One of AWS's services, behind a door that counts and that can be made to fail.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use crate::moto::Moto;

/// Where AWS names an error's type.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// What goes wrong with every call until further notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// An internal error of the service.
    Down,
    /// Access is denied.
    Denied,
    /// There are too many calls.
    Throttled,
    /// What is asked for is not there.
    Gone,
    /// An answer that is none of the service's.
    Nonsense,
    /// The real answer, this much later.
    Slow(Duration),
    /// No answer.
    Hang,
}

/// A service as one world's functions see it.
#[derive(Debug)]
pub(crate) struct AwsService {
    /// Its address.
    pub(crate) endpoint: String,
    behind: Arc<Behind>,
    server: JoinHandle<()>,
}

/// Where the answers come from.
#[derive(Debug)]
pub(crate) enum Source {
    Moto(Moto),
    /// From here: one secret that stays as it is.
    Secret {
        id: String,
        text: String,
    },
}

#[derive(Debug)]
struct Behind {
    source: Source,
    trouble: Mutex<Trouble>,
    /// The operation of each call that came in, and what it was sent.
    calls: Mutex<Vec<(String, Value)>>,
}

impl AwsService {
    /// # Panics
    ///
    /// There is no free port.
    pub(crate) async fn in_front_of(source: Source) -> Self {
        let behind = Arc::new(Behind { source, trouble: Mutex::new(Trouble::None), calls: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(behind.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the door serves");
        });
        Self { endpoint, behind, server }
    }

    /// What goes wrong from now on.
    pub(crate) fn trouble(&self, trouble: Trouble) {
        *self.behind.trouble.lock().expect("no panic while locked") = trouble;
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.behind.calls.lock().expect("no panic while locked").clone()
    }

    /// Forgets the calls so far.
    pub(crate) fn forget(&self) {
        self.behind.calls.lock().expect("no panic while locked").clear();
    }

    /// What moto answers, whatever the trouble.
    pub(crate) async fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let Source::Moto(moto) = &self.behind.source else { panic!("{target}: there is no moto") };
        moto.call(service, target, body).await.1
    }
}

impl Drop for AwsService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(behind): State<Arc<Behind>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    behind.calls.lock().expect("no panic while locked").push((operation, request.clone()));
    let trouble = *behind.trouble.lock().expect("no panic while locked");
    match trouble {
        Trouble::None => {}
        Trouble::Down => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"),
        Trouble::Denied => return refusal(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Trouble::Throttled => {
            return refusal(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException");
        }
        Trouble::Gone => return refusal(StatusCode::BAD_REQUEST, "ResourceNotFoundException"),
        Trouble::Nonsense => return response(StatusCode::OK, "<html>".to_owned()),
        Trouble::Slow(time) => sleep(time).await,
        Trouble::Hang => std::future::pending().await,
    }
    match &behind.source {
        Source::Moto(moto) => forward(moto, &headers, body).await,
        Source::Secret { id, text } if request["SecretId"] == **id => secret_value(id, text),
        Source::Secret { .. } => refusal(StatusCode::BAD_REQUEST, "ResourceNotFoundException"),
    }
}

async fn forward(moto: &Moto, headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let mut request = moto.http.post(&moto.url).body(body);
    for (name, value) in headers {
        if name != "host" && name != "content-length" {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.expect("moto answers");
    let status = answer.status();
    let kind = answer.headers().get("x-amzn-errortype").cloned();
    let mut response = response(status, answer.bytes().await.expect("moto answers"));
    response.headers_mut().extend(kind.map(|kind| (ERROR_TYPE, kind)));
    response
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
fn secret_value(id: &str, text: &str) -> Response<Body> {
    let body = json!({
        "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{id}-AbCdEf"),
        "Name": id,
        "VersionId": "5d3f0c1e-8f0b-4f43-9d43-2b0a6d1c7e55",
        "SecretString": text,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_796_117_400.0,
    });
    response(StatusCode::OK, body.to_string())
}

fn refusal(status: StatusCode, kind: &'static str) -> Response<Body> {
    let body = json!({"__type": kind, "message": "as the test ordered"});
    let mut response = response(status, body.to_string());
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
    response
}

fn response(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}
