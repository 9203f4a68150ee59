//! Events that are neither requests nor warm-ups (docs/contract.md, section 1). The table of shapes is a unit test.

use end_to_end::{Binary, Setup};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn unknown_events_are_function_errors() {
    let world = Setup::new(Binary::User).start().await;
    for event in [
        json!([{"warmer": true}]),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "private-body"}]}),
        json!({"requestContext": {"http": {"method": "GET"}}, "headers": {"authorization": ["private-header"]}}),
    ] {
        let error = world.invoke(&event).await.result.unwrap_err();
        assert!(error["errorType"].is_string() && error["errorMessage"].is_string(), "{event}: {error}");
        assert!(!error.to_string().contains("private"), "{error}");
        if event.get("Records").is_some() {
            assert!(error["errorMessage"].as_str().unwrap().contains("Records"), "{error}");
        }
    }
    world.get(&[]).await.assert_ok("the next request");
    let output = world.function.raw_output();
    assert!(!output.contains("private") && !output.contains("panicked"), "{output}");
}
