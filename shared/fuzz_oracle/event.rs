//! An oracle for [`Event::parse`]: a second, plain parser.
#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::{collections::BTreeMap, str::from_utf8};

use lambda_http::{
    RequestExt,
    http::{HeaderName, Method},
    request::RequestContext,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use url::form_urlencoded;

use super::{is_object, members, once};
use crate::lambda::event::Event;

/// Compares the parsed event with the plain parser's, and checks that the description of an unsupported event contains
/// none of its values.
pub fn event(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let expected = naive(json);
    let found = match Event::parse(json, 0) {
        Event::WarmUp { is_concurrent } => Naive::WarmUp { is_concurrent },
        Event::Request(request) => {
            let is_http_api = matches!(request.request_context_ref(), Some(RequestContext::ApiGatewayV2(_)));
            let mut headers: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
            for (name, value) in request.headers() {
                headers.entry(name.to_string()).or_default().push(value.as_bytes().to_vec());
            }
            let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let query = request.query_string_parameters();
            for (name, _) in query.iter() {
                let values = query.all(name).unwrap_or_default().into_iter().map(str::to_owned).collect();
                parameters.insert(name.to_owned(), values);
            }
            Naive::Request { is_http_api, method: request.method().clone(), headers, parameters }
        }
        Event::Unknown(problem) => {
            assert_no_values(&problem, json);
            Naive::Unknown
        }
    };
    assert_eq!(found, expected, "the parsers disagree");
}

#[derive(Debug, PartialEq)]
enum Naive {
    Request {
        is_http_api: bool,
        method: Method,
        headers: BTreeMap<String, Vec<Vec<u8>>>,
        parameters: BTreeMap<String, Vec<String>>,
    },
    WarmUp {
        is_concurrent: bool,
    },
    Unknown,
}

fn naive(json: &str) -> Naive {
    supported(json).unwrap_or(Naive::Unknown)
}

/// A map of an event, including duplicates.
type Map<V> = Vec<(String, Option<V>)>;

fn supported(json: &str) -> Option<Naive> {
    let event = members(json)?;
    let [context, method, raw_path, path, raw_query, source, warmer, concurrency] = [
        "requestContext",
        "httpMethod",
        "rawPath",
        "path",
        "rawQueryString",
        "source",
        "warmer",
        "concurrency",
    ]
    .map(|name| once(&event, name));
    let (headers, all_headers): (Map<String>, Map<Vec<String>>) =
        (map(&event, "headers")?, map(&event, "multiValueHeaders")?);
    let (parameters, all_parameters): (Map<String>, Map<Vec<String>>) =
        (map(&event, "queryStringParameters")?, map(&event, "multiValueQueryStringParameters")?);
    let (_, _, raw_query): (Option<String>, Option<String>, Option<String>) =
        (typed(raw_path?)?, typed(path?)?, typed(raw_query?)?);
    let (method, source, warmer, concurrency) =
        (value(method?)?, value(source?)?, value(warmer?)?, value(concurrency?)?);
    if once(&event, "methodArn")?.is_some() || once(&event, "routeArn")?.is_some() {
        return None;
    }
    let Some(context) = context? else {
        let sources = ["aws.events", "aws.scheduler", "serverless-plugin-warmup"];
        let is_warm_up = warmer == Value::Bool(true) || sources.iter().any(|name| source == *name);
        let is_concurrent = concurrency.as_f64().is_some_and(|concurrency| concurrency > 1.0);
        return is_warm_up.then_some(Naive::WarmUp { is_concurrent });
    };
    let context = members(context)?;
    let (http, elb) = (once(&context, "http")?, once(&context, "elb")?);
    let (is_http_api, method) = match (http, elb) {
        (Some(http), _) if is_object(http) => {
            let method: String = match once(&members(http)?, "method")? {
                Some(method) => serde_json::from_str(method).ok()?,
                None => String::new(),
            };
            (true, method)
        }
        (None, None) => (false, method.as_str()?.to_owned()),
        _ => return None,
    };
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();

    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, values) in all_headers {
        for value in values.unwrap_or_default() {
            add_header(&mut found, &name, &value);
        }
    }
    let in_all: Vec<String> = found.keys().cloned().collect();
    for (name, value) in headers {
        if !in_all.contains(&name.to_ascii_lowercase())
            && let Some(value) = value
        {
            add_header(&mut found, &name, &value);
        }
    }

    let pairs: Vec<(String, String)> = match raw_query.filter(|query| !query.is_empty()) {
        Some(query) => form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        None if !all_parameters.is_empty() => {
            let with_name = |(name, values): (String, Option<Vec<String>>)| {
                values.unwrap_or_default().into_iter().map(move |value| (name.clone(), value))
            };
            all_parameters.into_iter().flat_map(with_name).collect()
        }
        None => parameters.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect(),
    };
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        parameters.entry(name).or_default().push(value);
    }
    Some(Naive::Request { is_http_api, method, headers: found, parameters })
}

