//! The stand-in for Secrets Manager that has one fixed secret, beside the one that is moto.
#![cfg(test)]

use std::time::{Duration, Instant};

use end_to_end::{SecretsManager, Trouble, http_client};
use serde_json::{Value, json};

const ID: &str = "fixed/or/not";
const TEXT: &str = "the secret's text";

/// Status, error type and body of what a `GetSecretValue` is answered with.
async fn read(secrets: &SecretsManager, id: &str) -> (u16, Option<String>, Value) {
    let request = http_client()
        .post(&secrets.endpoint)
        .header("X-Amz-Target", "secretsmanager.GetSecretValue")
        .header("Content-Type", "application/x-amz-json-1.1")
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/secretsmanager/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(json!({ "SecretId": id }).to_string());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
    (status, kind, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

fn members(body: &Value) -> Vec<&String> {
    body.as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn a_fixed_secret_is_answered_as_moto_answers() {
    let moto = SecretsManager::start().await;
    moto.store(ID, TEXT).await;
    let fixed = SecretsManager::holding(ID, TEXT).await;
    let (expected, answered) = (read(&moto, ID).await, read(&fixed, ID).await);
    assert_eq!((answered.0, &answered.1), (200, &None));
    assert_eq!((expected.0, &expected.1), (200, &None));
    assert_eq!(answered.2["SecretString"], TEXT);
    assert_eq!(members(&answered.2), members(&expected.2));
    for member in ["Name", "SecretString", "VersionStages"] {
        assert_eq!(answered.2[member], expected.2[member]);
    }

    let (expected, answered) = (read(&moto, "another").await, read(&fixed, "another").await);
    // AWS answers so; moto has the type right and the status not.
    assert_eq!(answered.0, 400);
    assert_eq!(answered.2["__type"], expected.2["__type"]);
}

#[tokio::test]
async fn the_door_to_a_fixed_secret_counts_and_fails() {
    let secrets = SecretsManager::holding(ID, TEXT).await;
    read(&secrets, ID).await;
    read(&secrets, "another").await;
    assert_eq!(secrets.reads(), [ID, "another"]);
    assert_eq!(secrets.operations(), ["GetSecretValue"; 2]);
    secrets.forget();
    assert!(secrets.reads().is_empty() && secrets.operations().is_empty());

    secrets.trouble(Trouble::Denied);
    let (status, kind, _) = read(&secrets, ID).await;
    assert_eq!((status, kind.as_deref()), (400, Some("AccessDeniedException")));
    let late = Duration::from_millis(500);
    secrets.trouble(Trouble::Slow(late));
    let asked = Instant::now();
    assert_eq!(read(&secrets, ID).await.0, 200);
    assert!(asked.elapsed() >= late);
    assert_eq!(secrets.reads(), [ID, ID]);
}
