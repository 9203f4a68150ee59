//! Recorded requests, and the process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use sandbox::DEFAULT_PAT;
use serde_json::{Value, json};

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
    let call = |path, query, status| json!({ "method": "GET", "path": path, "query": query, "bearer": DEFAULT_PAT, "status": status });
    let expected = [call("/event_types", json!("user=a+b"), 400), call("/issuer/jwks", Value::Null, 200)];
    assert_eq!(harness.read("/sandbox/calls", &[]).await, json!(expected));
    assert!(calls[0].started_at < calls[0].finished_at.unwrap());
    assert!(calls[0].finished_at.unwrap() <= calls[1].started_at);
    let cleared = harness.http.delete(harness.url("/sandbox/calls")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(harness.sandbox.calls(), []);
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
    assert_eq!(Process::start(&["--color", "blue"]).exit().0, Some(2));
}
