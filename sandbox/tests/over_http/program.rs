//! The binary.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::caller::client;

/// A program that is ended with the test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Running(child.unwrap())
}

/// The line that says that it is ready.
fn address(running: &mut Running) -> String {
    let mut line = String::new();
    let out = running.0.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn complaint(running: &mut Running) -> (Option<i32>, String) {
    let mut text = String::new();
    let error = running.0.stderr.as_mut().unwrap();
    error.read_to_string(&mut text).unwrap();
    (running.0.wait().unwrap().code(), text)
}

#[tokio::test]
async fn it_says_where_it_is_and_stops_when_told() {
    let mut running = start(&["--listen", "127.0.0.1:0"]);
    let address = address(&mut running);
    let health = client().get(format!("{address}/healthz")).send().await;
    assert_eq!(health.unwrap().text().await.unwrap(), "ok");
    let id = running.0.id().to_string();
    let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(told.success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn an_address_in_use_is_named() {
    let mut first = start(&["--listen", "127.0.0.1:0"]);
    let address = address(&mut first);
    let address = address.strip_prefix("http://").unwrap();
    let (code, text) = complaint(&mut start(&["--listen", address]));
    assert_eq!(code, Some(1));
    assert!(text.contains(address) && text.contains("in use"), "{text}");
}

#[test]
fn a_wrong_option_is_named() {
    let (code, text) = complaint(&mut start(&["--colour", "blue"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("--colour"), "{text}");
}
