//! Problem details (RFC 9457), the body of every error response.

use serde::Serialize;

use crate::{Error, calendly::CalendlyError};

/// A problem. `type` is `about:blank`, so `title` is the name of the status, or its number if it has no registered
/// name; `code` distinguishes problems.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calendly: Option<&'a CalendlyError>,
}

/// The problem of an error, as JSON.
pub(crate) fn problem(error: &Error, request_id: &str) -> String {
    let status = error.status();
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or(status.as_str()),
        status: status.as_u16(),
        detail: error.to_string(),
        code: error.code(),
        request_id,
        parameter: error.parameter(),
        calendly: error.calendly(),
    };
    serde_json::to_string(&problem).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use lambda_http::http::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn all_members_of_a_problem() {
        let calendly = CalendlyError {
            // A status without a registered name.
            status: StatusCode::from_u16(520).unwrap(),
            title: Some("A title".to_owned()),
            message: None,
            details: None,
            retry_after: None,
            path: "/users/me",
        };
        for (error, expected) in [
            (
                Error::invalid_parameter("active", "active must be true or false."),
                json!({
                    "type": "about:blank", "title": "Bad Request", "status": 400,
                    "detail": "active must be true or false.", "code": "invalid_parameter",
                    "request_id": "the-request", "parameter": "active",
                }),
            ),
            (
                Error::Calendly(Box::new(calendly)),
                json!({
                    "type": "about:blank", "title": "520", "status": 520,
                    "detail": "Calendly answered 520: A title.", "code": "calendly_error",
                    "request_id": "the-request", "calendly": {"status": 520, "title": "A title"},
                }),
            ),
        ] {
            let problem: Value = serde_json::from_str(&problem(&error, "the-request")).unwrap();
            assert_eq!(problem, expected);
        }
    }
}
