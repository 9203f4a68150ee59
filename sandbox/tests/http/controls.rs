//! Recorded requests, static files, and the process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sandbox::{Config, DEFAULT_PAT, Fault};

use crate::support::{Harness, client};

#[tokio::test]
async fn requests_are_recorded_in_order() {
    let harness = Harness::start().await;
    assert_eq!(harness.sandbox.connections(), 0);
    for path in ["/healthz", "/event_types?user=a+b", "/issuer/jwks", "/sandbox/calls"] {
        harness.get(path).await.bytes().await.unwrap();
    }
    assert_eq!(harness.sandbox.connections(), 1, "the client reuses its connection");
    let calls = harness.sandbox.calls();
    let [first, second] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!((&*first.method, &*first.path), ("GET", "/event_types"));
    assert_eq!(first.query.as_deref(), Some("user=a+b"));
    assert_eq!(first.bearer.as_deref(), Some(DEFAULT_PAT));
    assert_eq!(first.status, Some(400));
    assert_eq!((&*second.path, second.status), ("/issuer/jwks", Some(200)));
    assert!(first.finished_at.unwrap() <= second.started_at);

    let listed = harness.read("/sandbox/calls", &[]).await;
    assert_eq!(listed, serde_json::to_value(&calls).unwrap());
    assert!(listed[0]["finished_at_us"].as_u64() >= listed[0]["started_at_us"].as_u64());
    let cleared = harness.http.delete(harness.url("/sandbox/calls")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(harness.sandbox.calls(), []);
}

#[tokio::test]
async fn concurrent_requests_overlap() {
    let harness = Harness::start().await;
    harness.sandbox.fault("/users/me", 2, Fault::Delay { milliseconds: 200 });
    tokio::join!(harness.get("/users/me"), harness.get("/users/me"));
    let calls = harness.sandbox.calls();
    assert!(calls[1].started_at < calls[0].finished_at.unwrap());
    assert_ne!(calls[0].connection, calls[1].connection);
}

#[tokio::test]
async fn dropping_the_sandbox_stops_it() {
    let Harness { sandbox, http } = Harness::start().await;
    let url = format!("{}/healthz", sandbox.base_url());
    assert_eq!(http.get(&url).send().await.unwrap().text().await.unwrap(), "ok");
    drop(sandbox);
    let stopped = async {
        while http.get(&url).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), stopped).await.unwrap();
}

/// A temporary directory, removed on drop.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn static_files_take_precedence() {
    let name = format!("sandbox-pages-{}", std::process::id());
    let directory = Directory(std::env::temp_dir().join(name));
    for (name, text) in [("index.html", "<p>front"), ("docs/page.js", "let a;"), ("issuer/token", "")] {
        let path = directory.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let harness = Harness::start_with(Config { pages: Some(directory.0.clone()), ..Config::default() }).await;

    let front = harness.get("/").await;
    assert_eq!(front.headers()["content-type"], "text/html");
    assert_eq!(front.text().await.unwrap(), "<p>front");
    assert_eq!(harness.get("/docs/page.js").await.headers()["content-type"], "text/javascript");

    assert_eq!(harness.status("/users/me").await, 200);
    assert_eq!(harness.status("/unknown").await, 404);
    // Files do not answer POST requests.
    let form = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];
    let token = harness.http.post(harness.url("/issuer/token")).form(&form).send().await.unwrap();
    assert_eq!(token.status(), 200);
    assert_eq!(Harness::start().await.status("/").await, 404, "no files by default");
}

/// A `sandbox` process, killed on drop.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Waits for the line that announces the address.
    fn url(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn exit(mut self) -> (Option<i32>, String) {
        let mut stderr = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut stderr).unwrap();
        (self.0.wait().unwrap().code(), stderr)
    }
}

#[tokio::test]
async fn the_process_announces_its_address_and_stops_on_sigterm() {
    let mut process = Process::start(&["--listen", "127.0.0.1:0"]);
    let url = process.url();
    let health = client().get(format!("{url}/healthz")).send().await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok");

    let address = url.strip_prefix("http://").unwrap();
    let (code, stderr) = Process::start(&["--listen", address]).exit();
    assert_eq!(code, Some(1));
    assert!(stderr.contains(address) && stderr.contains("in use"), "{stderr}");

    let kill = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(process.exit().0, Some(0));
}

#[test]
fn an_invalid_option_is_a_usage_error() {
    let (code, stderr) = Process::start(&["--color", "blue"]).exit();
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--color"), "{stderr}");
}
