//! The shape of an unsupported event, for the log and the function error: names of members, but no values.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::pairs::Pairs;

/// Names of members are truncated to this length.
const MAX_NAME_CHARS: usize = 40;

/// Describes an unsupported event.
pub(super) fn describe(json: &str) -> String {
    const SUPPORTED: &str = "this function takes API Gateway HTTP API events (payload 2.0), REST API events (payload 1.0) and warm-ups";
    if let Some(InvalidMember { member, problem }) = first_invalid_member(json) {
        return format!("{SUPPORTED}; this event's {member} {problem}");
    }
    if let Some(member) = missing_member(json) {
        return format!("{SUPPORTED}; this event's {member} is missing");
    }
    let found = match (serde_json::from_str::<IgnoredAny>(json), json.trim_start().chars().next()) {
        (Err(_), _) => "not JSON".to_owned(),
        (Ok(_), Some('{')) => match serde_json::from_str(json) {
            Ok(MemberNames { names, .. }) if names.is_empty() => "an empty object".to_owned(),
            Ok(MemberNames { names, is_truncated }) => {
                format!("an object with {}{}", names.join(", "), if is_truncated { ", …" } else { "" })
            }
            Err(_) => "not JSON".to_owned(),
        },
        (Ok(_), _) => kind(json.trim_start()).to_owned(),
    };
    format!("{SUPPORTED}; this event is {found}")
}

/// A member that makes an event unsupported.
struct InvalidMember {
    member: String,
    problem: String,
}

/// The first member of the wrong type, if the event is an object.
fn first_invalid_member(json: &str) -> Option<InvalidMember> {
    let Pairs(members) = object(json)?;
    let is_rest = members.iter().any(|(name, value)| {
        name == "requestContext"
            && object(value.get())
                .is_some_and(|Pairs(context)| context.iter().all(|(name, _)| name != "http"))
    });
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &members {
        let wrong = match name.as_str() {
            "rawPath" | "path" | "rawQueryString" => wrong_type::<Option<String>>(name, value, "a string"),
            "headers" | "queryStringParameters" => wrong_entry::<Option<String>>(name, value, "a string"),
            "multiValueHeaders" | "multiValueQueryStringParameters" => {
                wrong_entry::<Option<Vec<String>>>(name, value, "an array of strings")
            }
            "requestContext" => wrong_context(value),
            "httpMethod" if is_rest => wrong_type::<Option<String>>(name, value, "a string"),
            "httpMethod" | "source" | "warmer" | "concurrency" => {
                wrong_type::<Value>(name, value, "less nested")
            }
            "methodArn" | "routeArn" => None,
            _ => continue,
        };
        if seen.contains(&name.as_str()) {
            return Some(InvalidMember { member: name.clone(), problem: "occurs twice".to_owned() });
        }
        if wrong.is_some() {
            return wrong;
        }
        seen.push(name);
    }
    None
}

/// The member that an event lacks to be a request, if its other members are a request's.
fn missing_member(json: &str) -> Option<&'static str> {
    let event = object(json)?;
    if has(&event, "methodArn") || has(&event, "routeArn") {
        return None;
    }
    let is_http_api = has(&event, "rawPath") || has(&event, "rawQueryString");
    let has_method = has(&event, "httpMethod");
    if !has(&event, "requestContext") {
        return (is_http_api || has_method).then_some("requestContext");
    }
    let (_, context) = event.0.iter().find(|(name, _)| name == "requestContext")?;
    let context = object(context.get())?;
    if has_method || has(&context, "http") || has(&context, "elb") {
        None
    } else if is_http_api {
        Some("requestContext.http")
    } else {
        has(&event, "path").then_some("httpMethod")
    }
}

/// Whether an object has a member that is not null.
fn has(Pairs(members): &Pairs<&RawValue>, name: &str) -> bool {
    members.iter().any(|(member, value)| member == name && kind(value.get()) != "null")
}

fn wrong_context(context: &RawValue) -> Option<InvalidMember> {
    if kind(context.get()) == "null" {
        return None;
    }
    let Some(Pairs(members)) = object(context.get()) else {
        return Some(invalid_member("requestContext", context, "an object"));
    };
    let (_, http) = members.into_iter().find(|(name, _)| name == "http")?;
    match object(http.get()) {
        Some(Pairs(members)) => {
            let (_, method) = members.into_iter().find(|(name, _)| name == "method")?;
            wrong_type::<String>("requestContext.http.method", method, "a string")
        }
        None if kind(http.get()) == "null" => None,
        None => Some(invalid_member("requestContext.http", http, "an object")),
    }
}

/// The first value of an object that is not a `T`, or the object itself.
fn wrong_entry<T: for<'a> Deserialize<'a>>(
    member: &str,
    value: &RawValue,
    expected: &str,
) -> Option<InvalidMember> {
    match object(value.get()) {
        Some(Pairs(entries)) => entries.into_iter().find_map(|(name, value)| {
            wrong_type::<T>(&format!("{member}.{}", truncated(&name)), value, expected)
        }),
        None => (kind(value.get()) != "null").then(|| invalid_member(member, value, "an object")),
    }
}

fn wrong_type<T: for<'a> Deserialize<'a>>(
    member: &str,
    value: &RawValue,
    expected: &str,
) -> Option<InvalidMember> {
    serde_json::from_str::<T>(value.get()).is_err().then(|| invalid_member(member, value, expected))
}

fn invalid_member(member: &str, value: &RawValue, expected: &str) -> InvalidMember {
    let problem = match kind(value.get()) {
        found if found == expected => "is malformed".to_owned(),
        found => format!("is {found} and must be {expected}"),
    };
    InvalidMember { member: member.to_owned(), problem }
}

fn object(json: &str) -> Option<Pairs<&RawValue>> {
    crate::http::json::object(json)
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

/// The first member names of an object, sorted, each truncated.
struct MemberNames {
    names: Vec<String>,
    is_truncated: bool,
}

impl<'de> Deserialize<'de> for MemberNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = MemberNames;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<MemberNames, A::Error> {
                const MAX_NAMES: usize = 12;
                let mut members = MemberNames { names: Vec::new(), is_truncated: false };
                while let Some((name, IgnoredAny)) = access.next_entry::<String, _>()? {
                    if members.names.len() < MAX_NAMES {
                        members.names.push(truncated(&name));
                    } else {
                        members.is_truncated = true;
                    }
                }
                members.names.sort_unstable();
                Ok(members)
            }
        }
        deserializer.deserialize_map(NamesVisitor)
    }
}
