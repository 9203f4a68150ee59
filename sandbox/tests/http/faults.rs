//! Faults as clients see them, in the sandbox and through the reverse proxy.

use std::io;
use std::time::Duration;

use sandbox::{DEFAULT_PAT, Door, Fault, KeySetChange};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::{Harness, client};

const PATH: &str = "/users/me";

/// The bytes of a response until the connection ends, and how it ends.
struct RawResponse {
    bytes: Vec<u8>,
    end: io::Result<()>,
}

impl RawResponse {
    async fn read(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {DEFAULT_PAT}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).await.map(drop);
        Self { bytes, end }
    }

    fn is_reset(&self) -> bool {
        self.end.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    }

    /// Returns the body, after checking the head.
    fn body(&self, content_length: usize) -> &[u8] {
        let head = self.bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let (head, body) = self.bytes.split_at(head + 4);
        let head = String::from_utf8_lossy(head);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(head.contains(&format!("content-length: {content_length}\r\n")), "{head}");
        body
    }
}

/// Injects a fault into the next request.
async fn start(fault: Fault) -> (Harness, String) {
    let harness = Harness::start().await;
    let real = harness.get(PATH).await.text().await.unwrap();
    harness.sandbox.forget_calls();
    harness.sandbox.fault(PATH, 1, fault);
    (harness, real)
}

async fn raw(fault: Fault) -> (RawResponse, String) {
    let (harness, real) = start(fault).await;
    (RawResponse::read(&harness.sandbox.base_url()).await, real)
}

#[tokio::test]
async fn status_faults_have_body_and_headers() {
    let harness = Harness::start().await;
    let fault = json!({
        "kind": "status",
        "status": 429,
        "body": "<html>",
        "headers": { "content-type": "text/html", "retry-after": "7" },
    });
    harness.sandbox.fault(PATH, 2, serde_json::from_value(fault).unwrap());
    harness.sandbox.fault(PATH, 1, Fault::status(503));
    for _ in 0..2 {
        let response = harness.get(PATH).await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(response.text().await.unwrap(), "<html>");
    }
    assert_eq!(harness.status(PATH).await, 503);
    assert_eq!(harness.status(PATH).await, 200);
}

#[tokio::test]
async fn faults_apply_to_their_exact_path_until_cleared() {
    let harness = Harness::start().await;
    harness.sandbox.fault("/event_types", 9, Fault::status(500));
    assert_eq!(harness.status("/event_types/none").await, 404);
    assert_eq!(harness.status("/event_types?user=x").await, 500);
    harness.sandbox.clear_faults();
    assert_eq!(harness.status("/event_types").await, 400);

    harness.sandbox.fault("/issuer/jwks", 1, Fault::status(500));
    assert_eq!(harness.status("/issuer/jwks").await, 500);
    harness.sandbox.fault("/healthz", 1, Fault::status(500));
    assert_eq!(harness.status("/healthz").await, 200);
}

/// Returns the faults in CONTROLS.md, with values in the place of placeholders.
fn documented_faults() -> Vec<Value> {
    let text = include_str!("../../CONTROLS.md");
    let codes = text.split('`').filter(|code| code.starts_with("{\"kind\""));
    let values =
        [(": S", ": 520"), (": N", ": 1"), (": B", ": \"\""), (": T", ": \"a/b\""), (": URL", ": \"/\"")];
    let fill = |code: &str| {
        let code = code.replace("{…}", "{}");
        let filled = values.iter().fold(code, |code, (placeholder, value)| code.replace(placeholder, value));
        serde_json::from_str(&filled).unwrap()
    };
    let faults: Vec<_> = codes.map(fill).collect();
    assert!(faults.len() > 20, "{faults:?}");
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
    let cleared = harness.http.delete(harness.url("/sandbox/faults")).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(harness.status(PATH).await, 200);

    // Every fault that CONTROLS.md documents.
    for documented in documented_faults() {
        assert_eq!(add(documented.clone()).await, 204, "{documented}");
    }
    harness.sandbox.clear_faults();
    for invalid in [
        json!({ "kind": "status", "status": 1000 }),
        json!({ "kind": "status", "status": 503, "headers": { "a b": "" } }),
        json!({ "kind": "redirect", "location": "a\nb" }),
        json!({ "kind": "delay", "milliseconds": 5, "seconds": 1 }),
        json!({ "kind": "explosion" }),
        json!({ "kind": "key_set", "change": "unknown" }),
    ] {
        assert_eq!(add(invalid.clone()).await, 422, "{invalid}");
    }
    assert_eq!(harness.status(PATH).await, 200);
}

