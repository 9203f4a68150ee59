//! Problems (docs/contract.md, section 2), including those that pass on Calendly's errors.

use end_to_end::{Answer, Binary, ME, Request, Setup, World, status_fault};
use sandbox::Fault;
use serde_json::json;

/// Checks the members and headers of every problem.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    answer.assert_error(status, code, "a problem");
    let json = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{json}");
    assert_eq!((&json["status"], &json["request_id"]), (&json!(status), &json!(answer.request_id)));
    for member in ["type", "title", "detail"] {
        assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
    }
}

/// The answer of `user` when Calendly has this fault.
async fn answer_to(world: &World, fault: Fault) -> Answer {
    world.sandbox.fault(ME, 1, fault);
    world.get(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_members_of_calendlys_errors_are_passed_on() {
    let world = Setup::new(Binary::User).start().await;
    let whole = r#"{"title":"Invalid Argument","message":"Not so.","details":[{"parameter":"x","code":"odd"}],"private":"y"}"#;
    // Bodies over 64 KiB are not read.
    let long = json!({"title": "t", "others": "x".repeat(70_000)}).to_string();
    for (headers, body, expected) in [
        (
            &[][..],
            whole,
            json!({"status": 422, "title": "Invalid Argument", "message": "Not so.",
                   "details": [{"parameter": "x", "code": "odd"}]}),
        ),
        (&[("content-encoding", "gzip")], whole, json!({"status": 404})),
        (&[], r#"{"title":7,"message":"Only this"}"#, json!({"status": 403, "message": "Only this"})),
        (&[], r#"{"title":"#, json!({"status": 599})),
        (&[], &long, json!({"status": 500})),
    ] {
        let status = expected["status"].as_u64().unwrap() as u16;
        let answer = answer_to(&world, status_fault(status, headers, body)).await;
        assert_problem(&answer, status, "calendly_error");
        assert_eq!(answer.json()["calendly"], expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn response_with_a_content_coding_is_invalid() {
    let world = Setup::new(Binary::User).start().await;
    let body = r#"{"resource":{"uri":"https://api.calendly.com/users/X"}}"#;
    let answer = answer_to(&world, status_fault(200, &[("content-encoding", "gzip")], body)).await;
    assert_problem(&answer, 502, "calendly_invalid_response");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_cannot_be_injected() {
    let world = Setup::new(Binary::User).start().await;
    let body = r#"{"title":"a\r\nX-Forged: 1","message":"b\r\nSet-Cookie: x=y\n{}"}"#;
    let headers =
        [("retry-after", "60"), ("x-request-id", "calendlys"), ("set-cookie", "a=b"), ("x-forged", "1")];
    let of_calendly = answer_to(&world, status_fault(429, &headers, body)).await;
    assert_problem(&of_calendly, 429, "calendly_error");
    let of_caller = world.send(&Request::get("/calendly/user").bearer("x\r\nX-Forged: 1")).await;
    assert_problem(&of_caller, 401, "token_invalid");
    for answer in [of_calendly, of_caller] {
        for (name, value) in &answer.headers {
            assert!(!name.contains("forged") && name != "set-cookie", "{name}");
            assert!(!value.contains(['\r', '\n']), "{name}: {value:?}");
        }
    }
}

/// Authentication comes first, then parameters, then the PAT (docs/contract.md, section 1).
#[tokio::test(flavor = "multi_thread")]
async fn checks_are_in_order() {
    let world = Setup::new(Binary::CheckAvailability).secret(None).start().await;
    let reads = world.secrets.reads();
    let no_token = Request::get("/calendly/check-availability").query(&[("start_time", "never")]);
    assert_problem(&world.send(&no_token).await, 401, "token_missing");
    let invalid = world.get(&[("start_time", "never"), ("end_time", "2099-01-01")]).await;
    assert_problem(&invalid, 400, "invalid_parameter");
    assert_eq!(invalid.json()["parameter"], "start_time");
    assert_eq!(world.secrets.reads(), reads);
    let answer = world.send(&world.request().days(2, 3)).await;
    assert_problem(&answer, 400, "pat_missing");
    assert_eq!(world.secrets.reads(), reads + 1);
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}