fn add_header(headers: &mut BTreeMap<String, Vec<Vec<u8>>>, name: &str, value: &str) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return;
    }
    let is_good = value.bytes().all(|byte| byte == b'\t' || byte >= b' ' && byte != 0x7F);
    let value = if is_good { value.to_owned() } else { value.replace(char::is_control, "\u{FFFD}") };
    headers.entry(name.to_ascii_lowercase()).or_default().push(value.into_bytes());
}

/// A member of type `T` or `null`. The outer `None` means another type.
fn typed<T: DeserializeOwned>(json: Option<&str>) -> Option<Option<T>> {
    json.map(serde_json::from_str).transpose().ok()
}

/// A member of any type, within the nesting limit; `null` if absent.
fn value(json: Option<&str>) -> Option<Value> {
    let Some(json) = json else { return Some(Value::Null) };
    // The array restores the member's nesting depth.
    let Value::Array(mut one) = serde_json::from_str(&format!("[{json}]")).ok()? else { return None };
    one.pop()
}

/// A member that is an object of values of type `V`, or `null`.
fn map<V: DeserializeOwned>(event: &[(String, &RawValue)], name: &str) -> Option<Map<V>> {
    let Some(json) = once(event, name)? else { return Some(Vec::new()) };
    members(json)?
        .into_iter()
        .map(|(name, value)| Some((name, typed(Some(value.get()).filter(|json| *json != "null"))?)))
        .collect()
}

/// Checks that `problem` contains names of members and nothing else of the event.
fn assert_no_values(problem: &str, json: &str) {
    if let Some((_, wrong)) = problem.rsplit_once("this event's ") {
        if let Some(missing) = wrong.strip_suffix(" is missing") {
            assert!(["requestContext", "requestContext.http", "httpMethod"].contains(&missing), "{problem}");
            return;
        }
        const PROBLEMS: [&str; 4] = [" is malformed", " occurs twice", " and must be ", " is "];
        let Some(end) = PROBLEMS.iter().find_map(|problem| wrong.rfind(problem)) else { panic!("{problem}") };
        let member = wrong.get(..end).unwrap_or_default();
        let member = member.rsplit_once(" is ").map_or(member, |(member, _)| member);
        assert!(is_member(member, json), "{problem}");
        return;
    }
    let Some((_, found)) = problem.rsplit_once("this event is ") else { panic!("{problem}") };
    let mut names = members(json).unwrap_or_default();
    names.truncate(12);
    let mut names: Vec<String> = names.into_iter().map(|(name, _)| name.chars().take(40).collect()).collect();
    names.sort_unstable();
    let kinds = ["not JSON", "an empty object", "an array", "a string", "a boolean", "null", "a number"]
        .contains(&found);
    let list = format!("an object with {}", names.join(", "));
    assert!(kinds || found == list || found == format!("{list}, …"), "{problem}");
}

/// Whether `member` is the name of a member, or of a member's member, of the event.
fn is_member(member: &str, json: &str) -> bool {
    members(json).unwrap_or_default().into_iter().any(|(name, value)| {
        let inner = members(value.get()).unwrap_or_default().into_iter();
        name == member
            || inner
                .map(|(inner, _)| format!("{name}.{}", inner.chars().take(40).collect::<String>()))
                .any(|inner| inner == member)
    })
}
