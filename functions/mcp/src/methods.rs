//! The methods whose results never change: `initialize`, `server/discover` and `tools/list`.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::version::Version;

/// How long clients may cache the results of `server/discover` and `tools/list`. They change with a deployment only.
const TTL_MS: u32 = 3_600_000;

const INSTRUCTIONS: &str = "Answers which times of a Calendly account are available. It books nothing: give the \
                            booking_url of a time to the person who books. Pass that person's timezone to \
                            check_availability, and take weekdays and dates from its answer.";

/// The tools, without white space between tokens.
static TOOLS: LazyLock<Box<RawValue>> =
    LazyLock::new(|| RawValue::from_string(compact(include_str!("tools/tools.json"))).unwrap_or_default());

/// The server's name and version.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ServerInfo {
    name: &'static str,
    title: &'static str,
    version: &'static str,
}

const SERVER_INFO: ServerInfo = ServerInfo {
    name: "calendly-functions",
    title: "Calendly availability",
    version: env!("CARGO_PKG_VERSION"),
};

/// `_meta` of a result.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ResultMeta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server_info: ServerInfo,
}

/// The members that every result of version 2026-07-28 has.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StatelessMembers {
    #[serde(rename = "resultType")]
    result_type: &'static str,
    #[serde(rename = "_meta")]
    meta: ResultMeta,
}

impl StatelessMembers {
    /// The members, if this version has them.
    pub(crate) fn for_version(version: Version) -> Option<Self> {
        let meta = ResultMeta { server_info: SERVER_INFO };
        version.is_stateless().then_some(Self { result_type: "complete", meta })
    }
}

/// The members of a result that clients may cache.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CacheMembers {
    ttl_ms: u32,
    cache_scope: &'static str,
}

impl CacheMembers {
    fn for_version(version: Version) -> Option<Self> {
        version.is_stateless().then_some(Self { ttl_ms: TTL_MS, cache_scope: "public" })
    }
}

#[derive(Serialize)]
struct Capabilities {
    tools: Empty,
}

#[derive(Serialize)]
struct Empty {}

const CAPABILITIES: Capabilities = Capabilities { tools: Empty {} };

/// The result of `initialize`.
pub(crate) fn initialize(version: Version) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct InitializeResult {
        protocol_version: &'static str,
        capabilities: Capabilities,
        server_info: ServerInfo,
        instructions: &'static str,
    }
    json(&InitializeResult {
        protocol_version: version.as_str(),
        capabilities: CAPABILITIES,
        server_info: SERVER_INFO,
        instructions: INSTRUCTIONS,
    })
}

/// The result of `server/discover`.
pub(crate) fn discover() -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct DiscoverResult {
        #[serde(flatten)]
        stateless: Option<StatelessMembers>,
        supported_versions: [&'static str; 4],
        capabilities: Capabilities,
        instructions: &'static str,
        #[serde(flatten)]
        cache: Option<CacheMembers>,
    }
    json(&DiscoverResult {
        stateless: StatelessMembers::for_version(Version::V2026_07_28),
        supported_versions: Version::SUPPORTED.map(Version::as_str),
        capabilities: CAPABILITIES,
        instructions: INSTRUCTIONS,
        cache: CacheMembers::for_version(Version::V2026_07_28),
    })
}

/// The result of `tools/list`.
pub(crate) fn list_tools(version: Version) -> String {
    #[derive(Serialize)]
    struct ListToolsResult<'a> {
        #[serde(flatten)]
        stateless: Option<StatelessMembers>,
        tools: &'a RawValue,
        #[serde(flatten)]
        cache: Option<CacheMembers>,
    }
    json(&ListToolsResult {
        stateless: StatelessMembers::for_version(version),
        tools: &TOOLS,
        cache: CacheMembers::for_version(version),
    })
}

/// The JSON of a result. Serialization of these types cannot fail.
pub(crate) fn json(result: &impl Serialize) -> String {
    serde_json::to_string(result).unwrap_or_default()
}

