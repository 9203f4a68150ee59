//! Logs and metrics (docs/contract.md, sections 7 and 8): their members, and what must not be in them.

use chrono::Utc;
use end_to_end::{
    AVAILABLE_TIMES, Binary, Gateway, Request, Setup, World, aws_internal_error, json_object, status_fault,
    time,
};
use sandbox::{Algorithm, Fault, Mint};
use serde_json::{Value, json};

/// A good request for check-availability.
fn good(world: &World) -> Request {
    world.request().days(2, 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn line_that_ends_a_request_tells_its_outcome() {
    let world = Setup::new(Binary::User).start().await;
    for (request, status, code, is_cold) in [
        (world.request(), 200, Value::Null, true),
        (world.request(), 200, Value::Null, false),
        (Request::get("/x"), 401, json!("token_missing"), false),
    ] {
        let answer = world.send(&request).await;
        let line = world.log_line(&answer.request_id).await;
        for (member, expected) in [
            ("status", json!(status)),
            ("code", code),
            ("cold_start", json!(is_cold)),
            ("function", json!("user")),
            ("FunctionName", json!("user")),
            ("level", json!("INFO")),
        ] {
            assert_eq!(line[member], expected, "{member}: {line}");
        }
        assert!(line["xray_trace_id"].as_str().unwrap().starts_with("Root=1-6b0e9398"), "{line}");
        assert!(line["duration_ms"].as_f64().unwrap() > line["calendly_ms"].as_f64().unwrap(), "{line}");
        let written = time(&line["timestamp"]);
        assert!((Utc::now() - written).num_seconds().abs() < 60, "{line}");
    }
}

/// Metrics are logged at every level.
#[tokio::test(flavor = "multi_thread")]
async fn log_level_is_lambdas() {
    let setup = || Setup::new(Binary::User).with("AWS_LAMBDA_LOG_LEVEL", "WARN");
    let unreachable = setup().with("CALENDLY_BASE_URL", "http://127.0.0.1:9");
    for (setup, status, level) in [(setup(), 200, None), (unreachable, 502, Some("ERROR"))] {
        let world = setup.start().await;
        let answer = world.get(&[]).await;
        assert_eq!(answer.status, status);
        world.function.kill().await;
        let lines = world.function.log();
        let line = lines.iter().find(|line| line["request_id"] == *answer.request_id);
        assert_eq!(line.and_then(|line| line["level"].as_str()), level, "{lines:?}");
        assert!(lines.iter().any(|line| line.get("CalendlyCalls").is_some()), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_cannot_be_split_or_forged() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let forged = "x\n{\"level\":\"INFO\",\"request_id\":\"forged\",\"status\":200}\n";
    let body = json!({"title": forged, "message": forged}).to_string();
    world.sandbox.fault(AVAILABLE_TIMES, 1_000, status_fault(403, &[], &body));
    for request in [
        Request::get("/x").bearer(forged),
        Request::get(forged).header("X-Request-Id", forged),
        world.request_with_claims(json!({"iss": forged})),
        world.request_with_claims(json!({"aud": forged})),
        good(&world).header("User-Agent", forged),
        good(&world).query(&[("timezone", forged)]),
        good(&world).query(&[("event_type", forged)]),
        world.request().query(&[("start_time", forged)]),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &request).await;
            world.log_line(&answer.request_id).await;
        }
    }
    world.function.kill().await;
    // `log` panics if a line is no JSON object.
    assert!(!world.function.log().is_empty());
    assert!(
        !world.function.raw_output().contains("forged"),
        "nothing that callers or Calendly send is logged"
    );
}

/// Also the lines that warn of a problem during a request.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_the_version_and_its_request_id() {
    let setup = Setup::new(Binary::User).with_pat_per_caller();
    let world = setup.with("CALENDLY_BASE_URL", "http://127.0.0.1:9").start().await;
    world.secrets.set_fault(aws_internal_error());
    let answer = world.send(&world.request_with_claims(json!({"sub": "caller-name"}))).await;
    answer.assert_error(503, "secrets_unavailable", "");
    world.log_line(&answer.request_id).await;
    let warm_up = world.invoke(&json!({"warmer": true})).await.request_id;
    world.function.kill().await;
    let log = world.function.log();
    assert!(log.iter().all(|line| line["version"] == "$LATEST"), "{log:?}");
    let is_of_init = |line: &&Value| line.get("request_id").is_none();
    assert!(log.iter().take_while(is_of_init).count() > 0, "init logs that Calendly is unreachable: {log:?}");
    for line in log.iter().skip_while(is_of_init) {
        assert!([&*answer.request_id, &*warm_up].iter().any(|id| line["request_id"] == **id), "{line}");
    }
    assert!(!world.function.raw_output().contains("caller-name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_logged_as_hashes() {
    for (key, expected) in [(&*"k".repeat(32), json!("20acc6e517e06d41")), ("short", Value::Null)] {
        let setup = Setup::new(Binary::User).with("CALLER_HASH_SECRET_ID", "{secret}/key");
        let world = setup.other_secret("key", key).start().await;
        let unprepared = world.warm_up().await.get("unprepared").map(Value::to_string);
        assert_eq!(unprepared.is_some_and(|reason| reason.contains("32 bytes")), key == "short");
        let answer = world.send(&world.request_with_claims(json!({"sub": "robin"}))).await;
        answer.assert_ok(key);
        assert_eq!(world.log_line(&answer.request_id).await["caller"], expected);
        assert!(!world.function.raw_output().contains("robin"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_output() {
    const PAT: &str = "very-secret-personal-access-token";
    const OTHER_PAT: &str = "very-secret-rotated-token";
    const JWT_SECRET: &str = "very-secret-shared-secret-of-the-issuer";
    let setup = Setup::new(Binary::CheckAvailability).with("CALENDLY_MAX_RETRIES", "0");
    let setup = setup.secret(Some(PAT)).other_secret("jwt", JWT_SECRET);
    let world = setup.with("JWT_ISSUER", "").with("JWT_SECRET_ID", "{secret}/jwt").start().await;
    world.sandbox.add_account(PAT);
    let mint = |claims: Value| {
        world.sandbox.mint(Mint {
            algorithm: Algorithm::Hs256,
            secret: JWT_SECRET.to_owned(),
            claims: json_object(claims),
            ..Mint::default()
        })
    };
    let tokens = [mint(json!({})), mint(json!({"exp": 1})), format!("{}x", mint(json!({})))];
    let request = |token: &str| good(&world).without_header("Authorization").bearer(token);
    let mut answers = Vec::new();
    for token in &tokens {
        for fault in [None, Some(Fault::status(401)), Some(Fault::Reset), Some(Fault::status(500))] {
            world.sandbox.clear_faults();
            if let Some(fault) = fault {
                world.sandbox.fault(AVAILABLE_TIMES, 1, fault);
            }
            answers.push(world.send(&request(token)).await);
        }
    }
    answers[0].assert_ok("");
    world.secrets.store(&world.secret_id, OTHER_PAT);
    world.sandbox.revoke_pat(PAT);
    answers.push(world.send(&request(&tokens[0])).await);
    world.secrets.set_fault(aws_internal_error());
    answers.push(world.send(&request(&tokens[0])).await);
    world.warm_up().await;
    let unknown = json!({"headers": {"authorization": format!("Bearer {}", tokens[0])}});
    let error = world.invoke(&unknown).await.result.unwrap_err();
    world.function.kill().await;

    let mut output = world.function.raw_output() + &error.to_string();
    for answer in &answers {
        output.push_str(&format!("{:?}{}", answer.headers, answer.body));
    }
    assert!(output.len() > 1_000);
    let signatures = tokens.iter().filter_map(|token| token.rsplit('.').next());
    let others = [PAT, OTHER_PAT, JWT_SECRET, "wJalrXUtnFEMI", "session-token-of-the"];
    for secret in signatures.chain(others) {
        assert!(!output.contains(secret), "{secret} is in the output");
    }
}
