//! `POST /calendly/mcp`: a stateless server of the Model Context Protocol. Its tools are the answers of the other functions.
//!
//! ```text
//! method, Origin, token, size ─▶ json_rpc ─▶ version ─▶ methods: initialize, server/discover, ping, tools/list
//!                                                   └▶ tools: tools/call
//! GET …/.well-known/oauth-protected-resource/calendly/mcp ─▶ protected_resource
//! ```
//!
//! Errors before the message is parsed are problem responses. Invalid messages get JSON-RPC errors, and invalid questions
//! get results with `isError`.

#[cfg(any(test, fuzzing))]
#[path = "../fuzz_oracle.rs"]
pub mod fuzz_oracle;
pub mod json_rpc;
mod methods;
pub mod origin;
pub mod protected_resource;
pub mod tools;
pub mod version;

use shared::{CallerSession, Error, HttpAnswer, HttpFunction, HttpRequest, Session, Variables, quoted};

use json_rpc::{ErrorKind, Message, Request, RpcError, result_json, string};
use origin::AllowedOrigins;
use protected_resource::ProtectedResource;
use tools::{BoundCall, Tool, ToolCall, Tools, arguments::Arguments};
use version::{Params, ProtocolHeaders, Version, negotiate};

/// The server.
pub struct Mcp {
    origins: AllowedOrigins,
    resource: ProtectedResource,
    tools: Tools,
}

/// What to do with a message.
#[derive(Debug)]
enum Dispatch<'a> {
    /// Send this answer.
    Answer(HttpAnswer),
    /// Call a tool, or report its invalid arguments.
    Call { id: &'a str, call: Result<ToolCall, Error>, version: Version },
}

impl Mcp {
    /// Reads the variables of the server and of check-availability.
    pub fn from_variables(variables: &mut Variables) -> Self {
        Self {
            origins: AllowedOrigins::from_variables(variables),
            resource: ProtectedResource::from_variables(variables),
            tools: Tools::from_variables(variables),
        }
    }

    /// Calls a tool. A problem is a result too, so that a model can correct its call.
    async fn call_tool(
        &self,
        id: &str,
        call: Result<ToolCall, Error>,
        version: Version,
        caller: &CallerSession<'_>,
        session: &Session<'_>,
    ) -> HttpAnswer {
        let answer = async {
            let call = call?;
            caller.call(&BoundCall { tools: &self.tools, call: &call }).await
        };
        match session.within_deadline(answer).await {
            Ok(answer) => HttpAnswer {
                age: answer.age,
                ..HttpAnswer::from(result_json(id, &tools::success(answer, version)))
            },
            Err(error) => {
                let result = tools::failure(&error, session.problem(&error), version);
                HttpAnswer { error: Some(error), ..HttpAnswer::from(result_json(id, &result)) }
            }
        }
    }
}

impl HttpFunction for Mcp {
    const NAME: &'static str = "mcp";
    const MAX_BODY_BYTES: usize = 64 * 1024;

    async fn respond(&self, request: &HttpRequest, session: &Session<'_>) -> Result<HttpAnswer, Error> {
        if protected_resource::is_metadata_path(request.path()) {
            return match request.method() {
                "GET" => self.resource.metadata(request).map(HttpAnswer::from).ok_or(Error::NotFound),
                _ => Err(Error::MethodNotAllowed { allowed: "GET" }),
            };
        }
        if request.method() != "POST" {
            return Err(Error::MethodNotAllowed { allowed: "POST" });
        }
        self.origins.check(request.header("origin").as_deref())?;
        let caller = session.authenticate().await?;
        let body = request.body()?;
        let headers = ProtocolHeaders {
            version: request.header("mcp-protocol-version"),
            method: request.header("mcp-method"),
            name: request.header("mcp-name"),
        };
        Ok(match dispatch(body, &headers, |name, value| session.log(name, value)) {
            Dispatch::Answer(answer) => answer,
            Dispatch::Call { id, call, version } => self.call_tool(id, call, version, &caller, session).await,
        })
    }

    fn challenge_parameters(&self, request: &HttpRequest) -> Vec<(&'static str, String)> {
        let metadata_url = self.resource.metadata_url(request).map(|url| ("resource_metadata", url));
        let scope = self.resource.scope().map(|scope| ("scope", scope.to_owned()));
        metadata_url.into_iter().chain(scope).collect()
    }
}

/// Parses a message and decides what to do with it. `log` receives members of the log line.
fn dispatch<'a>(
    body: &'a [u8],
    headers: &ProtocolHeaders<'_>,
    mut log: impl FnMut(&'static str, &'static str),
) -> Dispatch<'a> {
    let request = match Message::parse(body) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Notification) => {
            log("mcp_method", "notification");
            return Dispatch::Answer(HttpAnswer { status: 202, json: None, age: None, error: None });
        }
        Err((error, id)) => return Dispatch::Answer(rpc_error(&error, id)),
    };
    log("mcp_method", logged_method(&request.method));
    dispatch_request(&request, headers, log)
        .unwrap_or_else(|error| Dispatch::Answer(rpc_error(&error, Some(request.id))))
}

