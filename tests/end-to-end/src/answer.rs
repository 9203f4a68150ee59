//! An HTTP answer, as a client of the gateway gets it.

use std::{collections::BTreeMap, io::Read, time::SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use serde_json::{Value, value::RawValue};

use crate::{description, function::Binary, runtime_api::Outcome};

/// What a client gets.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers by name in lower case, with all of their values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body, decoded.
    pub body: String,
    /// Whether it came gzipped.
    pub is_gzipped: bool,
    /// Lambda's request id.
    pub request_id: String,
    /// When it was whole.
    pub arrived: SystemTime,
}

impl Answer {
    /// From what a function answered, in the shape of either gateway.
    ///
    /// # Panics
    ///
    /// The function reported an error, or answered with something that is no HTTP answer, or not what
    /// `openapi.yaml` describes.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
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
        // The benchmark has other programs too, which nobody describes.
        if Binary::ALL.iter().any(|binary| binary.name() == function) {
            description::check(&function, status, &headers, &body);
        }
        Self { status, headers, body, is_gzipped, request_id, arrived }
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// It is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of each item of an array, byte for byte.
    ///
    /// # Panics
    ///
    /// The body is not an array.
    #[must_use]
    pub fn raw_items(&self) -> Vec<String> {
        raw_items(&self.body)
    }

    /// The text of each slot of an availability answer, byte for byte.
    ///
    /// # Panics
    ///
    /// The body has no `collection`.
    #[must_use]
    pub fn raw_collection(&self) -> Vec<String> {
        raw_collection(&self.body)
    }

    /// The one value of a header.
    ///
    /// # Panics
    ///
    /// It is there more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.headers.get(name).map(Vec::as_slice) {
            None => None,
            Some([value]) => Some(value),
            Some(values) => panic!("{name} more than once: {values:?}"),
        }
    }

    /// The `code` of a problem; empty where there is none.
    #[must_use]
    pub fn code(&self) -> String {
        let problem: Option<Value> = serde_json::from_str(&self.body).ok();
        problem.and_then(|problem| Some(problem["code"].as_str()?.to_owned())).unwrap_or_default()
    }

    /// The `detail` of a problem; empty where there is none.
    #[must_use]
    pub fn detail(&self) -> String {
        let problem: Option<Value> = serde_json::from_str(&self.body).ok();
        problem.and_then(|problem| Some(problem["detail"].as_str()?.to_owned())).unwrap_or_default()
    }

    /// Status and code, to compare both at once.
    #[must_use]
    pub fn verdict(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// The text of each item of `collection`, byte for byte.
///
/// # Panics
///
/// `json` has no such array.
#[must_use]
pub fn raw_collection(json: &str) -> Vec<String> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).expect("an object");
    let collection = members.get("collection").unwrap_or_else(|| panic!("no collection: {json}"));
    raw_items(collection.get())
}

fn raw_items(json: &str) -> Vec<String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(json).expect("an array");
    items.iter().map(|item| item.get().to_owned()).collect()
}

/// From `headers` and `multiValueHeaders`, which a gateway merges.
fn headers(response: &Value) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |name: &str, value: &Value| {
        let value = value.as_str().unwrap_or_else(|| panic!("the header {name} is no text: {value}"));
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
