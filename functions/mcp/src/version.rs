//! Versions of the protocol: which one a request is of, and whether its headers agree with its body.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::quoted;

use crate::json_rpc::{ErrorKind, Request, RpcError, object, present, string};

/// A supported version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Stateless: each request names its version.
    V2026_07_28,
    /// With an `initialize` handshake.
    V2025_11_25,
    /// With an `initialize` handshake.
    V2025_06_18,
    /// With an `initialize` handshake, and without a header that names the version.
    V2025_03_26,
}

impl Version {
    /// The supported versions, newest first.
    pub const SUPPORTED: [Self; 4] =
        [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// The name of the version.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2026_07_28 => "2026-07-28",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_03_26 => "2025-03-26",
        }
    }

    fn parse(name: &str) -> Result<Self, RpcError> {
        Self::SUPPORTED.into_iter().find(|version| version.as_str() == name).ok_or_else(|| RpcError {
            unsupported_version: Some(name.to_owned()),
            ..RpcError::bad_request(
                ErrorKind::UnsupportedProtocolVersion,
                format!("The protocol version {} is not supported.", quoted(name)),
            )
        })
    }

    /// Whether requests have no handshake and name their version.
    #[must_use]
    pub fn is_stateless(self) -> bool {
        self == Self::V2026_07_28
    }
}

/// The headers that repeat parts of a message. Values of a repeated header are joined by commas.
#[derive(Debug, Default)]
pub struct ProtocolHeaders<'a> {
    /// `MCP-Protocol-Version`.
    pub version: Option<Cow<'a, str>>,
    /// `Mcp-Method`.
    pub method: Option<Cow<'a, str>>,
    /// `Mcp-Name`.
    pub name: Option<Cow<'a, str>>,
}

/// The parameters of all methods.
#[derive(Debug, Default, Deserialize)]
pub struct Params<'a> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
    /// `name` of `tools/call`.
    pub name: Option<&'a RawValue>,
    /// `arguments` of `tools/call`. `null` differs from an absent member.
    #[serde(default, deserialize_with = "present")]
    pub arguments: Option<&'a RawValue>,
    /// `cursor` of `tools/list`.
    pub cursor: Option<&'a RawValue>,
    #[serde(rename = "protocolVersion")]
    initialize_version: Option<&'a RawValue>,
}

/// The members of `_meta` that version 2026-07-28 requires.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    /// `null` differs from an absent member.
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    #[serde(default, deserialize_with = "present")]
    version: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
}

impl<'a> Meta<'a> {
    /// Parses `_meta`. The handshake versions ignore one that is not an object.
    fn parse(meta: &'a RawValue) -> Result<Self, RpcError> {
        if !meta.get().starts_with('{') {
            return Ok(Self::default());
        }
        let twice = "params._meta could not be read: does it have a member twice?";
        object(meta.get()).ok_or_else(|| RpcError::bad_request(ErrorKind::InvalidParams, twice))
    }
}

impl<'a> Params<'a> {
    /// Parses the parameters of a request.
    ///
    /// # Errors
    ///
    /// -32602 for a member that is given twice.
    pub fn parse(request: &Request<'a>) -> Result<Self, RpcError> {
        match request.params {
            None => Ok(Self::default()),
            Some(params) => object(params.get()).ok_or_else(|| {
                RpcError::invalid_params("params could not be read: does it have a member twice?")
            }),
        }
    }

    /// The version of the answer to `initialize`: the requested one if it has a handshake, else the newest one that has.
    #[must_use]
    pub fn handshake_version(&self) -> Version {
        let requested = self.initialize_version.and_then(string);
        requested
            .and_then(|name| Version::parse(&name).ok())
            .filter(|version| !version.is_stateless())
            .unwrap_or(Version::V2025_11_25)
    }
}