/// Removes white space outside of strings.
fn compact(json: &str) -> String {
    let (mut is_string, mut is_escaped) = (false, false);
    json.chars()
        .filter(|character| {
            let is_quote = *character == '"' && !is_escaped;
            is_escaped = is_string && *character == '\\' && !is_escaped;
            is_string ^= is_quote;
            is_string || !character.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::tools::Tool;

    fn tools() -> Vec<Value> {
        serde_json::from_str(TOOLS.get()).unwrap()
    }

    #[test]
    fn compact_json_has_the_same_value() {
        let pretty = include_str!("tools/tools.json");
        let value: Value = serde_json::from_str(pretty).unwrap();
        assert_eq!(serde_json::from_str::<Value>(TOOLS.get()).unwrap(), value);
        assert_eq!(TOOLS.get().len(), value.to_string().len());
        assert_eq!(compact(r#" { "a \" b" : [ 1 , "\\" ] } "#), r#"{"a \" b":[1,"\\"]}"#);
    }

    #[test]
    fn results_of_the_stateless_version_have_more_members() {
        let parse = |json: String| -> Value { serde_json::from_str(&json).unwrap() };
        let meta = json!({"io.modelcontextprotocol/serverInfo": {
            "name": "calendly-functions", "title": "Calendly availability", "version": env!("CARGO_PKG_VERSION")
        }});
        let listed = parse(list_tools(Version::V2026_07_28));
        assert_eq!(listed["resultType"], "complete");
        assert_eq!((&listed["ttlMs"], &listed["cacheScope"]), (&json!(3_600_000), &json!("public")));
        assert_eq!(listed["_meta"], meta);
        let before = parse(list_tools(Version::V2025_11_25));
        assert_eq!(before, json!({"tools": listed["tools"]}));
        assert_eq!(
            parse(discover()),
            json!({
                "resultType": "complete", "_meta": meta, "capabilities": {"tools": {}}, "instructions": INSTRUCTIONS,
                "supportedVersions": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"],
                "ttlMs": 3_600_000, "cacheScope": "public",
            })
        );
        assert_eq!(parse(initialize(Version::V2025_06_18))["protocolVersion"], "2025-06-18");
    }

    #[test]
    fn every_tool_is_listed_with_the_arguments_that_it_takes() {
        for (listed, tool) in tools().iter().zip(Tool::ALL) {
            assert_eq!(listed["name"], tool.name());
            let names: BTreeSet<&str> =
                listed["inputSchema"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, tool.arguments().iter().copied().collect());
            assert_eq!(listed["annotations"], json!({"readOnlyHint": true, "openWorldHint": true}));
        }
        assert_eq!(tools().len(), Tool::ALL.len());
    }

    #[test]
    fn schemas_are_strict() {
        for tool in tools() {
            for schema in ["inputSchema", "outputSchema"] {
                assert!(jsonschema::meta::is_valid(&tool[schema]), "{tool}");
                assert_eq!(tool[schema]["type"], "object");
                assert_eq!(tool[schema]["additionalProperties"], false);
            }
            let output = jsonschema::validator_for(&tool["outputSchema"]).unwrap();
            let problem = json!({
                "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "No.", "code": "invalid_parameter",
                "request_id": "r", "parameter": "start", "calendly": {"status": 400},
            });
            assert!(output.is_valid(&problem));
            assert!(!output.is_valid(&json!({})));
        }
    }

    #[test]
    fn descriptions_are_short_and_have_an_example() {
        for tool in tools() {
            let description = tool["description"].as_str().unwrap();
            assert!(description.contains("Example: {") && description.len() < 900, "{description}");
            for (name, property) in tool["inputSchema"]["properties"].as_object().unwrap() {
                let description = property["description"].as_str().unwrap();
                assert!(
                    description.contains("Example: ") && description.len() < 160,
                    "{name}: {description}"
                );
            }
        }
    }
}
