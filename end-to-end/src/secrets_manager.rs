//! AWS Secrets Manager: moto, behind a door that counts and that can be made to fail.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use crate::http::client;

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

/// Secrets Manager as one world's function sees it. Secrets live in one moto for all tests of a process,
/// so their names must differ.
#[derive(Debug)]
pub struct SecretsManager {
    /// What `AWS_ENDPOINT_URL_SECRETS_MANAGER` is set to.
    pub endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    moto: String,
    http: Client,
    trouble: Mutex<Trouble>,
    /// The secret id of each `GetSecretValue` that came in.
    reads: Mutex<Vec<String>>,
    /// The targets of all calls that came in.
    targets: Mutex<Vec<String>>,
}

impl SecretsManager {
    /// Starts the door, and moto where this process has none yet.
    ///
    /// # Panics
    ///
    /// There is no moto, or it does not start.
    pub async fn start() -> Self {
        let moto = tokio::task::spawn_blocking(moto).await.expect("moto starts");
        let shared = Arc::new(Shared {
            moto,
            http: client(),
            trouble: Mutex::new(Trouble::None),
            reads: Mutex::default(),
            targets: Mutex::default(),
        });
        let router = Router::new().fallback(forward).with_state(shared.clone());
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
    /// moto refuses.
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
    /// moto refuses.
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
    /// moto refuses.
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

    /// Straight to moto, whatever the trouble.
    async fn call(&self, operation: &str, body: &Value) -> Value {
        let request = self
            .shared
            .http
            .post(&self.shared.moto)
            .header("X-Amz-Target", format!("secretsmanager.{operation}"))
            .header("Content-Type", "application/x-amz-json-1.1")
            .header(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/secretsmanager/aws4_request, \
                 SignedHeaders=host, Signature=0",
            )
            .body(body.to_string());
        let text = request.send().await.expect("moto answers").text().await.expect("moto answers");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("moto: {error}: {text}"))
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

async fn forward(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    if operation == "GetSecretValue" {
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = request["SecretId"].as_str().unwrap_or_default().to_owned();
        shared.reads.lock().expect("no panic while locked").push(id);
    }
    shared.targets.lock().expect("no panic while locked").push(operation);
    let trouble = *shared.trouble.lock().expect("no panic while locked");
    match trouble {
        Trouble::None => {}
        Trouble::Down => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"),
        Trouble::Denied => return refusal(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Trouble::Slow(time) => sleep(time).await,
        Trouble::Hang => std::future::pending().await,
    }
    let mut request = shared.http.post(&shared.moto).body(body);
    for (name, value) in &headers {
        if name != "host" && name != "content-length" {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.expect("moto answers");
    let status = answer.status();
    let mut response =
        Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    if let Some(kind) = answer.headers().get("x-amzn-errortype") {
        response = response.header("x-amzn-errortype", kind);
    }
    response.body(Body::from(answer.bytes().await.expect("moto answers"))).expect("a response")
}

fn refusal(status: StatusCode, kind: &str) -> Response<Body> {
    let body = json!({"__type": kind, "message": "as the test ordered"});
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-errortype", kind)
        .body(Body::from(body.to_string()))
        .expect("a response")
}

/// The base URL of this process's moto, which ends with this process.
pub(crate) fn moto() -> String {
    static MOTO: OnceLock<(String, Mutex<Child>)> = OnceLock::new();
    MOTO.get_or_init(|| {
        let (url, process) = start_moto();
        (url, Mutex::new(process))
    })
    .0
    .clone()
}

fn start_moto() -> (String, Child) {
    // The shell ends moto when its input ends, which it does with this process, however that ends.
    let script = r#""$0" -H 127.0.0.1 -p 0 & read _; kill $!; wait"#;
    let mut process = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(moto_server())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
    let mut seen = Vec::new();
    let url = loop {
        let line = lines.next().and_then(Result::ok);
        let line = line.unwrap_or_else(|| panic!("moto_server did not start: {}", seen.join("\n")));
        if let Some((_, url)) = line.split_once("Running on ") {
            break url.trim().to_owned();
        }
        seen.push(line);
    };
    // It writes a line for every call, and would stop if nobody read them.
    std::thread::spawn(move || lines.for_each(drop));
    (url, process)
}

fn moto_server() -> PathBuf {
    if let Some(named) = std::env::var_os("MOTO_SERVER").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        if named.is_file() {
            return named;
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let installed = root.join(".venv/bin/moto_server");
    if installed.is_file() {
        return installed;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join("moto_server"))
        .find(|file| file.is_file())
        .expect("moto_server is missing: `make test` installs it, or name one with MOTO_SERVER")
}
