//! What a Lambda event is: a request through API Gateway, a warm-up, or nothing that is understood here.
//!
//! Only the members that are needed are read. The conversion that `lambda_http` offers builds a whole
//! `http::Request`: it panics on a `Host` that makes no URL, and refuses an event for one header that is
//! not ASCII, and both are the caller's to send.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    Query,
    response::{Gateway, accepts_gzip},
};

/// An event, told by its shape.
#[derive(Debug)]
pub(super) enum Event {
    Request(Request),
    WarmUp {
        /// Whether it is one of several that are sent at once, to warm as many environments.
        is_one_of_several: bool,
    },
    /// Anything else: what was looked for and not found.
    Unknown(String),
}

/// What matters of an HTTP request. Not its path: the gateway has done the routing.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) gateway: Gateway,
    /// The values of all `Authorization` headers.
    pub(super) authorization: Vec<String>,
    pub(super) accepts_gzip: bool,
    pub(super) query: Query,
}

/// The members of all understood events. Those that are of no use for one kind are absent there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    request_context: Option<RequestContext>,
    http_method: Option<Value>,
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
    /// A Lambda authorizer's events look like requests but for these.
    method_arn: Option<IgnoredAny>,
    route_arn: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Option<Value>,
    elb: Option<Value>,
}

/// The members of an object in order, doubles included: in letter case only, two headers can be one.
struct Pairs<V>(Vec<(String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<V> {
            type Value = Pairs<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object or null")
            }

            fn visit_unit<E>(self) -> Result<Pairs<V>, E> {
                Ok(Pairs::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Pairs<V>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = access.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(PairsVisitor(std::marker::PhantomData))
    }
}

impl Event {
    /// Tells what `json` is.
    pub(super) fn parse(json: &str) -> Self {
        let members: Members = match serde_json::from_str(json) {
            Ok(members) => members,
            Err(_) => return Self::Unknown(shape(json)),
        };
        if members.method_arn.is_some() || members.route_arn.is_some() {
            return Self::Unknown(shape(json));
        }
        match &members.request_context {
            Some(RequestContext { http: Some(Value::Object(_)), .. }) => {
                Self::Request(members.into_request(Gateway::HttpApi))
            }
            Some(RequestContext { http: None, elb: None })
                if matches!(members.http_method, Some(Value::String(_))) =>
            {
                Self::Request(members.into_request(Gateway::RestApi))
            }
            None if members.is_warm_up() => Self::WarmUp { is_one_of_several: members.is_one_of_several() },
            _ => Self::Unknown(shape(json)),
        }
    }
}

impl Members {
    /// EventBridge's rules and its Scheduler, and what the warming plugins of other frameworks send.
    fn is_warm_up(&self) -> bool {
        const SOURCES: [&str; 3] = ["aws.events", "aws.scheduler", "serverless-plugin-warmup"];
        self.warmer == Some(Value::Bool(true))
            || self.source.as_ref().and_then(Value::as_str).is_some_and(|source| SOURCES.contains(&source))
    }

    /// `concurrency`, as the warming plugins have it: how many are sent at once. How many it is does not
    /// matter here, since each environment can only warm itself.
    fn is_one_of_several(&self) -> bool {
        self.concurrency.as_ref().and_then(Value::as_f64).is_some_and(|concurrency| concurrency > 1.0)
    }

    fn into_request(self, gateway: Gateway) -> Request {
        let authorization = self.header_values("authorization");
        let accepts_gzip = accepts_gzip(&self.header_values("accept-encoding").join(","));
        let query = match self.raw_query_string {
            Some(raw) if !raw.is_empty() => Query::from_raw(&raw),
            // A REST API sends every value in the second map and the last of each in the first.
            _ if !self.multi_value_query_string_parameters.0.is_empty() => {
                let parameters = self.multi_value_query_string_parameters.0.into_iter();
                Query::from_decoded(parameters.flat_map(|(name, values)| {
                    values.unwrap_or_default().into_iter().map(move |value| (name.clone(), value))
                }))
            }
            _ => {
                let parameters = self.query_string_parameters.0.into_iter();
                Query::from_decoded(parameters.map(|(name, value)| (name, value.unwrap_or_default())))
            }
        };
        Request { gateway, authorization, accepts_gzip, query }
    }

    /// Every value of a header, from the map of all values where the event has it there.
    fn header_values(&self, wanted: &str) -> Vec<String> {
        let is_wanted = |name: &String| name.eq_ignore_ascii_case(wanted);
        let multiple = self.multi_value_headers.0.iter().filter(|(name, _)| is_wanted(name));
        let multiple: Vec<String> =
            multiple.flat_map(|(_, values)| values.clone().unwrap_or_default()).collect();
        if !multiple.is_empty() {
            return multiple;
        }
        self.headers
            .0
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .filter_map(|(_, value)| value.clone())
            .collect()
    }
}

/// What an event that is not understood looks like: the names of its members, which are the sender's
/// format, and none of its values.
fn shape(json: &str) -> String {
    const MOST_NAMES: usize = 12;
    let found = match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(members)) if members.is_empty() => "an empty object".to_owned(),
        Ok(Value::Object(members)) => {
            let members: BTreeMap<_, _> = members.into_iter().collect();
            let names: Vec<String> =
                members.keys().take(MOST_NAMES).map(|name| name.chars().take(40).collect()).collect();
            let more = if members.len() > MOST_NAMES { ", …" } else { "" };
            format!("an object with {}{more}", names.join(", "))
        }
        Ok(Value::Array(_)) => "an array".to_owned(),
        Ok(Value::String(_)) => "a string".to_owned(),
        Ok(Value::Number(_)) => "a number".to_owned(),
        Ok(Value::Bool(_)) => "a boolean".to_owned(),
        Ok(Value::Null) => "null".to_owned(),
        Err(_) => "not JSON".to_owned(),
    };
    format!(
        "this function takes API Gateway HTTP API events (payload 2.0), REST API events (payload 1.0) and warm-ups; \
         this event is {found}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Request {
        match Event::parse(json) {
            Event::Request(request) => request,
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn both_gateways_are_understood() {
        let http = request(
            r#"{"version":"2.0","headers":{"authorization":"Bearer x","accept-encoding":"gzip"},
                "rawQueryString":"active=true&x=%2B","requestContext":{"http":{"method":"GET"}}}"#,
        );
        assert_eq!(http.gateway, Gateway::HttpApi);
        assert_eq!(http.authorization, ["Bearer x"]);
        assert!(http.accepts_gzip);
        assert_eq!(http.query, Query::from_raw("active=true&x=%2B"));

        let rest = request(
            r#"{"httpMethod":"GET","headers":{"Authorization":"Bearer x"},
                "multiValueHeaders":{"Authorization":["Bearer x"]},"queryStringParameters":{"active":"false"},
                "multiValueQueryStringParameters":{"active":["true","false"]},"requestContext":{"httpMethod":"GET"}}"#,
        );
        assert_eq!(rest.gateway, Gateway::RestApi);
        assert_eq!(rest.authorization, ["Bearer x"]);
        assert!(!rest.accepts_gzip);
        assert!(rest.query.get("active").is_err(), "given twice");
    }

    #[test]
    fn nulls_and_odd_headers_do_no_harm() {
        let rest = request(
            r#"{"httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":null,
                "multiValueQueryStringParameters":null,"requestContext":{}}"#,
        );
        assert!(rest.authorization.is_empty());
        assert_eq!(rest.query, Query::default());
        let http = request(
            r#"{"headers":{"host":"a b:c","x-name":"José","AUTHORIZATION":"one","authorization":"two"},
                "queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(http.authorization, ["one", "two"]);
        assert_eq!(http.query.get("slug").unwrap(), Some("a"));
    }

    #[test]
    fn warm_ups_of_every_shape() {
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
            match Event::parse(json) {
                Event::WarmUp { is_one_of_several } => assert_eq!(is_one_of_several, several, "{json}"),
                other => panic!("{json}: {other:?}"),
            }
        }
    }

    #[test]
    fn anything_else_is_named_by_its_shape() {
        for (json, expected) in [
            ("{}", "an empty object"),
            ("[1]", "an array"),
            ("null", "null"),
            (r#""Records""#, "a string"),
            (r#"{"Records":[{"eventSource":"aws:sqs"}]}"#, "an object with Records"),
            (r#"{"warmer":false}"#, "an object with warmer"),
            (r#"{"warmer":"true"}"#, "an object with warmer"),
            (r#"{"source":"aws.s3"}"#, "an object with source"),
            (r#"{"httpMethod":"GET"}"#, "an object with httpMethod"),
            (r#"{"requestContext":{}}"#, "an object with requestContext"),
            (
                r#"{"requestContext":{"elb":{}},"httpMethod":"GET"}"#,
                "an object with httpMethod, requestContext",
            ),
            (r#"{"requestContext":5,"httpMethod":"GET"}"#, "an object with httpMethod, requestContext"),
            (
                r#"{"methodArn":"arn","httpMethod":"GET","requestContext":{}}"#,
                "an object with httpMethod, methodArn, requestContext",
            ),
            (r#"{"routeArn":"arn","requestContext":{"http":{}}}"#, "an object with requestContext, routeArn"),
            (r#"{"requestContext":{"http":5}}"#, "an object with requestContext"),
            (r#"{"headers":5,"requestContext":{"http":{}}}"#, "an object with headers, requestContext"),
        ] {
            match Event::parse(json) {
                Event::Unknown(problem) => {
                    assert!(problem.ends_with(&format!("this event is {expected}")), "{problem}")
                }
                other => panic!("{json}: {other:?}"),
            }
        }
    }
}
