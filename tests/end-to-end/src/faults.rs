//! Paths of Calendly's API, and faults that answer them with a given status or body.

use sandbox::Fault;
use serde_json::{Value, json};

/// Calendly's path of the current user.
pub const ME: &str = "/users/me";

/// Calendly's path of the list of event types.
pub const EVENT_TYPES: &str = "/event_types";

/// Calendly's path of the available times of an event type.
pub const AVAILABLE_TIMES: &str = "/event_type_available_times";

/// Answers with this body and content type.
pub fn body_fault(content_type: &str, body: impl Into<String>) -> Fault {
    Fault::Body { content_type: content_type.to_owned(), body: body.into() }
}

/// Answers with this JSON.
pub fn json_fault(body: &Value) -> Fault {
    body_fault("application/json; charset=utf-8", body.to_string())
}

/// Answers with this status, these headers and this body.
pub fn status_fault(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fault::Status { status, body: body.to_owned(), headers: headers.collect() }
}

/// AWS's `InternalServiceError`.
pub fn aws_internal_error() -> Fault {
    let kind = "InternalServiceError";
    status_fault(500, &[("x-amzn-errortype", kind)], &json!({ "__type": kind }).to_string())
}

/// A page of a list, in Calendly's JSON.
pub fn list_page(rows: &[Value], next_page_token: Option<&str>) -> Value {
    json!({"collection": rows, "pagination": {"next_page_token": next_page_token}})
}
