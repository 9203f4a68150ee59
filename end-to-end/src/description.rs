//! The API description, openapi.yaml, against which every answer is held.

use std::{
    collections::BTreeMap,
    fs,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json, value::RawValue};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");
    let text = fs::read_to_string(path).expect("openapi.yaml");
    let mut description: Value =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    // What it says of Calendly's event types is Calendly's promise; they are passed on as they come, and the
    // tests' Calendly sends some that the real one would not.
    description["components"]["schemas"]["EventType"] = json!({ "type": "object" });
    description
});

/// One for each status and content type that came; making one takes longer than using it.
static VALIDATORS: LazyLock<Mutex<BTreeMap<(u16, String), Validator>>> = LazyLock::new(Mutex::default);

/// Larger ones are thousands of the same objects, and would take seconds.
const LARGEST_CHECKED: usize = 256 * 1024;

/// Holds an answer against the description: its status, its headers (by name in lower case), and its body, decoded.
///
/// # Panics
///
/// No operation is described to answer so.
pub(crate) fn check(status: u16, headers: &BTreeMap<String, Vec<String>>, body: &str) {
    let described = responses(status);
    assert!(!described.is_empty(), "{status} is not in openapi.yaml");
    let is_described = |name: &str| {
        described.iter().any(|response| {
            let headers = response["headers"].as_object();
            headers.is_some_and(|headers| headers.keys().any(|other| other.eq_ignore_ascii_case(name)))
        })
    };
    for name in headers.keys().filter(|name| *name != "content-type") {
        assert!(is_described(name), "openapi.yaml has no header {name} for {status}");
    }
    if body.len() <= LARGEST_CHECKED {
        let content_type = headers.get("content-type").map(|values| values.join(",")).unwrap_or_default();
        check_body(status, &content_type, body, &described);
    }
}

fn check_body(status: u16, content_type: &str, body: &str, described: &[&Value]) {
    let mut validators = VALIDATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let validator = validators.entry((status, content_type.to_owned())).or_insert_with(|| {
        let schemas: Vec<&Value> =
            described.iter().filter_map(|response| response["content"][content_type].get("schema")).collect();
        assert!(!schemas.is_empty(), "openapi.yaml has no {content_type} for {status}");
        let schema = json!({ "components": DESCRIPTION["components"], "anyOf": schemas });
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .expect("the schemas of openapi.yaml")
    });
    let json: &RawValue = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:.500}"));
    // Only what Calendly nests deeper than anybody reads is JSON and no value.
    let Ok(json) = serde_json::from_str::<Value>(json.get()) else { return };
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.masked().to_string()).collect();
    let start: String = body.chars().take(500).collect();
    assert!(errors.is_empty(), "{status} is not as openapi.yaml has it: {errors:?}\n{start}");
}

/// What the operations are described to answer with a status.
fn responses(status: u16) -> Vec<&'static Value> {
    let paths = DESCRIPTION["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    operations
        .flat_map(|operation| {
            let responses = &operation["responses"];
            let own = responses.get(status.to_string()).map(resolved);
            // A status that the gateway answers by itself may be one of Calendly's that is reflected, too.
            let is_problem = |response: &Value| response["content"].get("application/problem+json").is_some();
            let is_other = status >= 400 && !own.is_some_and(is_problem);
            own.into_iter().chain(responses.get("default").filter(|_| is_other).map(resolved))
        })
        .collect()
}

/// What a reference within the description stands for.
fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => DESCRIPTION.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")),
        None => node,
    }
}
