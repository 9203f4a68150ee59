//! An HTTP answer as a client of the gateway receives it.

use std::{collections::BTreeMap, fmt::Debug, io::Read};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use serde_json::{Value, value::RawValue};

use crate::{function::Binary, openapi, runtime_api::Outcome};

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, decoded.
    pub body: String,
    /// Whether the body was gzipped.
    pub is_gzipped: bool,
    /// Lambda's request id.
    pub request_id: String,
}

impl Answer {
    /// Reads a function's response in either gateway's format and checks it against `openapi.yaml`.
    pub fn from_outcome(outcome: Outcome) -> Self {
        let Outcome { function, result, request_id, .. } = outcome;
        let response = result.unwrap_or_else(|error| panic!("a function error: {error}"));
        let status = response["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP answer: {response}"));
        let headers = headers(&response);
        let text = response["body"].as_str().unwrap_or_default().to_owned();
        let bytes = match response["isBase64Encoded"].as_bool() {
            Some(true) => BASE64_STANDARD.decode(text).expect("base64"),
            _ => text.into_bytes(),
        };
        let is_gzipped = headers.get("content-encoding").is_some_and(|coding| coding == "gzip");
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
        Self { status, headers, body, is_gzipped, request_id }
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

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The `code` of a problem, else an empty text.
    pub fn code(&self) -> String {
        self.problem_member("code")
    }

    /// The `detail` of a problem, else an empty text.
    pub fn detail(&self) -> String {
        self.problem_member("detail")
    }

    fn problem_member(&self, name: &str) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem[name].as_str().unwrap_or_default().to_owned()
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

/// The headers of a response to an HTTP API, or to a REST API in `multiValueHeaders`. No function repeats one.
fn headers(response: &Value) -> BTreeMap<String, String> {
    let members = |name: &str| response[name].as_object().cloned().unwrap_or_default();
    let multiple = members("multiValueHeaders").into_iter().map(|(name, values)| match values.as_array() {
        Some(values) if values.len() == 1 => (name, values[0].clone()),
        _ => panic!("{name} has not one value: {values}"),
    });
    let text = |name: &str, value: &Value| match value.as_str() {
        Some(value) => (name.to_lowercase(), value.to_owned()),
        None => panic!("the header {name} is not a text: {value}"),
    };
    members("headers").into_iter().chain(multiple).map(|(name, value)| text(&name, &value)).collect()
}
