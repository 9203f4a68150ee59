//! What a Lambda event is: a request through API Gateway, a warm-up, or nothing that is understood here.
//!
//! A request becomes a `lambda_http::Request`, as it would by that crate's own conversion; but that one panics on
//! a `Host` that makes no URL, and refuses an event for one header that is not ASCII or one member of the request
//! context that a hand-written sample lacks. The first two are the caller's to send. Of the request context no more
//! is read than which gateway it is of and the method: all of it would be 8,000 instructions a request and 0.1 MB.

use std::{collections::HashMap, fmt};

use lambda_http::{
    Body, Request, RequestExt,
    aws_lambda_events::{
        apigw::{ApiGatewayProxyRequestContext, ApiGatewayV2httpRequestContext},
        query_map::QueryMap,
    },
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri},
    request::RequestContext,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::http::json::object;

/// An event, told by its shape.
#[derive(Debug)]
pub(crate) enum Event {
    Request(Box<Request>),
    WarmUp {
        /// Whether it is one of several that are sent at once, to warm as many environments.
        is_one_of_several: bool,
    },
    /// Anything else: what was looked for and not found.
    Unknown(String),
}

/// The members of all understood events. Those that are of no use for one kind are absent there.
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
    /// A Lambda authorizer's events look like requests but for these.
    method_arn: Option<IgnoredAny>,
    route_arn: Option<IgnoredAny>,
}

/// What tells the kinds of request contexts apart.
#[derive(Deserialize)]
struct ContextShape<'a> {
    #[serde(borrow)]
    http: Option<&'a RawValue>,
    elb: Option<IgnoredAny>,
}

/// The part of an HTTP API's context that says how the request was made.
#[derive(Default, Deserialize)]
struct Http {
    #[serde(default)]
    method: String,
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
    pub(crate) fn parse(json: &str) -> Self {
        Self::known(json).unwrap_or_else(|| Self::Unknown(shape(json)))
    }

    fn known(json: &str) -> Option<Self> {
        let members: Members<'_> = object(json)?;
        if members.method_arn.is_some() || members.route_arn.is_some() {
            return None;
        }
        let Some(context) = members.request_context.map(RawValue::get) else {
            return members
                .is_warm_up()
                .then(|| Self::WarmUp { is_one_of_several: members.is_one_of_several() });
        };
        let (method, context) = match object(context)? {
            ContextShape { http: Some(http), .. } if http.get().starts_with('{') => {
                let Http { method } = serde_json::from_str(http.get()).unwrap_or_default();
                let method: Method = method.parse().unwrap_or_default();
                let mut context = ApiGatewayV2httpRequestContext::default();
                context.http.method = method.clone();
                (method, RequestContext::ApiGatewayV2(context))
            }
            ContextShape { http: None, elb: None } => {
                let method: Method = members.http_method.as_ref()?.as_str()?.parse().unwrap_or_default();
                let mut context = ApiGatewayProxyRequestContext::default();
                context.http_method = method.clone();
                (method, RequestContext::ApiGatewayV1(context))
            }
            ContextShape { .. } => return None,
        };
        Some(Self::Request(Box::new(members.into_request(method, context))))
    }
}

impl Members<'_> {
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

    fn into_request(self, method: Method, context: RequestContext) -> Request {
        let path = self.raw_path.or(self.path).unwrap_or_default();
        let (uri, query) = match self.raw_query_string {
            Some(raw) if !raw.is_empty() => (format!("{path}?{raw}"), raw.parse().unwrap_or_default()),
            // A REST API sends every value in the second map and the last of each in the first.
            _ if !self.multi_value_query_string_parameters.0.is_empty() => {
                let parameters = self.multi_value_query_string_parameters.0.into_iter();
                let query = decoded(parameters.flat_map(|(name, values)| {
                    values.unwrap_or_default().into_iter().map(move |value| (name.clone(), value))
                }));
                (path.clone(), query)
            }
            _ => {
                let parameters = self.query_string_parameters.0.into_iter();
                let query = decoded(parameters.map(|(name, value)| (name, value.unwrap_or_default())));
                (path.clone(), query)
            }
        };
        let mut request = Request::new(Body::Empty)
            .with_raw_http_path(path)
            .with_query_string_parameters(query)
            .with_request_context(context);
        *request.method_mut() = method;
        // Nothing here depends on the path, which may be anything.
        *request.uri_mut() = uri.parse().unwrap_or_else(|_| Uri::from_static("/"));
        *request.headers_mut() = headers(self.headers.0, self.multi_value_headers.0);
        request
    }
}

/// Parameters that the gateway has decoded, the values of each in their order.
fn decoded(parameters: impl Iterator<Item = (String, String)>) -> QueryMap {
    let mut map: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in parameters {
        map.entry(name).or_default().push(value);
    }
    map.into()
}

/// The headers of a request: every value, from the map of all values where the event has the header there.
fn headers(single: Vec<(String, Option<String>)>, multiple: Vec<(String, Option<Vec<String>>)>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(single.len().max(multiple.len()));
    for (name, values) in multiple {
        let Ok(name) = HeaderName::try_from(name) else { continue };
        for value in values.unwrap_or_default() {
            headers.append(name.clone(), header_value(value));
        }
    }
    let others: Vec<_> = single
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, value?)))
        .filter(|(name, _)| !headers.contains_key(name))
        .collect();
    for (name, value) in others {
        headers.append(name, header_value(value));
    }
    headers
}

