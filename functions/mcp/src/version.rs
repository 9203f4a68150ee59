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

/// The parameters of all methods. An absent member differs from `null`.
#[derive(Debug, Default, Deserialize)]
pub struct Params<'a> {
    #[serde(rename = "_meta", borrow, default, deserialize_with = "present")]
    meta: Option<&'a RawValue>,
    /// `name` of `tools/call`.
    #[serde(borrow, default, deserialize_with = "present")]
    pub name: Option<&'a RawValue>,
    /// `arguments` of `tools/call`.
    #[serde(borrow, default, deserialize_with = "present")]
    pub arguments: Option<&'a RawValue>,
    /// `cursor` of `tools/list`.
    #[serde(borrow, default, deserialize_with = "present")]
    pub cursor: Option<&'a RawValue>,
    /// `protocolVersion` of `initialize`.
    #[serde(rename = "protocolVersion", borrow, default, deserialize_with = "present")]
    pub protocol_version: Option<&'a RawValue>,
}

/// The members of `_meta` that version 2026-07-28 requires.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(
        rename = "io.modelcontextprotocol/protocolVersion",
        borrow,
        default,
        deserialize_with = "present"
    )]
    version: Option<&'a RawValue>,
    #[serde(
        rename = "io.modelcontextprotocol/clientCapabilities",
        borrow,
        default,
        deserialize_with = "present"
    )]
    capabilities: Option<&'a RawValue>,
}

/// How a request starts.
#[derive(Debug, PartialEq, Eq)]
pub enum Negotiated {
    /// `initialize`, to be answered with this version.
    Initialize(Version),
    /// Any other request of this version.
    Request(Version),
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
}

/// The version that a request is of, after its headers and `_meta` are validated as that version requires.
///
/// # Errors
///
/// -32020, -32022 or -32602.
pub fn negotiate(
    request: &Request<'_>,
    params: &Params<'_>,
    headers: &ProtocolHeaders<'_>,
) -> Result<Negotiated, RpcError> {
    let meta: Meta<'_> = params.meta.and_then(|meta| object(meta.get())).unwrap_or_default();
    let header = headers.version.as_deref();
    let Some(body_version) = meta.version else {
        if request.method == "initialize" {
            return Ok(Negotiated::Initialize(handshake_version(params)));
        }
        return match Version::parse(header.unwrap_or(Version::V2025_03_26.as_str()))? {
            version if version.is_stateless() => Err(missing_meta("io.modelcontextprotocol/protocolVersion")),
            version => Ok(Negotiated::Request(version)),
        };
    };
    let body_version: String =
        string(body_version).ok_or_else(|| missing_meta("io.modelcontextprotocol/protocolVersion"))?;
    // The handshake versions do not define the member, so their requests need not have the header.
    if header.is_some() {
        check_header("MCP-Protocol-Version", header, Some(&body_version))?;
    }
    let version = Version::parse(&body_version)?;
    if !version.is_stateless() && request.method == "initialize" {
        return Ok(Negotiated::Initialize(handshake_version(params)));
    }
    if version.is_stateless() {
        check_header("MCP-Protocol-Version", header, Some(&body_version))?;
        check_header("Mcp-Method", headers.method.as_deref(), Some(&request.method))?;
        if request.method == "tools/call" {
            let header = headers.name.as_deref().map(decode_header_value).transpose()?;
            let name: Option<String> = params.name.and_then(string);
            check_header("Mcp-Name", header.as_deref(), name.as_deref())?;
        }
        if !meta.capabilities.is_some_and(|capabilities| capabilities.get().starts_with('{')) {
            return Err(missing_meta("io.modelcontextprotocol/clientCapabilities"));
        }
    }
    Ok(Negotiated::Request(version))
}

/// The version of the answer to `initialize`: the requested one if it has a handshake, else the newest one that has.
fn handshake_version(params: &Params<'_>) -> Version {
    let requested = params.protocol_version.and_then(string::<String>);
    requested
        .and_then(|name| Version::parse(&name).ok())
        .filter(|version| !version.is_stateless())
        .unwrap_or(Version::V2025_11_25)
}

/// Checks that a header has the value of the body.
fn check_header(name: &str, header: Option<&str>, body: Option<&str>) -> Result<(), RpcError> {
    let message = match (header, body) {
        (Some(header), Some(body)) if header == body => return Ok(()),
        (Some(header), Some(body)) => {
            format!("The header {name} is {}, but the body has {}.", quoted(header), quoted(body))
        }
        (Some(header), None) => format!("The header {name} is {}, but the body has no name.", quoted(header)),
        (None, Some(body)) => format!("The header {name} is missing: send {}.", quoted(body)),
        (None, None) => format!("The header {name} is missing, and the body has no name."),
    };
    Err(RpcError::bad_request(ErrorKind::HeaderMismatch, message))
}