#[tokio::test]
async fn delays_precede_the_real_response() {
    let (harness, real) = start(Fault::Delay { milliseconds: 120 }).await;
    let start = Instant::now();
    assert_eq!(harness.get(PATH).await.text().await.unwrap(), real);
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_hang_ends_when_the_client_disconnects() {
    let (harness, _) = start(Fault::Hang).await;
    let url = harness.sandbox.base_url();
    assert!(timeout(Duration::from_millis(150), RawResponse::read(&url)).await.is_err());
    let finished = async {
        while harness.sandbox.calls()[0].finished_at.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), finished).await.unwrap();
    assert_eq!(harness.sandbox.calls()[0].status, None);
    assert_eq!(harness.status(PATH).await, 200);
}

#[tokio::test]
async fn resets_and_closes_precede_any_byte() {
    let (response, _) = raw(Fault::Reset).await;
    assert!(response.bytes.is_empty() && response.is_reset());
    let (response, _) = raw(Fault::Close).await;
    assert!(response.bytes.is_empty() && response.end.is_ok());
}

#[tokio::test]
async fn truncated_bodies_end_early() {
    let (response, real) = raw(Fault::Truncated { after: 25 }).await;
    assert_eq!(response.body(real.len()), &real.as_bytes()[..25]);
    let (response, real) = raw(Fault::Truncated { after: usize::MAX }).await;
    assert_eq!(response.body(real.len()), &real.as_bytes()[..real.len() - 1]);
    let (response, real) = raw(Fault::ResetInBody { after: 25 }).await;
    assert_eq!(response.body(real.len()), &real.as_bytes()[..25]);
    assert!(response.is_reset());

    let (harness, _) = start(Fault::HangInBody { after: 25 }).await;
    let mut response = harness.get(PATH).await;
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 25);
    assert!(timeout(Duration::from_millis(200), response.chunk()).await.is_err());
    assert_eq!(harness.sandbox.calls()[0].status, Some(200));
}

#[tokio::test]
async fn dripping_bodies_are_complete() {
    let (harness, real) = start(Fault::Drip { milliseconds: 1 }).await;
    let start = Instant::now();
    assert_eq!(harness.get(PATH).await.text().await.unwrap(), real);
    assert!(start.elapsed() >= Duration::from_millis(u64::try_from(real.len()).unwrap()));
}

#[tokio::test]
async fn bodies_are_corrupted_on_the_wire() {
    let (response, real) = raw(Fault::WrongLength { missing: 10 }).await;
    assert_eq!(response.body(real.len() - 10), real.as_bytes());

    let (response, real) = raw(Fault::NotUtf8).await;
    let mut body = response.body(real.len() + 1).to_vec();
    assert!(std::str::from_utf8(&body).is_err());
    body.retain(|byte| *byte != 0xff);
    assert_eq!(body, real.as_bytes());

    let (response, _) = raw(Fault::Garbage { bytes: "220 ready\r\n".to_owned() }).await;
    assert_eq!(response.bytes, b"220 ready\r\n");
}

