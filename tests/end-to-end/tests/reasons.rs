//! Every failed request can be explained from its own line of the log (contract, section 8).
#![cfg(test)]

use std::time::Duration;

use end_to_end::{Answer, Binary, Gateway, Invocation, Request, Setup, Trouble, World, day, until};
use sandbox::Fault;
use serde_json::{Value, json};

fn good(world: &World) -> Request {
    let near = [day(2), day(3)].map(|day| day.to_string());
    world.request().query(&[("start_time", &*near[0]), ("end_time", &*near[1])])
}

/// A sentence of ours: words, and a full stop.
fn assert_reason(line: &Value, answer: &Answer) {
    let reason = line["reason"].as_str().unwrap_or_else(|| panic!("no reason: {line}"));
    assert!(reason.contains(' ') && reason.ends_with('.'), "{reason:?}: {line}");
    assert!(reason.len() < 500, "{reason:?}");
    assert_eq!((&line["status"], &line["code"]), (&json!(answer.status), &json!(answer.code())));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failed_request_can_be_explained_from_its_own_line() {
    let setup = Setup::of(Binary::CheckAvailability)
        .with("JWT_REQUIRED_SCOPE", "calendly:read")
        .with("CALENDLY_MAX_RETRIES", "0")
        .with("CALENDLY_TIMEOUT_MS", "1000");
    let world = setup.start().await;
    let good = good(&world);
    let claims = |claims: Value| world.request_with_claims(claims);
    let mut seen = Vec::new();
    for (code, request, fault) in [
        ("token_missing", Request::get("/x"), None),
        ("token_invalid", Request::get("/x").bearer("garbage"), None),
        ("token_invalid", claims(json!({"aud": "a-caller-named-so"})), None),
        ("token_expired", claims(json!({"exp": 1})), None),
        ("insufficient_scope", claims(json!({"scope": "a-caller-named-so"})), None),
        ("invalid_parameter", world.request().query(&[("start_time", "a-caller-named-so")]), None),
        ("no_event_type", good.clone().query(&[("event_type", "a-caller-named-so")]), None),
        ("calendly_error", good.clone(), Some(Fault::status(500))),
        ("calendly_error", good.clone(), Some(Fault::status(401))),
        ("calendly_unreachable", good.clone(), Some(Fault::Reset)),
        ("calendly_unreachable", good.clone(), Some(Fault::Hang)),
        ("calendly_invalid_response", good.clone(), Some(Fault::Oversized { bytes: 20_000_000 })),
        ("calendly_invalid_response", good.clone(), Some(Fault::status(204))),
        ("calendly_invalid_response", good.clone(), Some(Fault::Redirect { location: "/".to_owned() })),
    ] {
        if let Some(fault) = fault {
            world.sandbox.fault("/event_type_available_times", 1, fault);
        }
        let answer = world.send(&request).await;
        assert_eq!(answer.code(), code, "{}", answer.body);
        let line = world.end_line(&answer.request_id).await;
        assert_reason(&line, &answer);
        seen.push(line["reason"].clone());
        world.sandbox.clear_faults();
    }
    let answer = world.send(&good).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let line = world.end_line(&answer.request_id).await;
    assert!(line.get("reason").is_none_or(Value::is_null), "nothing failed: {line}");
    assert!(!world.function.raw_output().contains("a-caller-named-so"));
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert!(seen.len() >= 12, "one sentence for all: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstreams_do_to_a_request_is_explained_in_its_line_too() {
    let callers_own = || Setup::of(Binary::User).with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}");
    let without_keys = callers_own().with("JWT_JWKS_URL", "http://127.0.0.1:9/jwks");
    for (code, trouble, setup, said) in [
        ("pat_missing", Trouble::None, callers_own(), "No Calendly token is stored for this caller."),
        (
            "secrets_unavailable",
            Trouble::Down,
            callers_own(),
            "Secrets Manager answered InternalServiceError",
        ),
        ("secrets_unavailable", Trouble::Denied, callers_own(), "Secrets Manager answered AccessDenied"),
        ("secrets_unavailable", Trouble::Hang, callers_own(), "Secrets Manager did not answer in time"),
        ("keys_unavailable", Trouble::None, without_keys, ""),
    ] {
        let world = setup.start().await;
        world.secrets.trouble(trouble);
        let answer = world.ask(&[]).await;
        assert_eq!(answer.code(), code, "{}", answer.body);
        let line = world.end_line(&answer.request_id).await;
        assert_reason(&line, &answer);
        assert!(line["reason"].as_str().unwrap().contains(said), "{line}");
    }
    let world = Setup::of(Binary::User).with("CALENDLY_TIMEOUT_MS", "60000").start().await;
    world.sandbox.fault("/users/me", 1, Fault::Hang);
    let event = world.request().through(Gateway::HttpApi);
    let outcome = world.function.invoke(Invocation::new(&event).within(Duration::from_secs(1))).await;
    let answer = Answer::of(outcome);
    assert_eq!(answer.code(), "deadline_exceeded", "{}", answer.body);
    assert_reason(&world.end_line(&answer.request_id).await, &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_the_version_and_those_about_a_request_its_id() {
    let setup = Setup::of(Binary::User)
        .with("CALENDLY_PAT_SECRET_ID", "{secret}/{sub}")
        .with("CALENDLY_BASE_URL", "http://127.0.0.1:9");
    let world = setup.start().await;
    // Calendly is not there: that is all that init has to say.
    let of_init =
        until("the line of init", || Some(world.function.log().len()).filter(|lines| *lines > 0)).await;
    let mut ids = Vec::new();
    for trouble in [Trouble::Denied, Trouble::Down] {
        world.secrets.trouble(trouble);
        for caller in ["a-caller-named-so", "another-caller-named-so"] {
            let answer = world.send(&world.request_with_claims(json!({"sub": caller}))).await;
            assert_eq!(answer.code(), "secrets_unavailable", "{}", answer.body);
            let lines = world.function.log_of(&answer.request_id).await;
            assert!(lines.len() <= 2, "{lines:?}");
            ids.push(answer.request_id);
        }
    }
    let outcome = world.invoke(&json!({"warmer": true})).await;
    ids.push(outcome.request_id);
    world.function.kill().await;
    for (index, line) in world.function.log().iter().enumerate() {
        assert!(line["version"].as_str().is_some_and(|version| !version.is_empty()), "{line}");
        if index >= of_init {
            assert!(ids.iter().any(|id| line["request_id"] == **id), "whose line is it? {line}");
        }
    }
    assert!(!world.function.raw_output().contains("caller-named-so"));
}
