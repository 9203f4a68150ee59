//! moto, an independent implementation of AWS services: Secrets Manager, DynamoDB and Cognito.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use reqwest::Client;
use serde_json::Value;

use crate::http::client;

/// The moto server of this process.
#[derive(Debug, Clone)]
pub struct Moto {
    /// Its base URL, an endpoint for every service.
    pub url: String,
    http: Client,
}

impl Moto {
    /// Starts the server, once per process.
    pub async fn start() -> Self {
        let url = tokio::task::spawn_blocking(url).await.expect("moto starts");
        Self { url, http: client() }
    }

    /// Calls an operation, named as in `X-Amz-Target`, which must succeed.
    pub async fn call(&self, service: &str, target: &str, body: &Value) -> Value {
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
        assert!(status.is_success(), "{target}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error}: {text}"))
    }
}

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
    // The shell's standard input closes when this process exits; the shell then stops moto.
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
    // moto blocks when the pipe of its log is full.
    std::thread::spawn(move || lines.for_each(drop));
    (url, process)
}

fn moto_server() -> PathBuf {
    let named = std::env::var_os("MOTO_SERVER").map(PathBuf::from);
    let installed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/moto_server");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("moto_server"));
    let mut files = named.into_iter().chain([installed]).chain(on_path);
    files
        .find(|file| file.is_file())
        .expect("moto_server is missing: `python3 scripts/tools.py test` installs it, or set MOTO_SERVER")
}
