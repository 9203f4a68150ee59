//! An oracle for [`Event::parse`].
#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::{collections::BTreeMap, str::from_utf8};

use lambda_http::http::{HeaderName, Method};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::{members, once};
use crate::{
    HttpRequest, Query,
    lambda::{event::Event, gateway::Gateway},
};

/// Compares a request with the members of the event, and checks that no request counts as a warm-up, and that the
/// description of an unsupported event contains none of its values.
pub fn event(bytes: &[u8]) {
    let Ok(json) = from_utf8(bytes) else { return };
    let event = members(json).unwrap_or_default();
    match Event::parse(json, 0) {
        Event::Request(request) => check_request(&request, &event),
        Event::WarmUp { is_concurrent } => {
            let source: Option<String> = value(&event, "source");
            let is_warm_up = value(&event, "warmer") == Some(true)
                || ["aws.events", "aws.scheduler", "serverless-plugin-warmup"]
                    .map(Some)
                    .contains(&source.as_deref());
            let concurrency: Option<f64> = value(&event, "concurrency");
            assert!(is_warm_up && once(&event, "requestContext") == Some(None), "not a warm-up");
            assert_eq!(is_concurrent, concurrency.is_some_and(|concurrency| concurrency > 1.0));
        }
        Event::Unknown(problem) => assert_no_values(&problem, json),
    }
}

type Members<'a> = Vec<(String, &'a RawValue)>;

/// The value of a member, if it occurs once and is a `T`.
fn value<T: DeserializeOwned>(members: &Members<'_>, name: &str) -> Option<T> {
    serde_json::from_str(once(members, name)??).ok()
}

/// The members of a member.
fn map<'a>(event: &Members<'a>, name: &str) -> Members<'a> {
    once(event, name).flatten().and_then(members).unwrap_or_default()
}

fn check_request(request: &HttpRequest, event: &Members<'_>) {
    let http = once(&map(event, "requestContext"), "http").flatten();
    assert_eq!(request.gateway == Gateway::Http, http.is_some(), "a different gateway");
    let method: Option<String> = match http {
        Some(http) => value(&members(http).unwrap_or_default(), "method"),
        None => value(event, "httpMethod"),
    };
    let method = Method::from_bytes(method.unwrap_or_default().as_bytes());
    assert_eq!(request.method, method.unwrap_or_default(), "a different method");

    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in &request.headers {
        found.entry(name.to_string()).or_default().push(value.as_bytes().to_vec());
    }
    assert_eq!(found, headers(event), "different headers");

    assert_eq!(request.query, query(event), "different parameters");
}

fn headers(event: &Members<'_>) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut headers = BTreeMap::new();
    let multiple = pairs(event, "multiValueHeaders");
    for (name, value) in &multiple {
        add_header(&mut headers, name, value);
    }
    for (name, value) in pairs(event, "headers") {
        if !multiple.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            add_header(&mut headers, &name, &value);
        }
    }
    headers
}

fn add_header(headers: &mut BTreeMap<String, Vec<Vec<u8>>>, name: &str, value: &str) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return;
    }
    let is_good = value.bytes().all(|byte| byte == b'\t' || byte >= b' ' && byte != 0x7F);
    let value = if is_good { value.to_owned() } else { value.replace(char::is_control, "\u{FFFD}") };
    headers.entry(name.to_ascii_lowercase()).or_default().push(value.into_bytes());
}

fn query(event: &Members<'_>) -> Query {
    let raw: Option<String> = value(event, "rawQueryString");
    match raw.filter(|raw| !raw.is_empty()) {
        Some(raw) => form_urlencoded::parse(raw.as_bytes()).into_owned().collect(),
        None if !map(event, "multiValueQueryStringParameters").is_empty() => {
            pairs(event, "multiValueQueryStringParameters").into_iter().collect()
        }
        None => {
            let single = map(event, "queryStringParameters").into_iter();
            single.map(|(name, value)| (name, text(value).unwrap_or_default())).collect()
        }
    }
}

/// The entries of a map of strings, or of lists of strings.
fn pairs(event: &Members<'_>, name: &str) -> Vec<(String, String)> {
    let values = |value: &RawValue| match text(value) {
        Some(text) => vec![text],
        None => serde_json::from_str(value.get()).unwrap_or_default(),
    };
    let with_name = |(name, value): (String, &RawValue)| {
        values(value).into_iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>()
    };
    map(event, name).into_iter().flat_map(with_name).collect()
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
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