/// One that cannot stand in a header, for a line break in it, still counts as one, and not as what was meant.
fn header_value(value: String) -> HeaderValue {
    HeaderValue::try_from(&value)
        .or_else(|_| HeaderValue::try_from(value.replace(char::is_control, "\u{FFFD}")))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// What an event that is not understood looks like: the names of its members, which are the sender's
/// format, and none of its values.
fn shape(json: &str) -> String {
    let found = match (serde_json::from_str::<IgnoredAny>(json), json.trim_start().chars().next()) {
        (Err(_), _) => "not JSON".to_owned(),
        (Ok(_), Some('{')) => match serde_json::from_str(json) {
            Ok(Names { some, .. }) if some.is_empty() => "an empty object".to_owned(),
            Ok(Names { some, are_all }) => {
                format!("an object with {}{}", some.join(", "), if are_all { "" } else { ", …" })
            }
            Err(_) => "not JSON".to_owned(),
        },
        (Ok(_), Some('[')) => "an array".to_owned(),
        (Ok(_), Some('"')) => "a string".to_owned(),
        (Ok(_), Some('t' | 'f')) => "a boolean".to_owned(),
        (Ok(_), Some('n')) => "null".to_owned(),
        (Ok(_), _) => "a number".to_owned(),
    };
    format!(
        "this function takes API Gateway HTTP API events (payload 2.0), REST API events (payload 1.0) and warm-ups; \
         this event is {found}"
    )
}

/// Names of an object's members: the first of them, each cut where it is long.
struct Names {
    some: Vec<String>,
    are_all: bool,
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Names, A::Error> {
                const MOST: usize = 12;
                let mut names = Names { some: Vec::new(), are_all: true };
                while let Some((name, IgnoredAny)) = access.next_entry::<String, _>()? {
                    if names.some.len() < MOST {
                        names.some.push(name.chars().take(40).collect());
                    } else {
                        names.are_all = false;
                    }
                }
                names.some.sort_unstable();
                Ok(names)
            }
        }
        deserializer.deserialize_map(NamesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Request {
        match Event::parse(json) {
            Event::Request(request) => *request,
            other => panic!("{json}: {other:?}"),
        }
    }

    fn values(request: &Request, header: &str) -> Vec<String> {
        let values = request.headers().get_all(header).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    fn parameters(request: &Request, name: &str) -> Vec<String> {
        let parameters = request.query_string_parameters();
        parameters.all(name).unwrap_or_default().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn both_gateways_are_understood() {
        let http = request(
            r#"{"version":"2.0","rawPath":"/calendly/user","headers":{"authorization":"Bearer x","accept-encoding":"gzip"},
                "rawQueryString":"active=true&x=%2B&x=b","requestContext":{"http":{"method":"HEAD"},"stage":"s"}}"#,
        );
        assert_eq!(http.method(), Method::HEAD);
        assert_eq!(http.uri(), "/calendly/user?active=true&x=%2B&x=b");
        assert_eq!(http.raw_http_path(), "/calendly/user");
        assert_eq!(values(&http, "Authorization"), ["Bearer x"]);
        assert_eq!(parameters(&http, "x"), ["+", "b"]);
        match http.request_context() {
            RequestContext::ApiGatewayV2(context) => assert_eq!(context.http.method, Method::HEAD),
            other => panic!("{other:?}"),
        }

        let rest = request(
            r#"{"httpMethod":"GET","path":"/p","headers":{"Authorization":"Bearer x","X-Other":"1"},
                "multiValueHeaders":{"Authorization":["Bearer x"]},"queryStringParameters":{"active":"false"},
                "multiValueQueryStringParameters":{"active":["true","false"]},
                "requestContext":{"httpMethod":"GET","stage":"s","identity":{}}}"#,
        );
        assert_eq!((rest.method(), rest.uri().path()), (&Method::GET, "/p"));
        assert_eq!(values(&rest, "authorization"), ["Bearer x"]);
        assert_eq!(values(&rest, "x-other"), ["1"]);
        assert_eq!(parameters(&rest, "active"), ["true", "false"]);
        match rest.request_context() {
            RequestContext::ApiGatewayV1(context) => assert_eq!(context.http_method, Method::GET),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_made_by_hand_may_have_an_empty_raw_query_string() {
        let http = request(
            r#"{"rawPath":"/p","rawQueryString":"","queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(parameters(&http, "slug"), ["a"]);
        assert_eq!(http.uri(), "/p");
    }

    #[test]
    fn nulls_and_odd_headers_do_no_harm() {
        let rest = request(
            r#"{"httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":null,
                "multiValueQueryStringParameters":null,"requestContext":{}}"#,
        );
        assert!(rest.headers().is_empty());
        assert!(rest.query_string_parameters().is_empty());
        let http = request(
            r#"{"headers":{"host":"a b:c","x-name":"José","AUTHORIZATION":"one","authorization":"two","a b":"c"},
                "rawPath":"no path at all","queryStringParameters":{"slug":"a"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(values(&http, "authorization"), ["one", "two"]);
        assert_eq!(values(&http, "x-name"), ["José"]);
        assert_eq!(parameters(&http, "slug"), ["a"]);
        assert_eq!(http.uri(), "/");
    }

    #[test]
    fn a_header_that_cannot_be_one_still_counts() {
        let http = request(
            r#"{"headers":{"Authorization":"Bearer a\r\nX-B: c","authorization":"Bearer b"},"requestContext":{"http":{}}}"#,
        );
        assert_eq!(values(&http, "authorization"), ["Bearer a\u{FFFD}\u{FFFD}X-B: c", "Bearer b"]);
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
            // A warm-up and a request, if members were taken by their order.
            ("[null,null,null,null,{},{},null,{},{},null,true,null,null,null]", "an array"),
            (r#"[{"http":{}},null,null,null,{},{},null,{},{},null,null,null,null,null]"#, "an array"),
            (
                r#"{"requestContext":[null,null],"httpMethod":"GET"}"#,
                "an object with httpMethod, requestContext",
            ),
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