/// Decodes a value of `Mcp-Name`: printable ASCII, or the form `=?base64?…?=`.
fn decode_header_value(value: &str) -> Result<Cow<'_, str>, RpcError> {
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let message =
            "The header Mcp-Name has other characters than printable ASCII: encode it as =?base64?…?=.";
        return Err(RpcError::bad_request(ErrorKind::HeaderMismatch, message));
    }
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(value));
    };
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map(Cow::Owned).ok_or_else(|| {
        RpcError::bad_request(ErrorKind::HeaderMismatch, "The header Mcp-Name is not Base64 of UTF-8.")
    })
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

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    fn opened(method: &str, params: &str, headers: [Option<&str>; 3]) -> Result<Negotiated, (u16, i32)> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#);
        let Ok(Message::Request(request)) = Message::parse(body.as_bytes()) else { panic!("{body}") };
        let [version, method, name] = headers.map(|header| header.map(Cow::Borrowed));
        Params::parse(&request)
            .and_then(|params| negotiate(&request, &params, &ProtocolHeaders { version, method, name }))
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
        ] {
            for header in [None, Some("2026-07-28"), Some("1999-01-01")] {
                let opened =
                    opened("initialize", &format!(r#""protocolVersion":{requested}"#), [header, None, None]);
                assert_eq!(opened, Ok(Negotiated::Initialize(answered)), "{requested}");
            }
        }
        assert_eq!(opened("initialize", "", [None; 3]), Ok(Negotiated::Initialize(Version::V2025_11_25)));
        let with_meta = r#""protocolVersion":"2025-06-18","_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18"}"#;
        assert_eq!(
            opened("initialize", with_meta, [None; 3]),
            Ok(Negotiated::Initialize(Version::V2025_06_18)),
            "the version has the method"
        );
    }

    #[test]
    fn versions_of_requests() {
        let version = |name| Version::parse(name).unwrap();
        for (params, header, expected) in [
            ("", None, Ok("2025-03-26")),
            ("", Some("2025-06-18"), Ok("2025-06-18")),
            ("", Some("2025-11-25"), Ok("2025-11-25")),
            (r#""_meta":{}"#, Some("2025-11-25"), Ok("2025-11-25")),
            (r#""_meta":5"#, Some("2025-11-25"), Ok("2025-11-25")),
            ("", Some("2024-11-05"), Err((400, -32_022))),
            ("", Some("2025-11-25,2025-11-25"), Err((400, -32_022))),
            ("", Some(""), Err((400, -32_022))),
            ("", Some("2026-07-28"), Err((400, -32_602))),
            (META, None, Err((400, -32_020))),
            (META, Some("2025-11-25"), Err((400, -32_020))),
            (
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01"}"#,
                Some("1900-01-01"),
                Err((400, -32_022)),
            ),
            (
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":5}"#,
                Some("2026-07-28"),
                Err((400, -32_602)),
            ),
            (
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01"}"#,
                None,
                Err((400, -32_022)),
            ),
            (r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}"#, None, Ok("2025-11-25")),
            (
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}"#,
                Some("2025-06-18"),
                Err((400, -32_020)),
            ),
            (
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
                Some("2026-07-28"),
                Err((400, -32_602)),
            ),
            (
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}"#,
                Some("2026-07-28"),
                Err((400, -32_602)),
            ),
            (META, Some("2026-07-28"), Ok("2026-07-28")),
        ] {
            let opened = opened("tools/list", params, [header, Some("tools/list"), None]);
            assert_eq!(
                opened,
                expected.map(|name| Negotiated::Request(version(name))),
                "{params} {header:?}"
            );
        }
    }

    #[test]
    fn headers_agree_with_the_body() {
        let call = format!(r#"{META},"name":"get_user""#);
        for (method, name, is_good) in [
            (Some("tools/call"), Some("get_user"), true),
            (Some("tools/call"), Some("=?base64?Z2V0X3VzZXI=?="), true),
            (Some("tools/call"), Some("=?base64?Z2V0X3VzZXI?="), false),
            (Some("tools/call"), Some("=?base64?/w==?="), false),
            (Some("tools/call"), Some("Get_User"), false),
            (Some("tools/call"), None, false),
            (Some("tools/call"), Some("get_usér"), false),
            (Some("tools/call"), Some("get_user\u{7f}"), false),
            (Some("Tools/Call"), Some("get_user"), false),
            (None, Some("get_user"), false),
        ] {
            let opened = opened("tools/call", &call, [Some("2026-07-28"), method, name]);
            let expected =
                if is_good { Ok(Negotiated::Request(Version::V2026_07_28)) } else { Err((400, -32_020)) };
            assert_eq!(opened, expected, "{method:?} {name:?}");
        }
        // The header is required, and must not name a tool that the body does not.
        for (params, header) in [("", None), ("", Some("get_user")), (r#","name":5"#, Some("5"))] {
            let params = format!("{META}{params}");
            let opened = opened("tools/call", &params, [Some("2026-07-28"), Some("tools/call"), header]);
            assert_eq!(opened, Err((400, -32_020)), "{params} {header:?}");
        }
        let raw = format!(r#"{META},"name":"é""#);
        let opened = opened("tools/call", &raw, [Some("2026-07-28"), Some("tools/call"), Some("é")]);
        assert_eq!(opened, Err((400, -32_020)), "a header value is ASCII");
    }

    #[test]
    fn parameters_given_twice_are_refused() {
        assert_eq!(opened("tools/call", r#""name":"a","name":"b""#, [None; 3]), Err((200, -32_602)));
    }
}
