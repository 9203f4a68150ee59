//! Checks every answer against openapi.yaml.

use std::{
    collections::BTreeMap,
    fs,
    sync::{LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use serde_json::{Value, json, value::RawValue};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.yaml");
    let text = fs::read_to_string(path).expect("openapi.yaml");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
});

/// A cache of validators by the text of their schema, since building one is slow.
static VALIDATORS: LazyLock<Mutex<BTreeMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// Larger bodies are not validated, because that would take seconds.
const LARGEST_CHECKED: usize = 256 * 1024;

/// Headers of every answer of a function. The schema cannot require them, since the gateway's own errors lack them.
const ALWAYS_SENT: [&str; 2] = ["cache-control", "x-request-id"];

/// Checks the status, headers (by name in lower case) and decoded body of an answer.
pub(crate) fn check(function: &str, status: u16, headers: &BTreeMap<String, String>, body: &str) {
    let content_type = headers.get("content-type").cloned().unwrap_or_default();
    let response = response(function, status, &content_type);
    check_headers(response, headers, &format!("{function} {status}"));
    if body.is_empty() {
        assert!(response["content"].is_null(), "{function} {status} lacks a body");
    } else if body.len() <= LARGEST_CHECKED {
        let schema = &response["content"][&content_type]["schema"];
        assert!(schema.is_object(), "openapi.yaml has no {content_type} for {function} {status}");
        let json: &RawValue =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:.500}"));
        // Values from Calendly are passed through, even if they are nested too deeply for serde_json's `Value`.
        let Ok(json) = serde_json::from_str::<Value>(json.get()) else { return };
        let start: String = body.chars().take(500).collect();
        check_value(schema, &json, &format!("{function} {status}: {start}"));
    }
}

fn check_headers(response: &'static Value, headers: &BTreeMap<String, String>, answer: &str) {
    let described: BTreeMap<String, &Value> = response["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, header)| (name.to_lowercase(), resolved(header)))
        .collect();
    let required = described.iter().filter(|(_, header)| header["required"] == true).map(|(name, _)| &**name);
    for name in required.chain(ALWAYS_SENT) {
        assert!(headers.contains_key(name), "{answer} lacks the header {name}");
    }
    for (name, value) in headers.iter().filter(|(name, _)| *name != "content-type") {
        let header = described.get(name);
        let header = header.unwrap_or_else(|| panic!("openapi.yaml has no header {name} for {answer}"));
        // Headers hold numbers as strings.
        let is_text = header["schema"]["type"] == "string";
        let read = if is_text { json!(value) } else { serde_json::from_str(value).unwrap_or_default() };
        check_value(&header["schema"], &read, &format!("{answer}: {name}: {value}"));
    }
}

fn check_value(schema: &Value, value: &Value, answer: &str) {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(schema.to_string()).or_insert_with(|| {
        let schema = json!({ "components": DESCRIPTION["components"], "allOf": [schema] });
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .expect("the schemas of openapi.yaml")
    });
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.masked().to_string()).collect();
    assert!(errors.is_empty(), "{answer}\ndoes not match openapi.yaml: {errors:?}");
}

/// The description of a function's response with this status.
fn response(function: &str, status: u16, content_type: &str) -> &'static Value {
    let paths = DESCRIPTION["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let mut operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    let operation = operations.find(|operation| operation["operationId"] == function);
    let responses =
        &operation.unwrap_or_else(|| panic!("openapi.yaml has no operation {function}"))["responses"];
    // For a status that the gateway also uses, openapi.yaml may describe the gateway's response only.
    let is_described = |response: &Value| response["content"].get(content_type).is_some();
    let own = responses.get(status.to_string()).map(resolved);
    let own = own.filter(|response| status < 400 || is_described(response));
    let other = responses.get("default").filter(|_| status >= 400).map(resolved);
    own.or(other).unwrap_or_else(|| panic!("{function} {status} is not in openapi.yaml"))
}

/// Resolves a reference within the description.
fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => DESCRIPTION.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")),
        None => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = r#"{"uri":"https://api.calendly.com/users/A"}"#;

    fn headers() -> BTreeMap<String, String> {
        [("content-type", "application/json"), ("cache-control", "no-store"), ("x-request-id", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    #[should_panic(expected = "does not match openapi.yaml")]
    fn body_of_another_operation_fails() {
        check("user", 200, &headers(), &format!("[{URI}]"));
    }

    #[test]
    #[should_panic(expected = "user 200 lacks the header cache-control")]
    fn missing_header_fails() {
        let mut headers = headers();
        headers.remove("cache-control");
        check("user", 200, &headers, URI);
    }
}
