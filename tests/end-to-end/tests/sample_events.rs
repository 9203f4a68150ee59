//! The sample events in `events/`, with their answers in `events/expected.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use end_to_end::{Answer, Binary, Invocation, Setup, World};
use serde_json::Value;

/// The issuer of the sample tokens.
const ISSUER: &str = "http://127.0.0.1:4010";

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn expected() -> BTreeMap<String, Value> {
    serde_json::from_str(&fs::read_to_string(directory().join("expected.json")).unwrap()).unwrap()
}

async fn world(binary: Binary) -> World {
    Setup::new(binary)
        .sandbox(|sandbox| sandbox.public_url = Some(ISSUER.to_owned()))
        .with("JWT_ISSUER", &format!("{ISSUER}/issuer"))
        .with("JWT_JWKS_URL", "{sandbox}/issuer/jwks")
        .start()
        .await
}

#[test]
fn every_file_has_an_expected_answer() {
    let files: BTreeSet<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "expected.json" && name != "env.json")
        .collect();
    assert_eq!(files, expected().into_keys().collect());
    let expected = expected();
    let functions: BTreeSet<_> = expected.values().map(|one| one["function"].as_str().unwrap()).collect();
    assert_eq!(functions, Binary::ALL.map(Binary::name).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_get_their_expected_answers() {
    for binary in Binary::ALL {
        let world = world(binary).await;
        for (file, expected) in expected().into_iter().filter(|(_, one)| one["function"] == binary.name()) {
            let event: Value =
                serde_json::from_str(&fs::read_to_string(directory().join(&file)).unwrap()).unwrap();
            let outcome = world.function.invoke(Invocation::new(&event)).await;
            if expected["warm"].is_boolean() {
                let result = outcome.result.unwrap();
                assert_eq!(result["warm"], expected["warm"], "{file}: {result}");
                assert_eq!(result.get("unprepared"), None, "{file}: {result}");
                continue;
            }
            let answer = Answer::from_outcome(outcome);
            let json = answer.json();
            assert_eq!(expected["status"], answer.status, "{file}: {json}");
            for member in ["code", "parameter"] {
                assert_eq!(json[member], expected[member], "{file}: {json}");
            }
            if file.starts_with("check-availability") && answer.status == 200 {
                assert_eq!(json["available"], true, "{file}: {json}");
            }
            if json["result"]["structuredContent"].is_object() {
                assert_eq!(json["result"]["structuredContent"]["available"], true, "{file}: {json}");
            }
        }
    }
}