/// The version of a request, after its headers and `_meta` are validated as that version requires.
///
/// # Errors
///
/// -32020, -32022 or -32602.
pub fn negotiate(
    request: &Request<'_>,
    params: &Params<'_>,
    headers: &ProtocolHeaders<'_>,
) -> Result<Version, RpcError> {
    let missing_version = || missing_meta("io.modelcontextprotocol/protocolVersion");
    let meta = params.meta.map_or_else(|| Ok(Meta::default()), Meta::parse)?;
    let header = headers.version.as_deref();
    let Some(body_version) = meta.version else {
        // `initialize` negotiates the version, so its header does not matter.
        let header = header.filter(|_| request.method != "initialize");
        let version = Version::parse(header.unwrap_or(Version::V2025_03_26.as_str()))?;
        return if version.is_stateless() { Err(missing_version()) } else { Ok(version) };
    };
    let body_version = string(body_version).ok_or_else(missing_version)?;
    // The handshake versions do not define the member, so their requests need not have the header.
    if header.is_some() {
        check_header("MCP-Protocol-Version", header, Some(&body_version))?;
    }
    let version = Version::parse(&body_version)?;
    if version.is_stateless() {
        check_header("MCP-Protocol-Version", header, Some(&body_version))?;
        check_header("Mcp-Method", headers.method.as_deref(), Some(&request.method))?;
        if request.method == "tools/call" {
            let header = headers.name.as_deref().map(decode_header_value).transpose()?;
            let name = params.name.and_then(string);
            check_header("Mcp-Name", header.as_deref(), name.as_deref())?;
        }
        if !meta.capabilities.is_some_and(|capabilities| capabilities.get().starts_with('{')) {
            return Err(missing_meta("io.modelcontextprotocol/clientCapabilities"));
        }
    }
    Ok(version)
}

/// Checks that a header is present and has the value of the body.
fn check_header(name: &str, header: Option<&str>, body: Option<&str>) -> Result<(), RpcError> {
    if header.is_some() && header == body {
        return Ok(());
    }
    let shown = |value: Option<&str>| value.map_or_else(|| "missing".to_owned(), quoted);
    Err(header_mismatch(name, &format!("is {}, and its value in the body is {}", shown(header), shown(body))))
}

/// Decodes a value of `Mcp-Name`: printable ASCII, or the form `=?base64?…?=`.
fn decode_header_value(value: &str) -> Result<Cow<'_, str>, RpcError> {
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let problem = "has other characters than printable ASCII: encode it as =?base64?…?=";
        return Err(header_mismatch("Mcp-Name", problem));
    }
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(value));
    };
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map(Cow::Owned).ok_or_else(|| header_mismatch("Mcp-Name", "is not Base64 of UTF-8"))
}

fn header_mismatch(name: &str, problem: &str) -> RpcError {
    RpcError::bad_request(ErrorKind::HeaderMismatch, format!("The header {name} {problem}."))
}

