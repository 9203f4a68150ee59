//! Lambda events: a request through API Gateway, a warm-up, or neither.
//!
//! ```text
//! JSON ─▶ parse ─▶ request: headers, query parameters
//!               ├▶ warm-up
//!               └▶ shape: what an unsupported event looks like, without its values
//! ```
//!
//! `lambda_http`'s own conversion is not used: it panics on a `Host` that is not a URL, and refuses an event for one
//! header that is not ASCII or one missing member of the request context. Callers control the first two. Few members of
//! the request context are read: parsing all of it would cost 8,000 instructions per request and 0.1 MB.

mod pairs;
mod request;
mod shape;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::{gateway::Gateway, http_request::HttpRequest, request_body};
use crate::http::json::object;
pub(crate) use pairs::Pairs;

/// A Lambda event, classified by its shape.
#[derive(Debug)]
pub(crate) enum Event {
    Request(Box<HttpRequest>),
    WarmUp {
        /// Whether it is one of several concurrent warm-ups, each for a different environment.
        is_concurrent: bool,
    },
    /// Any other event: a sentence that describes its shape.
    Unknown(String),
}

/// The members of all supported events.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow)]
    request_context: Option<&'a RawValue>,
    http_method: Option<Value>,
    raw_path: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: Pairs<Option<String>>,
    #[serde(default)]
    multi_value_headers: Pairs<Option<Vec<String>>>,
    raw_query_string: Option<String>,
    #[serde(default)]
    query_string_parameters: Pairs<Option<String>>,
    #[serde(default)]
    multi_value_query_string_parameters: Pairs<Option<Vec<String>>>,
    source: Option<Value>,
    warmer: Option<Value>,
    concurrency: Option<Value>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    is_base64_encoded: Option<Value>,
    /// Only in the events of a Lambda authorizer, which otherwise look like requests.
    method_arn: Option<IgnoredAny>,
    route_arn: Option<IgnoredAny>,
}

/// The members that distinguish request contexts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextShape<'a> {
    #[serde(borrow)]
    http: Option<&'a RawValue>,
    elb: Option<IgnoredAny>,
    domain_name: Option<Value>,
    path: Option<Value>,
}

/// The `http` member of an HTTP API's context.
#[derive(Deserialize)]
struct Http {
    #[serde(default)]
    method: String,
}

impl Event {
    /// Classifies an event. The body of a request is decoded if it has at most `max_body_bytes`.
    pub(crate) fn parse(json: &str, max_body_bytes: usize) -> Self {
        Self::supported(json, max_body_bytes).unwrap_or_else(|| Self::Unknown(shape::describe(json)))
    }

    fn supported(json: &str, max_body_bytes: usize) -> Option<Self> {
        let members: Members<'_> = object(json)?;
        if members.method_arn.is_some() || members.route_arn.is_some() {
            return None;
        }
        let Some(context) = members.request_context.map(RawValue::get) else {
            return members.is_warm_up().then(|| Self::WarmUp { is_concurrent: members.is_concurrent() });
        };
        let context: ContextShape<'_> = object(context)?;
        let (gateway, method) = match &context {
            ContextShape { http: Some(http), .. } => (Gateway::Http, object::<Http>(http.get())?.method),
            ContextShape { http: None, elb: None, .. } => {
                (Gateway::Rest, members.http_method.as_ref()?.as_str()?.to_owned())
            }
            ContextShape { .. } => return None,
        };
        let text = |value: Option<Value>| Some(value?.as_str()?.to_owned());
        let is_base64 = members.is_base64_encoded == Some(Value::Bool(true));
        Some(Self::Request(Box::new(HttpRequest {
            gateway,
            method: method.parse().unwrap_or_default(),
            path: members.raw_path.or(members.path).unwrap_or_default(),
            public_path: text(context.path).filter(|_| gateway == Gateway::Rest),
            domain_name: text(context.domain_name),
            headers: request::headers(members.headers, members.multi_value_headers),
            query: request::query(
                members.raw_query_string,
                members.query_string_parameters,
                members.multi_value_query_string_parameters,
            ),
            body: request_body::decode(members.body, is_base64, max_body_bytes),
            max_body_bytes,
        })))
    }
}

