//! `GET /calendly/user` (contract, section 1.1), and what all three routes have in common.
#![cfg(test)]

use end_to_end::{Answer, Binary, Gateway, Setup};
use sandbox::Fault;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn answers_the_uri_of_the_pats_user_through_both_gateways() {
    let world = Setup::of(Binary::User).start().await;
    let me: Value = serde_json::from_str(&world.calendly_says("/users/me", &[]).await).unwrap();
    assert!(me["resource"]["uri"].as_str().unwrap().starts_with("https://api.calendly.com/users/"));
    for gateway in Gateway::BOTH {
        let answer = world.send_through(gateway, &world.request()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json(), json!({"uri": me["resource"]["uri"]}));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn header_name_and_scheme_may_be_in_any_letter_case() {
    let world = Setup::of(Binary::User).start().await;
    let token = world.sandbox.token();
    for (name, scheme) in [
        ("authorization", "bearer"),
        ("AUTHORIZATION", "BEARER"),
        ("Authorization", "bEaReR"),
        // Several spaces are allowed (RFC 9110, section 11.4).
        ("Authorization", "Bearer  "),
    ] {
        for gateway in Gateway::BOTH {
            let request =
                world.request().without_header("Authorization").header(name, &format!("{scheme} {token}"));
            assert_eq!(world.send_through(gateway, &request).await.status, 200, "{name}: {scheme}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_or_a_base_path_changes_nothing() {
    let world = Setup::of(Binary::User).start().await;
    for path in ["/prod/calendly/user", "/", "/anything/else"] {
        for gateway in Gateway::BOTH {
            let request = end_to_end::Request::get(path).bearer(&world.sandbox.token());
            assert_eq!(world.send_through(gateway, &request).await.status, 200, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_parameters_are_ignored() {
    let world = Setup::of(Binary::User).start().await;
    assert_eq!(world.ask(&[("utm_source", "x"), ("utm_source", "y")]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_uri_is_not_what_calendly_documents() {
    let world = Setup::of(Binary::User).start().await;
    for body in
        [r#"{"resource":{}}"#, r#"{"resource":{"uri":null}}"#, r#"{"resource":{"uri":7}}"#, "{}", "[]"]
    {
        let fault = Fault::Body { content_type: "application/json".to_owned(), body: body.to_owned() };
        world.sandbox.fault("/users/me", 1, fault);
        let answer = world.ask(&[]).await;
        assert_eq!(answer.verdict(), (502, "calendly_invalid_response".to_owned()), "{body}");
    }
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_not_needed_may_be_missing_or_new() {
    let world = Setup::of(Binary::User).start().await;
    let body = r#"{"resource":{"uri":"https://api.calendly.com/users/X","new":{"a":[1]}},"also":"new"}"#;
    let fault = Fault::Body { content_type: "application/json".to_owned(), body: body.to_owned() };
    world.sandbox.fault("/users/me", 1, fault);
    assert_eq!(world.ask(&[]).await.json(), json!({"uri": "https://api.calendly.com/users/X"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_with_only_what_is_needed_are_understood() {
    let world = Setup::of(Binary::User).start().await;
    let authorization = format!("Bearer {}", world.sandbox.token());
    for event in [
        json!({"version": "2.0", "headers": {"authorization": authorization},
               "requestContext": {"http": {"method": "GET"}}}),
        json!({"httpMethod": "GET", "headers": {"Authorization": authorization},
               "requestContext": {"httpMethod": "GET", "identity": {}}}),
        json!({"httpMethod": "GET", "headers": null, "multiValueHeaders": {"Authorization": [authorization]},
               "queryStringParameters": null, "requestContext": {"httpMethod": "GET", "identity": {}}}),
    ] {
        let answer = Answer::of(world.invoke(&event).await);
        assert_eq!(answer.status, 200, "{event}: {}", answer.body);
    }
}