#[tokio::test]
async fn bodies_have_any_type_and_size() {
    let html = Fault::Body { content_type: "text/html".to_owned(), body: "<p>hello".to_owned() };
    let (harness, _) = start(html).await;
    let response = harness.get(PATH).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.text().await.unwrap(), "<p>hello");

    harness.sandbox.fault(PATH, 1, Fault::Oversized { bytes: 3_000_000 });
    let body = harness.get(PATH).await.bytes().await.unwrap();
    assert_eq!(body.len(), 3_000_000);
    assert!(serde_json::from_slice::<Value>(&body).unwrap().is_string());

    harness.sandbox.fault(PATH, 1, Fault::Endless);
    let mut response = harness.get(PATH).await;
    let mut length = 0;
    while length < 10_000_000 {
        length += response.chunk().await.unwrap().unwrap().len();
    }

    harness.sandbox.fault(PATH, 1, Fault::Bomb { mebibytes: 64 });
    let response = harness.get(PATH).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let compressed = response.bytes().await.unwrap();
    assert!(compressed.len() < 100_000, "{}", compressed.len());
    let mut decompressed = flate2::read::MultiGzDecoder::new(&*compressed);
    assert_eq!(io::copy(&mut decompressed, &mut io::sink()).unwrap(), 64 * 1024 * 1024);
}

#[tokio::test]
async fn cloudflare_errors_are_html() {
    let harness = Harness::start().await;
    for status in 520..=524 {
        harness.sandbox.fault(PATH, 1, Fault::Cloudflare { status });
        let response = harness.get(PATH).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
        assert!(response.text().await.unwrap().contains(&format!("Error code {status}")));
    }
}

#[tokio::test]
async fn rate_limited_responses_have_the_requested_reset() {
    let (harness, _) = start(Fault::RateLimited { reset: 86_400 }).await;
    let response = harness.get(PATH).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ratelimit-reset"], "86400");
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(response.json::<Value>().await.unwrap()["title"], "Too Many Requests");
}

#[tokio::test]
async fn gzipped_responses_are_the_real_ones() {
    let harness = Harness::start().await;
    for path in [PATH, "/issuer/jwks"] {
        let real = harness.get(path).await.text().await.unwrap();
        harness.sandbox.fault(path, 1, Fault::Gzip);
        let response = harness.get(path).await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let body = response.bytes().await.unwrap();
        let decompressed = io::read_to_string(flate2::read::GzDecoder::new(&*body)).unwrap();
        assert_eq!(decompressed, real);
    }
}

#[tokio::test]
async fn faults_that_do_not_apply_are_not_implemented() {
    for fault in [Fault::DuplicateSlots, Fault::KeySet { change: KeySetChange::Padded }] {
        assert_eq!(start(fault).await.0.status(PATH).await, 501);
    }
}

#[tokio::test]
async fn redirects_have_a_location() {
    let location = "http://elsewhere.example/users/me";
    let (harness, _) = start(Fault::Redirect { location: location.to_owned() }).await;
    let response = harness.get(PATH).await;
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], location);
}

#[tokio::test]
async fn the_proxy_forwards_and_injects_faults() {
    let (harness, real) = start(Fault::Delay { milliseconds: 0 }).await;
    let proxy = Door::to(&harness.sandbox.base_url()).await.unwrap();
    let get = async |path: &str| {
        let request = harness.http.get(format!("{}{path}", proxy.url())).bearer_auth(DEFAULT_PAT);
        request.send().await.unwrap()
    };
    assert_eq!(get(PATH).await.text().await.unwrap(), real);
    assert_eq!(get("/unknown").await.status(), 404);
    proxy.fault(PATH, 1, Fault::status(503));
    assert_eq!(get(PATH).await.status(), 503);
    proxy.fault(PATH, 1, Fault::ResetInBody { after: 25 });
    let response = RawResponse::read(&proxy.url()).await;
    assert_eq!(response.body(real.len()), &real.as_bytes()[..25]);
    assert!(response.is_reset());
    proxy.fault(PATH, 9, Fault::status(503));
    proxy.clear_faults();
    assert_eq!(get(PATH).await.text().await.unwrap(), real);
    let paths: Vec<_> = harness.sandbox.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, [PATH, "/unknown", PATH, PATH]);
    drop(harness);
    assert_eq!(client().get(proxy.url()).send().await.unwrap().status(), 502);
}