/// The error for a `_meta` without a required key.
fn missing_meta(key: &str) -> RpcError {
    RpcError::bad_request(
        ErrorKind::InvalidParams,
        format!("params._meta lacks {key}, or it has the wrong type."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_rpc::Message;

    const STATELESS: &str = "2026-07-28";

    /// The JSON of `_meta` with these JSON values.
    fn meta(version: &str, capabilities: &str) -> String {
        format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":{version},"io.modelcontextprotocol/clientCapabilities":{capabilities}}}"#
        )
    }

    /// The version and the one of an `initialize` answer, or the status and the code of the error.
    fn negotiated(
        method: &str,
        params: &str,
        headers: [Option<&str>; 3],
    ) -> Result<(&'static str, Version), (u16, i32)> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
        let Ok(Message::Request(request)) = Message::parse(body.as_bytes()) else { panic!("{body}") };
        let [version, method, name] = headers.map(|header| header.map(Cow::Borrowed));
        let headers = ProtocolHeaders { version, method, name };
        Params::parse(&request)
            .and_then(|params| {
                Ok((negotiate(&request, &params, &headers)?.as_str(), params.handshake_version()))
            })
            .map_err(|error| (error.status, error.kind.code()))
    }

    #[test]
    fn versions_of_handshakes() {
        for (requested, answered) in [
            (r#""2025-11-25""#, Version::V2025_11_25),
            (r#""2025-06-18""#, Version::V2025_06_18),
            (r#""2025-03-26""#, Version::V2025_03_26),
            (r#""2024-11-05""#, Version::V2025_11_25),
            (r#""2026-07-28""#, Version::V2025_11_25),
            ("5", Version::V2025_11_25),
            ("null", Version::V2025_11_25),
        ] {
            let params = format!(r#""protocolVersion":{requested}"#);
            for header in [None, Some(STATELESS), Some("1999-01-01")] {
                let negotiated = negotiated("initialize", &params, [header, None, None]);
                assert_eq!(negotiated, Ok(("2025-03-26", answered)), "{requested}");
            }
        }
        let params = format!(r#""protocolVersion":"2025-06-18",{}"#, meta(r#""2025-06-18""#, "null"));
        assert_eq!(negotiated("initialize", &params, [None; 3]), Ok(("2025-06-18", Version::V2025_06_18)));
    }

    #[test]
    fn versions_of_requests() {
        let list = |header, params: &str| {
            negotiated("tools/list", params, [header, Some("tools/list"), None]).map(|(version, _)| version)
        };
        for (header, expected) in [
            (None, Ok("2025-03-26")),
            (Some("2025-06-18"), Ok("2025-06-18")),
            (Some("2025-11-25"), Ok("2025-11-25")),
            (Some("2024-11-05"), Err((400, -32_022))),
            (Some("2025-11-25, 2025-11-25"), Err((400, -32_022))),
            (Some(""), Err((400, -32_022))),
            (Some(STATELESS), Err((400, -32_602))),
        ] {
            for params in ["", r#""_meta":{}"#, r#""_meta":5"#] {
                assert_eq!(list(header, params), expected, "{header:?} {params}");
            }
        }
        for (header, version, capabilities, expected) in [
            (Some(STATELESS), r#""2026-07-28""#, "{}", Ok(STATELESS)),
            (Some(STATELESS), r#""2026-07-28""#, "null", Err((400, -32_602))),
            (Some(STATELESS), r#""2026-07-28""#, "[]", Err((400, -32_602))),
            (None, r#""2026-07-28""#, "{}", Err((400, -32_020))),
            (Some("2025-11-25"), r#""2026-07-28""#, "{}", Err((400, -32_020))),
            (Some("2025-06-18"), r#""2025-11-25""#, "{}", Err((400, -32_020))),
            (None, r#""2025-11-25""#, "null", Ok("2025-11-25")),
            (None, r#""1900-01-01""#, "{}", Err((400, -32_022))),
            (Some("1900-01-01"), r#""1900-01-01""#, "{}", Err((400, -32_022))),
            (Some("1900-01-01"), r#""1900-01-02""#, "{}", Err((400, -32_020))),
            (Some(STATELESS), "5", "{}", Err((400, -32_602))),
            (None, "null", "{}", Err((400, -32_602))),
        ] {
            assert_eq!(list(header, &meta(version, capabilities)), expected, "{header:?} {version}");
        }
    }

    #[test]
    fn headers_agree_with_the_body() {
        let call = |method, header, name: &str| {
            let params = format!("{}{name}", meta(r#""2026-07-28""#, "{}"));
            negotiated("tools/call", &params, [Some(STATELESS), method, header]).map(|(version, _)| version)
        };
        let get_user = r#","name":"get_user""#;
        for (method, header, is_good) in [
            (Some("tools/call"), Some("get_user"), true),
            (Some("tools/call"), Some("=?base64?Z2V0X3VzZXI=?="), true),
            (Some("tools/call"), Some("=?base64?Z2V0X3VzZXI?="), false),
            (Some("tools/call"), Some("=?base64?/w==?="), false),
            (Some("tools/call"), Some("Get_User"), false),
            (Some("tools/call"), None, false),
            (Some("tools/call"), Some("get_user\u{7f}"), false),
            (Some("Tools/Call"), Some("get_user"), false),
            (None, Some("get_user"), false),
        ] {
            let expected = if is_good { Ok(STATELESS) } else { Err((400, -32_020)) };
            assert_eq!(call(method, header, get_user), expected, "{method:?} {header:?}");
        }
        for (header, name) in [
            (None, ""),
            (Some("get_user"), ""),
            (Some("5"), r#","name":5"#),
            // A header value is ASCII.
            (Some("é"), r#","name":"é""#),
        ] {
            assert_eq!(call(Some("tools/call"), header, name), Err((400, -32_020)), "{header:?} {name}");
        }
    }

    #[test]
    fn parameters_given_twice_are_refused() {
        assert_eq!(negotiated("tools/call", r#""name":"a","name":"b""#, [None; 3]), Err((200, -32_602)));
        let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
        let twice = format!(r#""_meta":{{{version},{version}}}"#);
        assert_eq!(negotiated("tools/list", &twice, [None; 3]), Err((400, -32_602)));
    }
}