impl Members<'_> {
    /// Whether EventBridge, its Scheduler, or a warming plugin of another framework sent the event.
    fn is_warm_up(&self) -> bool {
        const SOURCES: [&str; 3] = ["aws.events", "aws.scheduler", "serverless-plugin-warmup"];
        self.warmer == Some(Value::Bool(true))
            || self.source.as_ref().and_then(Value::as_str).is_some_and(|source| SOURCES.contains(&source))
    }

    /// Whether a warming plugin sent several warm-ups at once, by its member `concurrency`.
    fn is_concurrent(&self) -> bool {
        self.concurrency.as_ref().and_then(Value::as_f64).is_some_and(|concurrency| concurrency > 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_ups() {
        for (json, several) in [
            (r#"{"warmer":true}"#, false),
            (r#"{"warmer":true,"concurrency":3}"#, true),
            (r#"{"warmer":true,"concurrency":1}"#, false),
            (r#"{"warmer":true,"concurrency":-1e300}"#, false),
            (r#"{"warmer":true,"concurrency":"3"}"#, false),
            (r#"{"source":"serverless-plugin-warmup"}"#, false),
            (r#"{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}"#, false),
            (r#"{"source":"aws.scheduler","detail":"{}"}"#, false),
        ] {
            match Event::parse(json, 0) {
                Event::WarmUp { is_concurrent } => assert_eq!(is_concurrent, several, "{json}"),
                other => panic!("{json}: {other:?}"),
            }
        }
    }

    /// The description of an unsupported event.
    fn problem(json: &str) -> String {
        match Event::parse(json, 0) {
            Event::Unknown(problem) => problem,
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn an_unsupported_event_is_described_by_its_shape() {
        for (json, expected) in [
            ("{}", "an empty object"),
            ("[1]", "an array"),
            // A warm-up and a request, if arrays were accepted as objects.
            ("[null,null,null,null,{},{},null,{},{},null,true,null,null,null]", "an array"),
            (r#"[{"http":{}},null,null,null,{},{},null,{},{},null,null,null,null,null]"#, "an array"),
            ("null", "null"),
            (r#""Records""#, "a string"),
            (r#"{"Records":[{"eventSource":"aws:sqs"}]}"#, "an object with Records"),
            (r#"{"warmer":false}"#, "an object with warmer"),
            (r#"{"warmer":"true"}"#, "an object with warmer"),
            (r#"{"source":"aws.s3"}"#, "an object with source"),
            (r#"{"requestContext":{}}"#, "an object with requestContext"),
            (
                r#"{"requestContext":{"elb":{}},"httpMethod":"GET"}"#,
                "an object with httpMethod, requestContext",
            ),
            (
                r#"{"methodArn":"arn","httpMethod":"GET","requestContext":{}}"#,
                "an object with httpMethod, methodArn, requestContext",
            ),
            (r#"{"routeArn":"arn","requestContext":{"http":{}}}"#, "an object with requestContext, routeArn"),
        ] {
            assert!(problem(json).ends_with(&format!("; this event is {expected}")), "{}", problem(json));
        }
    }

    #[test]
    fn a_missing_member_of_a_request_is_named() {
        for (json, expected) in [
            (r#"{"httpMethod":"GET"}"#, "requestContext"),
            (r#"{"httpMethod":"GET","path":"/","requestContext":null}"#, "requestContext"),
            (r#"{"rawPath":"/","headers":{}}"#, "requestContext"),
            (r#"{"rawQueryString":""}"#, "requestContext"),
            (r#"{"rawPath":"/","requestContext":{"stage":"s"}}"#, "requestContext.http"),
            (r#"{"rawPath":"/","requestContext":{"http":null}}"#, "requestContext.http"),
            (r#"{"path":"/","requestContext":{"stage":"s"}}"#, "httpMethod"),
            (r#"{"path":"/","httpMethod":null,"requestContext":{}}"#, "httpMethod"),
        ] {
            match Event::parse(json, 0) {
                Event::Unknown(problem) => {
                    assert!(problem.ends_with(&format!("this event's {expected} is missing")), "{problem}")
                }
                other => panic!("{json}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_wrong_member_is_named() {
        const HTTP: &str = r#""requestContext":{"http":{}},"#;
        for (members, expected) in [
            (
                r#""queryStringParameters":{"a":"b","limit":3}"#,
                "queryStringParameters.limit is a number and must be a string",
            ),
            (r#""queryStringParameters":["a"]"#, "queryStringParameters is an array and must be an object"),
            (r#""headers":{"x":["secret"]}"#, "headers.x is an array and must be a string"),
            (r#""headers":5"#, "headers is a number and must be an object"),
            (r#""headers":{"x":"\ud800"}"#, "headers.x is malformed"),
            (
                r#""multiValueHeaders":{"x":"secret"}"#,
                "multiValueHeaders.x is a string and must be an array of strings",
            ),
            (
                r#""multiValueQueryStringParameters":{"x":[1]}"#,
                "multiValueQueryStringParameters.x is an array and must be an array of strings",
            ),
            (r#""rawQueryString":{"secret":1}"#, "rawQueryString is an object and must be a string"),
            (r#""rawPath":true"#, "rawPath is a boolean and must be a string"),
            (r#""rawPath":"","rawPath":"""#, "rawPath occurs twice"),
            (r#""requestContext":5,"httpMethod":"GET""#, "requestContext is a number and must be an object"),
            (
                r#""requestContext":[null],"httpMethod":"GET""#,
                "requestContext is an array and must be an object",
            ),
            (
                r#""requestContext":{"http":{"method":5}}"#,
                "requestContext.http.method is a number and must be a string",
            ),
            (r#""requestContext":{"http":5}"#, "requestContext.http is a number and must be an object"),
            (r#""requestContext":{},"httpMethod":5"#, "httpMethod is a number and must be a string"),
        ] {
            let context = if members.contains("requestContext") { "" } else { HTTP };
            let problem = problem(&format!("{{{context}{members}}}"));
            assert!(problem.ends_with(&format!("; this event's {expected}")), "{problem}");
        }
    }
}
