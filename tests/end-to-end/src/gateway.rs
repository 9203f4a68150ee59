//! API Gateway: converts requests to events.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::day;

/// A kind of gateway, with its own event format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    /// An HTTP API or a Function URL: payload 2.0.
    HttpApi,
    /// A REST API: payload 1.0.
    RestApi,
}

impl Gateway {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::HttpApi, Self::RestApi];
}

/// A client's request.
#[derive(Debug, Clone)]
#[must_use]
pub struct Request {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Request {
    /// A GET request with the headers of curl.
    pub fn get(path: impl Into<String>) -> Self {
        let headers = [
            ("Accept", "*/*"),
            ("Host", "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"),
            ("User-Agent", "curl/8.14.1"),
            ("X-Amzn-Trace-Id", "Root=1-6b0e9398-1f2e3d4c5b6a798897a6b5c4"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
        ];
        Self {
            method: "GET",
            path: path.into(),
            query: String::new(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: None,
        }
    }

    /// Replaces the method.
    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Makes it a POST request with this body.
    pub fn post(self, body: impl Into<String>) -> Self {
        let request = Self { method: "POST", body: Some(body.into()), ..self };
        request.header("Content-Type", "application/json")
    }

    /// Makes it a message of MCP's 2025-11-25 that calls a tool.
    pub fn tool_call(self, tool: &str, arguments: &Value) -> Self {
        let params = json!({"name": tool, "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        self.header("MCP-Protocol-Version", "2025-11-25").post(message.to_string())
    }

    /// Adds query parameters, percent-encoded.
    pub fn query<'a>(self, pairs: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Self {
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.raw_query(&encoded)
    }

    /// Asks for the slots of these days, from the first to the last one, counted from today in UTC.
    pub fn days(self, first: u64, last: u64) -> Self {
        self.query(&[("start_time", &*day(first).to_string()), ("end_time", &day(last).to_string())])
    }

    /// Adds an event type: its URI, UUID or slug.
    pub fn event_type(self, event_type: &str) -> Self {
        self.query(&[("event_type", event_type)])
    }

    /// Adds raw text to the query.
    pub fn raw_query(mut self, query: &str) -> Self {
        if !self.query.is_empty() && !query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(query);
        self
    }

    /// Adds a header, even if there is one with the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Removes all headers of this name.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The event that this gateway sends for the request.
    pub fn through(&self, gateway: Gateway) -> Value {
        match gateway {
            Gateway::HttpApi => self.http_api(),
            Gateway::RestApi => self.rest_api(),
        }
    }

    fn pairs(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// Payload 2.0: header names in lower case, repeated headers and parameters joined with commas.
    fn http_api(&self) -> Value {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.headers {
            join(&mut headers, name.to_lowercase(), value);
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": format!("{} {}", self.method, self.path),
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "a1b2c3d4e5",
                "http": {
                    "method": self.method,
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "curl/8.14.1",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": format!("{} {}", self.method, self.path),
                "stage": "$default",
                "time": "01/Dec/2026:09:30:00 +0000",
                "timeEpoch": 1_796_117_400_000_u64,
            },
            "isBase64Encoded": false,
        });
        if let Some(body) = &self.body {
            event["body"] = json!(body);
        }
        let pairs = self.pairs();
        if !pairs.is_empty() {
            let mut parameters = BTreeMap::new();
            for (name, value) in pairs {
                join(&mut parameters, name, &value);
            }
            event["queryStringParameters"] = json!(parameters);
        }
        event
    }

    /// Payload 1.0: one map with the last value of each header and parameter, and a second map with all values.
    fn rest_api(&self) -> Value {
        let (headers, all_headers) = single_and_multiple(self.headers.iter().cloned());
        let (parameters, all_parameters) = single_and_multiple(self.pairs().into_iter());
        json!({
            "resource": self.path,
            "path": self.path,
            "httpMethod": self.method,
            "headers": headers,
            "multiValueHeaders": all_headers,
            "queryStringParameters": parameters,
            "multiValueQueryStringParameters": all_parameters,
            "pathParameters": null,
            "stageVariables": null,
            "requestContext": {
                "resourceId": "x1y2z3",
                "resourcePath": self.path,
                "httpMethod": self.method,
                "extendedRequestId": "JKJaXEXAIAMFSMA=",
                "requestTime": "01/Dec/2026:09:30:00 +0000",
                "path": format!("/prod{}", self.path),
                "accountId": "123456789012",
                "protocol": "HTTP/1.1",
                "stage": "prod",
                "domainPrefix": "a1b2c3d4e5",
                "requestTimeEpoch": 1_796_117_400_000_u64,
                "requestId": "5d3f0c1e-8f0b-4f43-9d43-2b0a6d1c7e55",
                "identity": {"sourceIp": "203.0.113.7", "userAgent": "curl/8.14.1", "user": null},
                "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
                "apiId": "a1b2c3d4e5",
            },
            "body": self.body,
            "isBase64Encoded": false,
        })
    }
}

fn join(map: &mut BTreeMap<String, String>, name: String, value: &str) {
    map.entry(name)
        .and_modify(|joined| {
            joined.push(',');
            joined.push_str(value);
        })
        .or_insert_with(|| value.to_owned());
}

/// The maps of last values and of all values, or null for no pairs.
fn single_and_multiple(pairs: impl Iterator<Item = (String, String)>) -> (Value, Value) {
    let mut single = Map::new();
    let mut multiple: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        single.insert(name.clone(), value.clone().into());
        multiple.entry(name).or_default().push(value);
    }
    if single.is_empty() { (Value::Null, Value::Null) } else { (single.into(), json!(multiple)) }
}
