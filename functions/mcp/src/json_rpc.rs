//! JSON-RPC 2.0 messages: requests and notifications in, results and errors out.

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::version::Version;

/// A message of a client.
#[derive(Debug)]
pub enum Message<'a> {
    /// A request, which has an id.
    Request(Request<'a>),
    /// A notification: nothing is answered.
    Notification,
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The id as it was sent: the JSON of a string or an integer.
    pub id: &'a str,
    /// The method.
    pub method: String,
    /// The parameters; `None` if there are none or they are an array, which no method takes.
    pub params: Option<&'a RawValue>,
}

/// A JSON-RPC error, with its HTTP status.
#[derive(Debug)]
pub struct RpcError {
    /// The HTTP status.
    pub status: u16,
    /// The kind of error.
    pub kind: ErrorKind,
    /// A sentence for the client.
    pub message: String,
    /// The version that is not supported.
    pub unsupported_version: Option<String>,
}

/// The kinds of errors that a message can cause, with the codes of JSON-RPC and of the Model Context Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Not JSON.
    Parse = -32_700,
    /// Neither a request nor a notification.
    InvalidRequest = -32_600,
    /// An unknown method.
    MethodNotFound = -32_601,
    /// Parameters that the method does not take.
    InvalidParams = -32_602,
    /// Headers that are missing or contradict the body.
    HeaderMismatch = -32_020,
    /// A protocol version that is not supported.
    UnsupportedProtocolVersion = -32_022,
}

impl ErrorKind {
    /// The code in an error response.
    #[must_use]
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse_error",
            Self::InvalidRequest => "invalid_request",
            Self::MethodNotFound => "method_not_found",
            Self::InvalidParams => "invalid_params",
            Self::HeaderMismatch => "header_mismatch",
            Self::UnsupportedProtocolVersion => "unsupported_protocol_version",
        }
    }

    /// The reason in the log, which quotes nothing of the message.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Parse => "the body is not JSON",
            Self::InvalidRequest => "the body is neither a JSON-RPC request nor a notification",
            Self::MethodNotFound => "the method is unknown",
            Self::InvalidParams => "the method does not take these parameters",
            Self::HeaderMismatch => "a header is missing or contradicts the body",
            Self::UnsupportedProtocolVersion => "the protocol version is not supported",
        }
    }
}

impl RpcError {
    /// An error with status 400.
    pub(crate) fn bad_request(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { status: 400, kind, message: message.into(), unsupported_version: None }
    }

    /// Parameters that the method does not take, with status 200.
    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self {
            status: 200,
            kind: ErrorKind::InvalidParams,
            message: message.into(),
            unsupported_version: None,
        }
    }

    /// The JSON of the error response. Without `id`, the id of the request is unknown.
    #[must_use]
    pub fn to_json(&self, id: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Object<'a> {
            code: i32,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<UnsupportedVersion<'a>>,
        }
        #[derive(Serialize)]
        struct UnsupportedVersion<'a> {
            supported: [&'static str; 4],
            requested: &'a str,
        }
        let data = self.unsupported_version.as_deref().map(|requested| UnsupportedVersion {
            supported: Version::SUPPORTED.map(Version::as_str),
            requested,
        });
        let object = Object { code: self.kind.code(), message: &self.message, data };
        let error = serde_json::to_string(&object).unwrap_or_default();
        let id = id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
        format!(r#"{{"jsonrpc":"2.0",{id}"error":{error}}}"#)
    }
}

