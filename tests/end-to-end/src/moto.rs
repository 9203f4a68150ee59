//! moto, which plays AWS: Secrets Manager, DynamoDB and Cognito.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::http::client;

/// This process's moto.
#[derive(Debug, Clone)]
pub(crate) struct Moto {
    /// Its base URL.
    pub(crate) url: String,
    pub(crate) http: Client,
}

impl Moto {
    /// Starts it where this process has none yet.
    ///
    /// # Panics
    ///
    /// It is not installed, or does not start.
    pub(crate) async fn start() -> Self {
        let url = tokio::task::spawn_blocking(url).await.expect("moto starts");
        Self { url, http: client() }
    }

    /// What it answers to an operation, named as AWS names it in `X-Amz-Target`.
    ///
    /// # Panics
    ///
    /// It does not answer with JSON.
    pub(crate) async fn call(&self, service: &str, target: &str, body: &Value) -> (StatusCode, Value) {
        let request = self
            .http
            .post(&self.url)
            .header("X-Amz-Target", target)
            .header("Content-Type", "application/x-amz-json-1.1")
            .header(
                "Authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/{service}/aws4_request, \
                     SignedHeaders=host, Signature=0"
                ),
            )
            .body(body.to_string());
        let response = request.send().await.expect("moto answers");
        let status = response.status();
        let text = response.text().await.expect("moto answers with a text");
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error}: {text}"));
        (status, json)
    }
}

/// The base URL of this process's moto, which ends with this process.
fn url() -> String {
    static MOTO: OnceLock<(String, Mutex<Child>)> = OnceLock::new();
    MOTO.get_or_init(|| {
        let (url, process) = start();
        (url, Mutex::new(process))
    })
    .0
    .clone()
}

fn start() -> (String, Child) {
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
        let line = line.unwrap_or_else(|| panic!("moto_server did not start: {}", seen.join("..")));
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
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
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
