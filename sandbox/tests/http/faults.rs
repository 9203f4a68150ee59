//! Faults as clients see them. End-to-end tests inject those that replace the whole response, and use the proxy.

use std::io;
use std::time::Duration;

use sandbox::{Call, DEFAULT_PAT, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::Harness;

const PATH: &str = "/users/me";

/// Starts a sandbox with this fault for the next request, and returns the real response, too.
async fn start(fault: Fault) -> (Harness, String) {
    let harness = Harness::start().await;
    let real = harness.get(PATH).await.text().await.unwrap();
    harness.sandbox.forget_calls();
    harness.sandbox.fault(PATH, 1, fault);
    (harness, real)
}

/// Returns the bytes until the connection ends, and whether it is reset.
async fn read_raw(url: &str) -> (Vec<u8>, bool) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("Host: {address}\r\nAuthorization: Bearer {DEFAULT_PAT}\r\nConnection: close");
    let request = format!("GET {PATH} HTTP/1.1\r\n{head}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    (bytes, end.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset))
}

#[tokio::test]
async fn faults_of_a_path_are_consumed_in_order_or_cleared() {
    let harness = Harness::start().await;
    harness.sandbox.fault(PATH, 2, Fault::status(429));
    harness.sandbox.fault(PATH, 0, Fault::Close);
    harness.sandbox.fault(PATH, 1, Fault::status(503));
    harness.sandbox.fault("/event_types", 9, Fault::status(500));
    for expected in [429, 429, 503, 200] {
        assert_eq!(harness.status(PATH).await, expected);
    }
    assert_eq!(harness.status("/event_types/none").await, 404);
    assert_eq!(harness.status("/event_types?user=x").await, 500);
    harness.sandbox.clear_faults();
    assert_eq!(harness.status("/event_types").await, 400);
}

/// Returns the faults in CONTROLS.md, with values in the place of placeholders.
fn documented_faults() -> Vec<Value> {
    let text = include_str!("../../CONTROLS.md");
    let codes = text.split('`').filter(|code| code.starts_with("{\"kind\""));
    let values =
        [(": S", ": 503"), (": N", ": 1"), (": B", ": \"\""), (": T", ": \"a/b\""), (": URL", ": \"/\"")];
    let fill = |code: &str| {
        let code = code.replace("{…}", "{}");
        let filled = values.iter().fold(code, |code, (placeholder, value)| code.replace(placeholder, value));
        serde_json::from_str(&filled).unwrap()
    };
    let faults: Vec<_> = codes.map(fill).collect();
    assert!(faults.len() > 15, "{faults:?}");
    faults
}

#[tokio::test]
async fn faults_are_controlled_over_http() {
    let harness = Harness::start().await;
    let add = async |fault: Value| {
        let body = json!({ "path": PATH, "times": 5, "fault": fault });
        harness.post("/sandbox/faults", body).await.0
    };
    assert_eq!(add(json!({ "kind": "status", "status": 502 })).await, 204);
    assert_eq!(harness.status(PATH).await, 502);
    for documented in documented_faults() {
        assert_eq!(add(documented.clone()).await, 204, "{documented}");
    }
    let cleared = harness.http.delete(harness.url("/sandbox/faults")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    for invalid in [
        json!({ "kind": "status", "status": 1000 }),
        json!({ "kind": "status", "status": 503, "headers": { "a b": "" } }),
        json!({ "kind": "redirect", "location": "a\nb" }),
    ] {
        assert_eq!(add(invalid.clone()).await, 422, "{invalid}");
    }
    assert_eq!(harness.status(PATH).await, 200);
}

#[tokio::test]
async fn responses_are_broken_on_the_wire() {
    let (harness, real) = start(Fault::Reset).await;
    let url = harness.sandbox.base_url();
    assert_eq!(read_raw(&url).await, (Vec::new(), true));
    for bytes in ["", "220 ready\r\n"] {
        let garbage = Fault::Garbage { bytes: bytes.to_owned() };
        harness.sandbox.fault(PATH, 1, if bytes.is_empty() { Fault::Close } else { garbage });
        assert_eq!(read_raw(&url).await, (bytes.into(), false));
    }

    let (real, length) = (real.as_bytes(), real.len());
    let last_letter = real.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
    let not_utf8 = [&real[..last_letter], b"\xff", &real[last_letter..]].concat();
    for (fault, content_length, body, is_reset) in [
        (Fault::Truncated { after: 25 }, length, &real[..25], false),
        (Fault::Truncated { after: usize::MAX }, length, &real[..length - 1], false),
        (Fault::ResetInBody { after: 25 }, length, &real[..25], true),
        (Fault::WrongLength { missing: 10 }, length - 10, real, false),
        (Fault::NotUtf8, length + 1, &*not_utf8, false),
    ] {
        harness.sandbox.fault(PATH, 1, fault.clone());
        let (bytes, was_reset) = read_raw(&url).await;
        assert_eq!(was_reset, is_reset, "{fault:?}");
        assert!(bytes.ends_with(&[b"\r\n\r\n", body].concat()), "{fault:?}");
        let head = String::from_utf8_lossy(&bytes[..bytes.len() - body.len()]);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(head.contains(&format!("content-length: {content_length}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn a_hang_ends_when_the_client_disconnects() {
    let (harness, _) = start(Fault::Hang).await;
    let url = harness.sandbox.base_url();
    let reading = tokio::spawn(async move { read_raw(&url).await });
    let wait_for = async |condition: fn(&Call) -> bool| {
        let polling = async {
            while !harness.sandbox.calls().first().is_some_and(condition) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), polling).await.unwrap();
    };
    wait_for(|_| true).await;
    reading.abort();
    wait_for(|call| call.finished_at.is_some()).await;
    assert_eq!(harness.sandbox.calls()[0].status, None);
}

#[tokio::test]
async fn a_hang_in_the_body_follows_its_beginning() {
    let (harness, _) = start(Fault::HangInBody { after: 25 }).await;
    let mut response = harness.get(PATH).await;
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 25);
    assert!(timeout(Duration::from_millis(150), response.chunk()).await.is_err());
    assert_eq!(harness.sandbox.calls()[0].status, Some(200));
}

#[tokio::test]
async fn late_and_dripping_responses_are_the_real_ones() {
    let (harness, real) = start(Fault::Delay { milliseconds: 120 }).await;
    harness.sandbox.fault(PATH, 1, Fault::Drip { milliseconds: 1 });
    for milliseconds in [120, real.len() as u64] {
        let start = Instant::now();
        assert_eq!(harness.get(PATH).await.text().await.unwrap(), real);
        assert!(start.elapsed() >= Duration::from_millis(milliseconds));
    }
}

#[tokio::test]
async fn oversized_body_has_its_length() {
    let (harness, _) = start(Fault::Oversized { bytes: 3_000_000 }).await;
    let body = harness.get(PATH).await.bytes().await.unwrap();
    assert_eq!(body.len(), 3_000_000);
    assert!(serde_json::from_slice::<Value>(&body).unwrap().is_string());
}

#[tokio::test]
async fn endless_body_does_not_end() {
    let (harness, _) = start(Fault::Endless).await;
    let mut response = harness.get(PATH).await;
    let mut length = 0;
    while length < 10_000_000 {
        length += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn bomb_is_small_until_it_is_decompressed() {
    let (harness, _) = start(Fault::Bomb { mebibytes: 64 }).await;
    let response = harness.get(PATH).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let compressed = response.bytes().await.unwrap();
    assert!(compressed.len() < 100_000, "{}", compressed.len());
    let mut decompressed = flate2::read::MultiGzDecoder::new(&*compressed);
    assert_eq!(io::copy(&mut decompressed, &mut io::sink()).unwrap(), 64 * 1024 * 1024);
}