/// The JSON of a result response.
#[must_use]
pub fn result_json(id: &str, result: &str) -> String {
    [r#"{"jsonrpc":"2.0","id":"#, id, r#","result":"#, result, "}"].concat()
}

/// The members of a message.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// Deserializes a member whose `null` differs from its absence.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Deserializes an object. serde would also take an array for a struct.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// The value of a JSON string; `None` for any other JSON.
pub(crate) fn string(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok()
}

impl<'a> Message<'a> {
    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// The error, and the id of the message if that is usable.
    pub fn parse(body: &'a [u8]) -> Result<Self, (RpcError, Option<&'a str>)> {
        let not_json = || RpcError::bad_request(ErrorKind::Parse, "The body is not JSON.");
        let text = std::str::from_utf8(body).map_err(|_| (not_json(), None))?;
        let Some(members) = object::<Members<'_>>(text) else {
            return Err(match serde_json::from_str::<IgnoredAny>(text) {
                Err(_) => (not_json(), None),
                Ok(_) if text.trim_start().starts_with('[') => {
                    (invalid("Batches are not supported: send one message per request."), None)
                }
                Ok(_) => (
                    invalid("The body is not a JSON-RPC message: send an object, with each member once."),
                    None,
                ),
            });
        };
        let id = members.id.map(RawValue::get);
        if id.is_some_and(|id| !is_id(id)) {
            return Err((invalid("id is neither a string nor an integer."), None));
        }
        let refuse = |message: &str| Err((invalid(message), id));
        if members.jsonrpc.and_then(string).as_deref() != Some("2.0") {
            return refuse("jsonrpc is not \"2.0\".");
        }
        let Some(method) = members.method.and_then(string) else {
            return refuse("method is missing or not a string.");
        };
        let params = match members.params {
            Some(params) if params.get().starts_with('{') => Some(params),
            Some(params) if !params.get().starts_with('[') => return refuse("params is not an object."),
            _ => None,
        };
        Ok(match id {
            Some(id) => Self::Request(Request { id, method, params }),
            None => Self::Notification,
        })
    }
}

fn invalid(message: &str) -> RpcError {
    RpcError::bad_request(ErrorKind::InvalidRequest, message)
}

/// Whether a JSON value is a string or an integer.
fn is_id(json: &str) -> bool {
    json.starts_with('"') || json.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of error and the id, or the id and the method of a request, or nothing for a notification.
    fn parsed(body: &str) -> String {
        match Message::parse(body.as_bytes()) {
            Ok(Message::Request(request)) => format!("{} {}", request.id, request.method),
            Ok(Message::Notification) => "notification".to_owned(),
            Err((error, id)) => format!("{} {}", error.kind.code(), id.unwrap_or("-")),
        }
    }

    #[test]
    fn requests_keep_the_bytes_of_their_id() {
        for id in [
            "1",
            "-1",
            "0",
            "123456789012345678901234567890",
            r#""a""#,
            r#""""#,
            r#""\u0061\ud83d\ude00 é\/""#,
            r#""\ud800""#,
        ] {
            let body = format!(r#" {{"id" : {id} ,"method":"ping","jsonrpc":"2.0","other":[1]}} "#);
            assert_eq!(parsed(&body), format!("{id} ping"));
        }
    }

    #[test]
    fn messages_that_are_refused() {
        for (body, expected) in [
            ("", "-32700 -"),
            ("{", "-32700 -"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, "-32700 -"),
            ("\u{feff}{}", "-32700 -"),
            ("1", "-32600 -"),
            ("null", "-32600 -"),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "-32600 -"),
            (r#"["2.0",1,"ping"]"#, "-32600 -"),
            ("{}", "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":1}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "-32600 1"),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, "-32600 1"),
            (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "-32600 1"),
            (r#"{"id":"a","method":"ping"}"#, r#"-32600 "a""#),
            (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":5}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":1e3,"method":"ping"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "-32600 -"),
        ] {
            assert_eq!(parsed(body), expected, "{body}");
        }
        assert_eq!(Message::parse(b"\xff").unwrap_err().0.kind, ErrorKind::Parse);
    }

    #[test]
    fn notifications_have_no_id() {
        assert_eq!(parsed(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), "notification");
        assert_eq!(parsed(r#"{"jsonrpc":"2.0","method":"tools/call","params":[]}"#), "notification");
    }

    #[test]
    fn responses_repeat_the_id() {
        assert_eq!(result_json("\"a\"", "{}"), r#"{"jsonrpc":"2.0","id":"a","result":{}}"#);
        let error = RpcError::invalid_params("No.");
        assert_eq!(
            error.to_json(Some("1")),
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"No."}}"#
        );
        assert_eq!(error.to_json(None), r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"No."}}"#);
    }
}
