//! An HTTP answer as a client of the gateway receives it.

use std::{collections::BTreeMap, fmt::Debug, io::Read, time::SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use serde_json::{Value, value::RawValue};

use crate::{function::Binary, openapi, runtime_api::Outcome};

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All values of each header, by name in lower case.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body, decoded.
    pub body: String,
    /// Whether the body was gzipped.
    pub is_gzipped: bool,
    /// Lambda's request id.
    pub request_id: String,
    /// When the whole answer had arrived.
    pub arrived: SystemTime,
}

impl Answer {
    /// Reads a function's response in either gateway's format and checks it against `openapi.yaml`.
    pub fn from_outcome(outcome: Outcome) -> Self {
        let Outcome { function, result, request_id, arrived, .. } = outcome;
        let response = result.unwrap_or_else(|error| panic!("a function error: {error}"));
        let status = response["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP answer: {response}"));
        let headers = headers(&response);
        let text = response["body"].as_str().unwrap_or_default().to_owned();
        let bytes = match response["isBase64Encoded"].as_bool() {
            Some(true) => BASE64_STANDARD.decode(text).expect("base64"),
            _ => text.into_bytes(),
        };
        let is_gzipped = headers.get("content-encoding").is_some_and(|values| values == &["gzip"]);
        let body = if is_gzipped {
            let mut body = String::new();
            GzDecoder::new(&*bytes).read_to_string(&mut body).expect("gzip");
            body
        } else {
            String::from_utf8(bytes).expect("UTF-8")
        };
        // The programs of the benchmark are not in openapi.yaml.
        if Binary::ALL.iter().any(|binary| binary.name() == function) {
            // The function's second operation, which has its own path.
            let is_metadata = function == Binary::Mcp.name()
                && ["\"authorization_servers\":", "\"not_found\""].iter().any(|it| body.contains(it));
            let operation = if is_metadata { "mcp-metadata" } else { &*function };
            openapi::check(operation, status, &headers, &body);
        }
        Self { status, headers, body, is_gzipped, request_id, arrived }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of each item of an array, byte for byte.
    pub fn raw_items(&self) -> Vec<String> {
        raw_items(&self.body)
    }

    /// The text of each slot of an availability answer, byte for byte.
    pub fn raw_collection(&self) -> Vec<String> {
        raw_collection(&self.body)
    }

    /// The value of a header that occurs once at most.
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.headers.get(name).map(Vec::as_slice) {
            None => None,
            Some([value]) => Some(value),
            Some(values) => panic!("{name} occurs more than once: {values:?}"),
        }
    }

    /// The `code` of a problem, else an empty text.
    pub fn code(&self) -> String {
        let problem: Option<Value> = serde_json::from_str(&self.body).ok();
        problem.and_then(|problem| Some(problem["code"].as_str()?.to_owned())).unwrap_or_default()
    }

    /// The `detail` of a problem, else an empty text.
    pub fn detail(&self) -> String {
        let problem: Option<Value> = serde_json::from_str(&self.body).ok();
        problem.and_then(|problem| Some(problem["detail"].as_str()?.to_owned())).unwrap_or_default()
    }

    /// Panics unless the status is 200.
    #[track_caller]
    pub fn assert_ok(&self, case: impl Debug) {
        assert_eq!(self.status, 200, "{case:?}: {:.500}", self.body);
    }

    /// Panics unless the answer is a problem with this status and code.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str, case: impl Debug) {
        assert_eq!((self.status, &*self.code()), (status, code), "{case:?}: {:.500}", self.body);
    }

    /// The status and the code, which is empty for a success. A tool's result with `isError` has those of its problem.
    pub fn status_and_code(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let result = &body["result"];
        let problem = if result["isError"] == true { &result["structuredContent"] } else { &body };
        let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        (status.filter(|_| !code.is_empty()).unwrap_or(self.status), code)
    }
}

/// The text of each item of `collection`, byte for byte.
pub fn raw_collection(json: &str) -> Vec<String> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).expect("an object");
    let collection = members.get("collection").unwrap_or_else(|| panic!("no collection: {json}"));
    raw_items(collection.get())
}

fn raw_items(json: &str) -> Vec<String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(json).expect("an array");
    items.iter().map(|item| item.get().to_owned()).collect()
}

/// Merges `headers` and `multiValueHeaders` as a gateway does.
fn headers(response: &Value) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |name: &str, value: &Value| {
        let value = value.as_str().unwrap_or_else(|| panic!("the header {name} is not a text: {value}"));
        headers.entry(name.to_lowercase()).or_default().push(value.to_owned());
    };
    let multiple = response["multiValueHeaders"].as_object();
    for (name, values) in multiple.into_iter().flatten() {
        values.as_array().into_iter().flatten().for_each(|value| add(name, value));
    }
    let is_multiple = |name: &str| {
        multiple.is_some_and(|multiple| multiple.keys().any(|other| other.eq_ignore_ascii_case(name)))
    };
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        if !is_multiple(name) {
            add(name, value);
        }
    }
    headers
}
