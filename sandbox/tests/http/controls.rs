//! Recorded requests, and the process.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use sandbox::DEFAULT_PAT;
use serde_json::json;

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
    let expected = [("/event_types", Some("user=a+b"), 400), ("/issuer/jwks", None, 200)].map(
        |(path, query, status)| {
            let (method, bearer) = ("GET", DEFAULT_PAT);
            json!({ "method": method, "path": path, "query": query, "bearer": bearer, "status": status })
        },
    );
    assert_eq!(harness.read("/sandbox/calls", &[]).await, json!(expected));
    assert!(calls[0].started_at < calls[0].finished_at.unwrap());
    assert!(calls[0].finished_at.unwrap() <= calls[1].started_at);
    let cleared = harness.http.delete(harness.url("/sandbox/calls")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(harness.sandbox.calls(), []);
}

/// A running process, killed on drop.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
}

#[tokio::test]
async fn the_process_announces_its_address() {
    let started = command().args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn();
    let mut process = Process(started.unwrap());
    let mut url = String::new();
    BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    let health = client().get(format!("{}/healthz", url.trim_end())).send().await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok");
}

#[test]
fn invalid_options_and_taken_ports_end_the_process_with_a_message() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, code, message) in
        [(["--listen", &*address], 1, "in use"), (["--color", "blue"], 2, "--color")]
    {
        let output = command().args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
}
