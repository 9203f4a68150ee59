//! Fuzz oracle: what must hold of the answer to a message, whatever its bytes are.

#![expect(clippy::panic, reason = "a panic reports a finding")]

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

use crate::{Dispatch, dispatch, version::ProtocolHeaders};

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

/// A message, after a line for each of the three headers (empty for an absent one). The answer is a JSON-RPC response with
/// the id of the message, or nothing for a notification.
pub fn message(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut header = || {
        let value = String::from_utf8_lossy(parts.next()?);
        (!value.is_empty()).then(|| Cow::Owned(value.into_owned()))
    };
    let headers = ProtocolHeaders { version: header(), method: header(), name: header() };
    let body = parts.next().unwrap_or_default();
    let answer = match dispatch(body, &headers, |_, _| {}) {
        Dispatch::Answer(answer) => answer,
        Dispatch::Call { id, call, .. } => {
            assert_eq!(Some(id), sent_id(body).as_deref());
            if let Err(error) = call {
                assert_eq!(error.code(), "invalid_parameter");
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
            }
            return;
        }
    };
    let Some(json) = answer.json else {
        assert_eq!((answer.status, sent_id(body)), (202, None));
        return;
    };
    let response: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(response.get("jsonrpc"), Some(&Value::from("2.0")));
    assert_ne!(response.get("result").is_some(), response.get("error").is_some(), "{json}");
    assert_eq!(response.get("error").is_some(), answer.error.is_some());
    if let Some(id) = response.get("id") {
        assert!(id.is_string() || id.is_number(), "{json}");
        assert!(
            json.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{},"#, sent_id(body).unwrap_or_default()))
        );
    } else {
        assert_eq!(answer.status, 400, "{json}");
    }
}

/// The bytes of the `id` of a message.
fn sent_id(body: &[u8]) -> Option<String> {
    let members: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    Some(members.get("id")?.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn messages() {
        replay("mcp_message", super::message);
    }
}
