//! Faults, each as a client meets it.

use std::time::Duration;

use reqwest::StatusCode;
use sandbox::Fault;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::caller::{Caller, fixed};

const PATH: &str = "/users/me";

/// The bytes that a plain connection gets for a request, until it ends.
async fn raw(caller: &Caller) -> std::io::Result<String> {
    let address = caller.sandbox.base_url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await?;
    let request =
        format!("GET {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer sandbox-pat\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

async fn status(caller: &Caller, path: &str) -> u16 {
    caller.get(path, &[]).await.status().as_u16()
}

#[tokio::test]
async fn a_status_comes_with_its_body_and_headers_as_often_as_ordered() {
    let caller = Caller::start(fixed()).await;
    let fault = json!({
        "kind": "status",
        "status": 429,
        "body": "<html>",
        "headers": { "content-type": "text/html", "retry-after": "7" },
    });
    caller.sandbox.fault(PATH, 2, serde_json::from_value(fault).unwrap());
    caller.sandbox.fault(PATH, 1, Fault::status(503));
    for _ in 0..2 {
        let response = caller.get(PATH, &[]).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(response.text().await.unwrap(), "<html>");
    }
    assert_eq!(status(&caller, PATH).await, 503);
    assert_eq!(status(&caller, PATH).await, 200);
}

#[tokio::test]
async fn only_exactly_the_path_goes_wrong_and_until_cleared() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.fault("/event_types", 9, Fault::status(500));
    assert_eq!(status(&caller, "/event_types/none").await, 404);
    assert_eq!(status(&caller, "/event_types?user=x").await, 500);
    caller.sandbox.clear_faults();
    assert_eq!(status(&caller, "/event_types").await, 400);

    caller.sandbox.fault("/issuer/jwks", 1, Fault::status(500));
    assert_eq!(status(&caller, "/issuer/jwks").await, 500);
    caller.sandbox.fault("/healthz", 1, Fault::status(500));
    assert_eq!(status(&caller, "/healthz").await, 200);
}

#[tokio::test]
async fn a_delay_is_followed_by_the_real_answer() {
    let caller = Caller::start(fixed()).await;
    let expected = caller.read(PATH, &[]).await;
    caller.sandbox.fault(PATH, 1, Fault::Delay { milliseconds: 120 });
    let began = Instant::now();
    assert_eq!(caller.read(PATH, &[]).await, expected);
    assert!(began.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_hang_ends_when_the_client_gives_up() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.fault(PATH, 1, Fault::Hang);
    let limit = Duration::from_millis(150);
    assert!(timeout(limit, raw(&caller)).await.is_err());
    // The client's connection is gone; the sandbox notices in its own time.
    let noticed = async {
        while caller.sandbox.calls()[0].finished_at.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), noticed).await.unwrap();
    assert_eq!(caller.sandbox.calls()[0].status, None);
    assert_eq!(status(&caller, PATH).await, 200);
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.fault(PATH, 2, Fault::Reset);
    let error = raw(&caller).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(caller.request(PATH).send().await.is_err());
    assert_eq!(status(&caller, PATH).await, 200);
    assert_eq!(caller.sandbox.calls()[0].status, None);
}

#[tokio::test]
async fn a_close_comes_before_any_byte() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.fault(PATH, 2, Fault::Close);
    assert_eq!(raw(&caller).await.unwrap(), "");
    assert!(caller.request(PATH).send().await.is_err());
    assert_eq!(status(&caller, PATH).await, 200);
}

#[tokio::test]
async fn a_truncated_answer_is_the_real_one_cut_short() {
    let caller = Caller::start(fixed()).await;
    let whole = caller.get(PATH, &[]).await.text().await.unwrap();
    caller.sandbox.fault(PATH, 1, Fault::Truncated { after: 25 });
    caller.sandbox.fault(PATH, 1, Fault::Truncated { after: usize::MAX });
    let answer = raw(&caller).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(head.contains("content-type: application/json"));
    assert!(head.contains(&format!("content-length: {}", whole.len())));
    assert_eq!(body, &whole[..25]);

    let response = caller.get(PATH, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.bytes().await.is_err());
    assert_eq!(caller.sandbox.calls()[1].status, Some(200));
}

#[tokio::test]
async fn a_body_may_be_anything_and_of_any_size() {
    let caller = Caller::start(fixed()).await;
    let html = Fault::Body { content_type: "text/html".to_owned(), body: "<p>hello".to_owned() };
    caller.sandbox.fault(PATH, 1, html);
    let bytes = 3_000_000;
    caller.sandbox.fault(PATH, 1, Fault::Oversized { bytes });
    let response = caller.get(PATH, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.text().await.unwrap(), "<p>hello");

    let body = caller.get(PATH, &[]).await.bytes().await.unwrap();
    assert_eq!(body.len(), bytes);
    assert!(serde_json::from_slice::<Value>(&body).unwrap().is_string());
}

#[tokio::test]
async fn a_redirect_leads_where_it_is_told() {
    let caller = Caller::start(fixed()).await;
    let location = "http://elsewhere.example/users/me".to_owned();
    caller.sandbox.fault(PATH, 1, Fault::Redirect { location });
    let response = caller.get(PATH, &[]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()["location"], "http://elsewhere.example/users/me");
}

#[tokio::test]
async fn faults_are_ordered_and_cleared_over_http() {
    let caller = Caller::start(fixed()).await;
    let faults = caller.url("/sandbox/faults");
    let order = |fault: Value| {
        let body = json!({ "path": PATH, "times": 5, "fault": fault });
        caller.http.post(&faults).json(&body).send()
    };
    let ordered = order(json!({ "kind": "status", "status": 502 })).await;
    assert_eq!(ordered.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(status(&caller, PATH).await, 502);
    let cleared = caller.http.delete(&faults).send().await;
    assert_eq!(cleared.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(status(&caller, PATH).await, 200);

    for impossible in [
        json!({ "kind": "status", "status": 1000 }),
        json!({ "kind": "status", "status": 503, "headers": { "a b": "" } }),
        json!({ "kind": "explosion" }),
    ] {
        let refused = order(impossible.clone()).await.unwrap();
        assert!(refused.status().is_client_error(), "{impossible}");
    }
    assert_eq!(status(&caller, PATH).await, 200);
}