/// Decides what to do with a request.
fn dispatch_request<'a>(
    request: &Request<'a>,
    headers: &ProtocolHeaders<'_>,
    mut log: impl FnMut(&'static str, &'static str),
) -> Result<Dispatch<'a>, RpcError> {
    let result = |result: &str| Ok(Dispatch::Answer(HttpAnswer::from(result_json(request.id, result))));
    let params = Params::parse(request)?;
    let version = negotiate(request, &params, headers)?;
    match request.method.as_str() {
        "initialize" if !version.is_stateless() => result(&methods::initialize(params.handshake_version())),
        "server/discover" if version.is_stateless() => result(&methods::discover()),
        "ping" if !version.is_stateless() => result("{}"),
        "tools/list" => match params.cursor {
            Some(_) => Err(RpcError::invalid_params("cursor is unknown: the list has one page.")),
            None => result(&methods::list_tools(version)),
        },
        "tools/call" => {
            let name = params
                .name
                .and_then(string)
                .ok_or_else(|| RpcError::invalid_params("params.name is missing or not a string."))?;
            let tool = Tool::named(&name)
                .ok_or_else(|| RpcError::invalid_params(format!("Unknown tool: {}.", quoted(&name))))?;
            log("mcp_tool", tool.name());
            let arguments = Arguments::parse(params.arguments)
                .ok_or_else(|| RpcError::invalid_params("params.arguments is not an object."))?;
            Ok(Dispatch::Call { id: request.id, call: ToolCall::parse(tool, &arguments), version })
        }
        method => Err(RpcError {
            status: if version.is_stateless() { 404 } else { 200 },
            kind: ErrorKind::MethodNotFound,
            message: format!("Unknown method: {}.", quoted(method)),
            unsupported_version: None,
        }),
    }
}

/// The name of a method in the log, which holds nothing else that a caller sent.
fn logged_method(method: &str) -> &'static str {
    const METHODS: [&str; 5] = ["initialize", "server/discover", "ping", "tools/list", "tools/call"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("unknown")
}

fn rpc_error(error: &RpcError, id: Option<&str>) -> HttpAnswer {
    HttpAnswer {
        status: error.status,
        error: Some(Error::InvalidMessage { code: error.kind.name(), reason: error.kind.reason() }),
        ..HttpAnswer::from(error.to_json(id))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::*;

    /// The status, the body and the members of the log line for a message.
    fn answered(message: &Value, version: Option<&str>) -> (u16, Value, Vec<(&'static str, &'static str)>) {
        let body = message.to_string();
        let method = message["method"].as_str().map(Cow::Borrowed);
        let name = message["params"]["name"].as_str().map(Cow::Borrowed);
        let mut logged = Vec::new();
        let headers = ProtocolHeaders { version: version.map(Cow::Borrowed), method, name };
        match dispatch(body.as_bytes(), &headers, |name, value| logged.push((name, value))) {
            Dispatch::Answer(HttpAnswer { status, json, .. }) => {
                (status, json.map_or(Value::Null, |json| serde_json::from_str(&json).unwrap()), logged)
            }
            Dispatch::Call { id, call, version } => {
                let error = call.err().map(|error| error.to_string());
                (0, json!([id, version.as_str(), error]), logged)
            }
        }
    }

    fn request(method: &str, params: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    }

    fn stateless(mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        params
    }

    #[test]
    fn methods_of_each_generation() {
        for (method, before, now) in [
            ("initialize", 200, 404),
            ("ping", 200, 404),
            ("tools/list", 200, 200),
            ("server/discover", -200, 200),
            ("resources/list", -200, 404),
        ] {
            let (status, body, _) = answered(&request(method, &json!({})), Some("2025-11-25"));
            assert_eq!((status, body["error"]["code"] == -32_601), (200, before < 0), "{method}");
            let (status, body, _) = answered(&request(method, &stateless(json!({}))), Some("2026-07-28"));
            assert_eq!((status, body["error"]["code"] == -32_601), (now, now == 404), "{method}");
            assert_eq!(body["id"], 7);
        }
    }

    #[test]
    fn notifications_have_no_answer() {
        for method in ["notifications/initialized", "notifications/cancelled", "tools/call"] {
            let notification = json!({"jsonrpc": "2.0", "method": method});
            let answer = answered(&notification, Some("1999-01-01"));
            assert_eq!(answer, (202, Value::Null, vec![("mcp_method", "notification")]));
        }
    }

    #[test]
    fn calls_name_a_tool_and_its_arguments() {
        let call = |params: Value| answered(&request("tools/call", &params), None);
        let logged = vec![("mcp_method", "tools/call"), ("mcp_tool", "get_user")];
        for params in [json!({"name": "get_user"}), json!({"name": "get_user", "arguments": {}})] {
            assert_eq!(call(params), (0, json!(["7", "2025-03-26", null]), logged.clone()));
        }
        assert_eq!(
            call(json!({"name": "get_user", "arguments": {"id": 1}})).1[2],
            r#""id" is not an argument of this tool. It takes none."#
        );
        for (params, message) in [
            (json!({}), "params.name is missing or not a string."),
            (json!({"name": 5}), "params.name is missing or not a string."),
            (json!({"name": "Get_User"}), "Unknown tool: \"Get_User\"."),
            (json!({"name": "get_user", "arguments": []}), "params.arguments is not an object."),
            (json!({"name": "get_user", "arguments": null}), "params.arguments is not an object."),
        ] {
            let (status, body, _) = call(params);
            assert_eq!((status, &body["error"]), (200, &json!({"code": -32_602, "message": message})));
        }
        assert_eq!(answered(&request("a secret", &json!({})), None).2, [("mcp_method", "unknown")]);
    }

    #[test]
    fn the_list_of_tools_has_one_page() {
        assert_eq!(answered(&request("tools/list", &json!({"cursor": null})), None).0, 200);
        let (status, body, _) = answered(&request("tools/list", &json!({"cursor": "2"})), None);
        assert_eq!((status, &body["error"]["code"]), (200, &json!(-32_602)));
    }
}
