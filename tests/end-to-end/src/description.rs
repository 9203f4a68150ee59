//! The API description, openapi.yaml, against which every answer is held.

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

/// One for each schema that was needed, by its text; making one takes longer than using it.
static VALIDATORS: LazyLock<Mutex<BTreeMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// Larger ones are thousands of the same objects, and would take seconds.
const LARGEST_CHECKED: usize = 256 * 1024;

/// What every answer of a function has, as the description says in words: the gateway's own errors, which share its
/// responses, lack them.
const ALWAYS_SENT: [&str; 2] = ["cache-control", "x-request-id"];

/// Holds an answer of a function against what the description says of its operation: its status, its headers (by name
/// in lower case), and its body, decoded.
///
/// # Panics
///
/// The operation is not described to answer so.
pub(crate) fn check(function: &str, status: u16, headers: &BTreeMap<String, Vec<String>>, body: &str) {
    let response = response(function, status);
    check_headers(response, headers, &format!("{function} {status}"));
    if body.len() <= LARGEST_CHECKED {
        let content_type = headers.get("content-type").map(|values| values.join(",")).unwrap_or_default();
        let schema = &response["content"][&content_type]["schema"];
        assert!(schema.is_object(), "openapi.yaml has no {content_type} for {function} {status}");
        let json: &RawValue =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:.500}"));
        // Only what Calendly nests deeper than anybody reads is JSON and no value.
        let Ok(json) = serde_json::from_str::<Value>(json.get()) else { return };
        let start: String = body.chars().take(500).collect();
        check_value(schema, &json, &format!("{function} {status}: {start}"));
    }
}

fn check_headers(response: &'static Value, headers: &BTreeMap<String, Vec<String>>, answer: &str) {
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
    for (name, values) in headers.iter().filter(|(name, _)| *name != "content-type") {
        let header = described.get(name);
        let header = header.unwrap_or_else(|| panic!("openapi.yaml has no header {name} for {answer}"));
        for value in values {
            // In a header a number stands as text.
            let is_text = header["schema"]["type"] == "string";
            let read = if is_text { json!(value) } else { serde_json::from_str(value).unwrap_or_default() };
            check_value(&header["schema"], &read, &format!("{answer}: {name}: {value}"));
        }
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
    assert!(errors.is_empty(), "{answer}\nis not as openapi.yaml has it: {errors:?}");
}

/// What a function is described to answer with a status.
fn response(function: &str, status: u16) -> &'static Value {
    let paths = DESCRIPTION["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let mut operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    let operation = operations.find(|operation| operation["operationId"] == function);
    let responses =
        &operation.unwrap_or_else(|| panic!("openapi.yaml has no operation {function}"))["responses"];
    // A status that the gateway answers by itself may be one of Calendly's that is reflected, too.
    let is_problem = |response: &Value| response["content"].get("application/problem+json").is_some();
    let own = responses.get(status.to_string()).map(resolved);
    let own = own.filter(|response| status < 400 || is_problem(response));
    let other = responses.get("default").filter(|_| status >= 400).map(resolved);
    own.or(other).unwrap_or_else(|| panic!("{function} {status} is not in openapi.yaml"))
}

/// What a reference within the description stands for.
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

    fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Vec<String>> {
        let usual =
            [("content-type", "application/json"), ("cache-control", "no-store"), ("x-request-id", "1")];
        let all = usual.into_iter().chain(pairs);
        all.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect()
    }

    #[test]
    fn an_answer_as_it_is_described_passes() {
        check("user", 200, &headers([]), URI);
        let gzipped = [("content-encoding", "gzip"), ("vary", "accept-encoding")];
        check("user-event-types", 200, &headers(gzipped), &format!("[{URI}]"));
    }

    #[test]
    fn a_number_is_one_in_a_header_too() {
        let answer = r#"{"collection":[],"available":false,"event_type":"urn:x",
            "start_time":"2026-12-01T00:00:00Z","end_time":"2026-12-02T00:00:00Z"}"#;
        check("check-availability", 200, &headers([("age", "9")]), answer);
    }

    #[test]
    #[should_panic(expected = "age: soon")]
    fn and_nothing_else_is() {
        check("check-availability", 200, &headers([("age", "soon")]), "{}");
    }

    #[test]
    #[should_panic(expected = "is not as openapi.yaml has it")]
    fn one_function_does_not_answer_as_another() {
        check("user", 200, &headers([]), &format!("[{URI}]"));
    }

    #[test]
    #[should_panic(expected = "no header content-encoding for user 200")]
    fn nor_with_anothers_header() {
        check("user", 200, &headers([("content-encoding", "gzip")]), URI);
    }

    #[test]
    #[should_panic(expected = "user 200 lacks the header cache-control")]
    fn a_header_that_is_required_is_demanded() {
        let mut headers = headers([]);
        headers.remove("cache-control");
        check("user", 200, &headers, URI);
    }

    #[test]
    #[should_panic(expected = "cache-control: public")]
    fn a_header_has_the_value_that_is_described() {
        check("user", 200, &headers([("cache-control", "public")]), URI);
    }

    #[test]
    #[should_panic(expected = "uri")]
    fn an_event_type_has_what_calendly_promises() {
        check("user-event-types", 200, &headers([]), r#"[{"name":"x"}]"#);
    }
}
