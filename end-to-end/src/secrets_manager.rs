//! AWS Secrets Manager, behind a door that counts and that can be made to fail.

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
    /// The real answer, this much later.
    Slow(Duration),
    /// No answer.
    Hang,
}

/// Secrets Manager as one world's function sees it.
#[derive(Debug)]
pub struct SecretsManager {
    /// What `AWS_ENDPOINT_URL_SECRETS_MANAGER` is set to.
    pub endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// Where the answers come from.
#[derive(Debug)]
enum Source {
    Moto(Moto),
    /// From here: one secret that stays as it is.
    Fixed {
        id: String,
        text: String,
    },
}

#[derive(Debug)]
struct Shared {
    source: Source,
    trouble: Mutex<Trouble>,
    /// The secret id of each `GetSecretValue` that came in.
    reads: Mutex<Vec<String>>,
    /// The targets of all calls that came in.
    targets: Mutex<Vec<String>>,
}

impl SecretsManager {
    /// With moto behind the door, which is Secrets Manager whole. All tests of a process share one, so the
    /// names of their secrets must differ.
    ///
    /// # Panics
    ///
    /// There is no moto, or it does not start.
    pub async fn start() -> Self {
        Self::in_front_of(Source::Moto(Moto::start().await)).await
    }

    /// With one secret that stays as it is, answered at once: where time is measured, moto would take longer
    /// than all the rest.
    ///
    /// # Panics
    ///
    /// There is no free port.
    pub async fn holding(id: &str, text: &str) -> Self {
        Self::in_front_of(Source::Fixed { id: id.to_owned(), text: text.to_owned() }).await
    }

    async fn in_front_of(source: Source) -> Self {
        let shared = Arc::new(Shared {
            source,
            trouble: Mutex::new(Trouble::None),
            reads: Mutex::default(),
            targets: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the door serves");
        });
        Self { endpoint, shared, server }
    }

    /// Stores a secret, new or not, and answers with its ARN.
    ///
    /// # Panics
    ///
    /// moto refuses, or is not there.
    pub async fn store(&self, id: &str, text: &str) -> String {
        let token = format!("{:032x}", fresh_number());
        let new = json!({"Name": id, "SecretString": text, "ClientRequestToken": token});
        let mut answer = self.call("CreateSecret", &new).await;
        if answer["__type"] == "ResourceExistsException" {
            let put = json!({"SecretId": id, "SecretString": text, "ClientRequestToken": token});
            answer = self.call("PutSecretValue", &put).await;
        }
        answer["ARN"].as_str().unwrap_or_else(|| panic!("the secret is not stored: {answer}")).to_owned()
    }

    /// Stores a new secret that is binary.
    ///
    /// # Panics
    ///
    /// moto refuses, or is not there.
    pub async fn store_binary(&self, id: &str, bytes: &[u8]) {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let new = json!({"Name": id, "SecretBinary": BASE64_STANDARD.encode(bytes)});
        let answer = self.call("CreateSecret", &new).await;
        assert!(answer.get("__type").is_none(), "CreateSecret: {answer}");
    }

    /// Deletes a secret, for good or with the usual days of grace.
    ///
    /// # Panics
    ///
    /// moto refuses, or is not there.
    pub async fn delete(&self, id: &str, at_once: bool) {
        let delete = json!({"SecretId": id, "ForceDeleteWithoutRecovery": at_once});
        let answer = self.call("DeleteSecret", &delete).await;
        assert!(answer.get("__type").is_none(), "DeleteSecret: {answer}");
    }

    /// What goes wrong from now on.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn trouble(&self, trouble: Trouble) {
        *self.shared.trouble.lock().expect("no panic while locked") = trouble;
    }

    /// Which secrets the function asked for so far, each time it did.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        self.shared.reads.lock().expect("no panic while locked").clone()
    }

    /// The names of all operations that the function called so far.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.shared.targets.lock().expect("no panic while locked").clone()
    }

    /// Forgets the reads and the operations so far.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn forget(&self) {
        self.shared.reads.lock().expect("no panic while locked").clear();
        self.shared.targets.lock().expect("no panic while locked").clear();
    }

    /// Straight to moto, whatever the trouble.
    async fn call(&self, operation: &str, body: &Value) -> Value {
        let Source::Moto(moto) = &self.shared.source else { panic!("{operation}: the secret is fixed") };
        moto.call("secretsmanager", &format!("secretsmanager.{operation}"), body).await.1
    }
}

impl Drop for SecretsManager {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn fresh_number() -> u128 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() << 32 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let read = (operation == "GetSecretValue").then(|| {
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        request["SecretId"].as_str().unwrap_or_default().to_owned()
    });
    shared.reads.lock().expect("no panic while locked").extend(read.clone());
    shared.targets.lock().expect("no panic while locked").push(operation);
    let trouble = *shared.trouble.lock().expect("no panic while locked");
    match trouble {
        Trouble::None => {}
        Trouble::Down => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"),
        Trouble::Denied => return refusal(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Trouble::Slow(time) => sleep(time).await,
        Trouble::Hang => std::future::pending().await,
    }
    match &shared.source {
        Source::Moto(moto) => forward(moto, &headers, body).await,
        Source::Fixed { id, text } if read.as_ref() == Some(id) => secret_value(id, text),
        Source::Fixed { .. } => refusal(StatusCode::BAD_REQUEST, "ResourceNotFoundException"),
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
