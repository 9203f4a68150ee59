//! Environment variables (docs/contract.md, section 5). The table of invalid values is a unit test.

use end_to_end::{Binary, Setup};

/// Checks that the function stops at init and that the log and the report name the variables.
async fn assert_init_fails(setup: Setup, names: &[&str]) {
    // The log has the reason even if only errors are logged.
    let world = setup.with("AWS_LAMBDA_LOG_LEVEL", "ERROR").spawn().await;
    let status = world.function.wait_for_exit().await;
    assert!(!status.success(), "{names:?}: {status}");
    assert_eq!(world.function.polls(), 0, "{names:?}: it requested an event");
    let log = world.function.log();
    let report = world.function.init_error().unwrap_or_else(|| panic!("no report to init/error: {log:?}"));
    assert!(report["errorType"].is_string(), "{report}");
    for name in names {
        assert!(log.iter().any(|line| line.to_string().contains(name)), "{name}: {log:?}");
        assert!(report["errorMessage"].as_str().unwrap_or_default().contains(name), "{name}: {report}");
    }
    assert!(!world.function.raw_output().contains("panicked"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_variables_stop_the_function_and_are_named() {
    let user = Setup::new(Binary::User).with("JWT_AUDIENCE", "").with("CALENDLY_TIMEOUT_MS", "0");
    assert_init_fails(user, &["JWT_AUDIENCE", "CALENDLY_TIMEOUT_MS"]).await;
    for bundle in ["/nowhere/bundle.pem", "/dev/null"] {
        assert_init_fails(Setup::new(Binary::User).with("AWS_CA_BUNDLE", bundle), &["AWS_CA_BUNDLE"]).await;
    }
    let availability = Setup::new(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "1.5");
    assert_init_fails(availability, &["EVENT_TYPE_CACHE_SECONDS"]).await;
    let event_types = Setup::new(Binary::UserEventTypes)
        .with("EVENT_TYPE_FIELDS", "name;slug")
        .with("INCLUDE_SECRET_EVENT_TYPES", "no");
    assert_init_fails(event_types, &["EVENT_TYPE_FIELDS", "INCLUDE_SECRET_EVENT_TYPES"]).await;
    let mcp = Setup::new(Binary::Mcp).with("MCP_ALLOWED_ORIGINS", "app.example.com");
    assert_init_fails(mcp, &["MCP_ALLOWED_ORIGINS"]).await;
}
