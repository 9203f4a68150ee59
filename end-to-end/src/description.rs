//! The API description, openapi.yaml, against which every answer is held.

use std::{
    collections::BTreeMap,
    fs,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::answer::Answer;

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

/// # Panics
///
/// No operation is described to answer so: with this status, content type, headers and body.
pub(crate) fn check(answer: &Answer) {
    let described = responses(answer.status);
    assert!(!described.is_empty(), "{} is not in openapi.yaml", answer.status);
    let is_described = |name: &str| {
        described.iter().any(|response| {
            let headers = response["headers"].as_object();
            headers.is_some_and(|headers| headers.keys().any(|other| other.eq_ignore_ascii_case(name)))
        })
    };
    for name in answer.headers.keys().filter(|name| *name != "content-type") {
        assert!(is_described(name), "openapi.yaml has no header {name} for {}", answer.status);
    }
    if answer.body.len() <= LARGEST_CHECKED {
        check_body(answer, &described);
    }
}

fn check_body(answer: &Answer, described: &[&Value]) {
    let content_type = answer.header("content-type").unwrap_or_default().to_owned();
    let mut validators = VALIDATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let validator = validators.entry((answer.status, content_type.clone())).or_insert_with(|| {
        let schemas: Vec<&Value> = described
            .iter()
            .filter_map(|response| response["content"][&content_type].get("schema"))
            .collect();
        assert!(!schemas.is_empty(), "openapi.yaml has no {content_type} for {}", answer.status);
        let schema = json!({ "components": DESCRIPTION["components"], "anyOf": schemas });
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .expect("the schemas of openapi.yaml")
    });
    let body = answer.json();
    let errors: Vec<String> = validator.iter_errors(&body).map(|error| error.masked().to_string()).collect();
    let start: String = answer.body.chars().take(500).collect();
    assert!(errors.is_empty(), "{} is not as openapi.yaml has it: {errors:?}\n{start}", answer.status);
}

/// What the operations are described to answer with a status.
fn responses(status: u16) -> Vec<&'static Value> {
    let paths = DESCRIPTION["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    operations
        .filter_map(|operation| {
            let responses = &operation["responses"];
            responses.get(status.to_string()).or_else(|| responses.get("default").filter(|_| status >= 400))
        })
        .map(resolved)
        .collect()
}

/// What a reference within the description stands for.
fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => DESCRIPTION.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")),
        None => node,
    }
}
