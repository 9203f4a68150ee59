//! Configuration (contract, section 5): a bad variable stops the function, named with the reason.
#![cfg(test)]

use end_to_end::{Binary, Setup, World, until};

async fn ends_and_names(setup: Setup, names: &[&str], what: &str) -> World {
    let world = setup.spawn().await;
    let status = world.function.end().await;
    assert!(!status.success(), "{what}: {status}");
    assert_eq!(world.function.polls(), 0, "{what}: it asked for an event");
    let log = world.function.log();
    let report = world.function.init_error();
    let report = report.unwrap_or_else(|| panic!("{what}: nothing was reported to init/error: {log:?}"));
    for name in names {
        assert!(log.iter().any(|line| line.to_string().contains(name)), "{what}: {name}: {log:?}");
        let message = report["errorMessage"].as_str().unwrap_or_default();
        assert!(message.contains(name), "{what}: {name}: {report}");
    }
    assert!(report["errorType"].is_string(), "{what}: {report}");
    assert!(!world.function.raw_output().contains("panicked"), "{what}");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_variable_ends_the_function_and_is_named() {
    for (name, value) in [
        ("CALENDLY_PAT_SECRET_ID", "pat/{sub"),
        ("CALENDLY_PAT_SECRET_ID", "pat/{}"),
        ("PAT_CACHE_SECONDS", "-1"),
        ("PAT_CACHE_SECONDS", "5m"),
        ("CALENDLY_BASE_URL", "api.calendly.com"),
        ("CALENDLY_BASE_URL", "http://api.calendly.com"),
        ("CALENDLY_TIMEOUT_MS", "0"),
        ("CALENDLY_TIMEOUT_MS", "fast"),
        ("CALENDLY_MAX_RETRIES", "-1"),
        ("CALENDLY_MAX_RETRIES", "99999999999"),
        ("JWT_ISSUER", "issuer"),
        ("JWT_ISSUER", "http://issuer.example"),
        ("JWT_AUDIENCE", " , "),
        ("JWT_JWKS_URL", "ftp://issuer.example/jwks"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost"),
        ("AWS_CA_BUNDLE", "/nowhere/bundle.pem"),
        ("AWS_CA_BUNDLE", "/dev/null"),
    ] {
        ends_and_names(Setup::of(Binary::User).with(name, value), &[name], &format!("{name}={value}")).await;
    }
    let setup = Setup::of(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "1.5");
    ends_and_names(setup, &["EVENT_TYPE_CACHE_SECONDS"], "a function's own").await;
    let setup = Setup::of(Binary::UserEventTypes).with("EVENT_TYPE_FIELDS", "name;slug");
    let setup = setup.with("INCLUDE_SECRET_EVENT_TYPES", "no");
    ends_and_names(setup, &["EVENT_TYPE_FIELDS", "INCLUDE_SECRET_EVENT_TYPES"], "a function's own").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_ends_the_function_and_is_named() {
    for name in ["CALENDLY_PAT_SECRET_ID", "JWT_AUDIENCE"] {
        for binary in Binary::ALL {
            ends_and_names(Setup::of(binary).without(name), &[name], name).await;
        }
        for blank in ["", " ", "\t", " \n "] {
            ends_and_names(Setup::of(Binary::User).with(name, blank), &[name], "blank").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_kinds_of_issuer_or_none_end_the_function() {
    let names = ["JWT_ISSUER", "JWT_SECRET_ID"];
    ends_and_names(Setup::of(Binary::User).with("JWT_SECRET_ID", "jwt"), &names, "both").await;
    ends_and_names(Setup::of(Binary::User).without("JWT_ISSUER"), &names, "neither").await;
    let blank = Setup::of(Binary::User).with("JWT_ISSUER", " ").with("JWT_SECRET_ID", "\t");
    ends_and_names(blank, &names, "blank").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_variable_is_named_at_once() {
    let setup = Setup::of(Binary::User).with("PAT_CACHE_SECONDS", "x").with("CALENDLY_TIMEOUT_MS", "y");
    ends_and_names(
        setup.without("JWT_AUDIENCE"),
        &["PAT_CACHE_SECONDS", "CALENDLY_TIMEOUT_MS", "JWT_AUDIENCE"],
        "three",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_counts_as_unset() {
    let setup = Setup::of(Binary::User)
        .with("PAT_CACHE_SECONDS", "")
        .with("EVENT_TYPE_CACHE_SECONDS", "")
        .with("CALENDLY_TIMEOUT_MS", "")
        .with("CALENDLY_MAX_RETRIES", "")
        .with("JWT_JWKS_URL", "")
        .with("JWT_SECRET_ID", "")
        .with("JWT_REQUIRED_SCOPE", "")
        .with("AWS_LAMBDA_LOG_LEVEL", "");
    let world = setup.start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_may_be_one_of_several() {
    let setup = Setup::of(Binary::User).with("JWT_AUDIENCE", "another, calendly-functions");
    assert_eq!(setup.start().await.ask(&[]).await.status, 200);
    let setup = Setup::of(Binary::User).with("JWT_AUDIENCE", "another,calendly");
    assert_eq!(setup.start().await.ask(&[]).await.verdict(), (401, "token_invalid".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_may_end_with_a_slash() {
    let world = Setup::of(Binary::User).with("CALENDLY_BASE_URL", "{sandbox}/").start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    assert_eq!(world.calendly_paths(), ["/users/me"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_why_even_where_only_errors_are_logged() {
    let setup =
        Setup::of(Binary::User).with("AWS_LAMBDA_LOG_LEVEL", "ERROR").with("CALENDLY_TIMEOUT_MS", "x");
    let world = setup.spawn().await;
    assert!(!world.function.end().await.success());
    let line = until("a line", || world.function.log().into_iter().next()).await;
    assert!(line.to_string().contains("CALENDLY_TIMEOUT_MS"), "{line}");
}
