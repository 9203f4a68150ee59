//! The shape of an unsupported event, for the log and the function error: names of members, but no values.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::pairs::Pairs;
use crate::http::json::object;

/// Names of members are truncated to this length.
const MAX_NAME_CHARS: usize = 40;

/// The number of members that are named.
const MAX_NAMES: usize = 12;

/// Describes an unsupported event.
pub(super) fn describe(json: &str) -> String {
    const SUPPORTED: &str = "this function takes API Gateway HTTP API events (payload 2.0), REST API events (payload 1.0) and warm-ups";
    let found = match object::<Pairs<&RawValue>>(json) {
        Some(event) => match check_members(&event) {
            Err(problem) => return format!("{SUPPORTED}; this event's {problem}"),
            Ok(()) if event.0.is_empty() => "an empty object".to_owned(),
            Ok(()) => format!("an object with {}", names(&event.0)),
        },
        None => match serde_json::from_str::<IgnoredAny>(json) {
            Ok(_) if !json.trim_start().starts_with('{') => kind(json.trim_start()).to_owned(),
            _ => "not JSON".to_owned(),
        },
    };
    format!("{SUPPORTED}; this event is {found}")
}

/// The first names, sorted.
fn names(members: &[(String, &RawValue)]) -> String {
    let mut names: Vec<_> = members.iter().take(MAX_NAMES).map(|(name, _)| truncated(name)).collect();
    names.sort_unstable();
    names.join(", ") + if members.len() > MAX_NAMES { ", …" } else { "" }
}

/// Checks the members that the function reads. The error is the name of a member and what is wrong with it.
fn check_members(event: &Pairs<&RawValue>) -> Result<(), String> {
    let Pairs(members) = event;
    let is_rest = members.iter().any(|(name, value)| {
        let context = || object::<Pairs<&RawValue>>(value.get());
        name == "requestContext" && context().is_some_and(|context| context.get("http").is_none())
    });
    let mut seen = Vec::new();
    for (name, value) in members {
        let checked = match name.as_str() {
            "rawPath" | "path" | "rawQueryString" => check::<Option<String>>(name, value, "a string"),
            "headers" | "queryStringParameters" => check_entries::<Option<String>>(name, value, "a string"),
            "multiValueHeaders" | "multiValueQueryStringParameters" => {
                check_entries::<Option<Vec<String>>>(name, value, "an array of strings")
            }
            "requestContext" => check_context(value),
            "httpMethod" if is_rest => check::<Option<String>>(name, value, "a string"),
            "httpMethod" | "source" | "warmer" | "concurrency" => check::<Value>(name, value, "less nested"),
            "methodArn" | "routeArn" => Ok(()),
            _ => continue,
        };
        if seen.contains(&name) {
            return Err(format!("{name} occurs twice"));
        }
        checked?;
        seen.push(name);
    }
    match missing_member(event) {
        Some(member) => Err(format!("{member} is missing")),
        None => Ok(()),
    }
}

/// The member that an event lacks to be a request, if its other members are a request's.
fn missing_member(event: &Pairs<&RawValue>) -> Option<&'static str> {
    let has =
        |object: &Pairs<&RawValue>, name| object.get(name).is_some_and(|value| kind(value.get()) != "null");
    if has(event, "methodArn") || has(event, "routeArn") {
        return None;
    }
    let is_http_api = has(event, "rawPath") || has(event, "rawQueryString");
    let has_method = has(event, "httpMethod");
    let Some(context) = event.get("requestContext").and_then(|context| object(context.get())) else {
        return (is_http_api || has_method).then_some("requestContext");
    };
    if has_method || has(&context, "http") || has(&context, "elb") {
        None
    } else if is_http_api {
        Some("requestContext.http")
    } else {
        has(event, "path").then_some("httpMethod")
    }
}

fn check_context(context: &RawValue) -> Result<(), String> {
    let Some(http) = entries("requestContext", context)?.get("http") else { return Ok(()) };
    let Some(method) = entries("requestContext.http", http)?.get("method") else { return Ok(()) };
    check::<String>("requestContext.http.method", method, "a string")
}

/// Checks an object whose values are of type `T`.
fn check_entries<T: for<'a> Deserialize<'a>>(
    member: &str,
    value: &RawValue,
    expected: &str,
) -> Result<(), String> {
    for (name, value) in entries(member, value)?.0 {
        check::<T>(&format!("{member}.{}", truncated(&name)), value, expected)?;
    }
    Ok(())
}

/// The members of an object; none of `null`.
fn entries<'a>(member: &str, value: &'a RawValue) -> Result<Pairs<&'a RawValue>, String> {
    serde_json::from_str(value.get()).map_err(|_| invalid(member, value, "an object"))
}

fn check<T: for<'a> Deserialize<'a>>(member: &str, value: &RawValue, expected: &str) -> Result<(), String> {
    serde_json::from_str::<T>(value.get()).map(drop).map_err(|_| invalid(member, value, expected))
}

fn invalid(member: &str, value: &RawValue, expected: &str) -> String {
    match kind(value.get()) {
        found if found == expected => format!("{member} is malformed"),
        found => format!("{member} is {found} and must be {expected}"),
    }
}

/// The JSON type of a value.
fn kind(json: &str) -> &'static str {
    match json.chars().next() {
        Some('{') => "an object",
        Some('[') => "an array",
        Some('"') => "a string",
        Some('t' | 'f') => "a boolean",
        Some('n') => "null",
        _ => "a number",
    }
}

fn truncated(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}
