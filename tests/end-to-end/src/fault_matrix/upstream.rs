//! The failing upstreams: the columns of the matrix.

use serde_json::{Value, json};

use crate::{AVAILABLE_TIMES, Binary, EVENT_TYPES, ME};

/// The token in Secrets Manager, which no log may contain.
pub(crate) const PAT: &str = "very-secret-personal-access-token";

/// A call that a request may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upstream {
    /// Calendly's `/users/me`.
    Me,
    /// Calendly's `/event_types`.
    EventTypes,
    /// Calendly's `/event_types/{uuid}`.
    EventType,
    /// Calendly's `/event_type_available_times`.
    AvailableTimes,
    /// The issuer's OpenID discovery.
    Discovery,
    /// The issuer's keys.
    Keys,
    /// Secrets Manager.
    SecretsManager,
    /// The DynamoDB table that environments share.
    DynamoDb,
}

/// The service of an upstream, which determines the answer to a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Calendly,
    Issuer,
    SecretsManager,
    DynamoDb,
}

impl Upstream {
    pub(crate) const ALL: [Self; 8] = [
        Self::Me,
        Self::EventTypes,
        Self::EventType,
        Self::AvailableTimes,
        Self::Discovery,
        Self::Keys,
        Self::SecretsManager,
        Self::DynamoDb,
    ];

    pub(crate) fn service(self) -> Service {
        match self {
            Self::Me | Self::EventTypes | Self::EventType | Self::AvailableTimes => Service::Calendly,
            Self::Discovery | Self::Keys => Service::Issuer,
            Self::SecretsManager => Service::SecretsManager,
            Self::DynamoDb => Service::DynamoDb,
        }
    }

    /// The path of the call; `event_type` is the URI that is looked up.
    pub(crate) fn path(self, event_type: &str) -> &str {
        match self {
            Self::Me => ME,
            Self::EventTypes => EVENT_TYPES,
            Self::EventType => event_type.strip_prefix("https://api.calendly.com").expect("a Calendly URI"),
            Self::AvailableTimes => AVAILABLE_TIMES,
            Self::Discovery => "/issuer/.well-known/openid-configuration",
            Self::Keys => "/issuer/jwks",
            Self::SecretsManager | Self::DynamoDb => "/",
        }
    }

    /// The functions that make the call.
    pub(crate) fn binaries(self) -> [Binary; 2] {
        let with_get_route = match self {
            Self::EventTypes => Binary::UserEventTypes,
            Self::EventType | Self::AvailableTimes | Self::DynamoDb => Binary::CheckAvailability,
            _ => Binary::User,
        };
        [with_get_route, Binary::Mcp]
    }

    /// The tool of the MCP server that makes the call.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::EventTypes => "list_event_types",
            Self::EventType | Self::AvailableTimes | Self::DynamoDb => "check_availability",
            _ => "get_user",
        }
    }

    /// Whether a warm-up makes the call.
    pub(crate) fn is_prepared(self) -> bool {
        !matches!(self, Self::EventTypes | Self::EventType | Self::AvailableTimes | Self::DynamoDb)
    }

    /// The name of the required member and a valid value.
    fn needed(self) -> (&'static str, Value) {
        match self {
            Self::Me => ("resource", json!({"uri": "https://api.calendly.com/users/x"})),
            Self::EventTypes => ("collection", json!([{"uri": "https://api.calendly.com/event_types/x"}])),
            Self::EventType => ("resource", json!({"uri": "https://x/event_types/x", "duration": 30})),
            Self::AvailableTimes => {
                ("collection", json!([{"start_time": "2099-01-01T09:00:00.000000Z", "status": "available"}]))
            }
            Self::Discovery => ("jwks_uri", json!("https://issuer.example/jwks")),
            Self::Keys => ("keys", json!([])),
            Self::SecretsManager => ("SecretString", json!(PAT)),
            Self::DynamoDb => ("Item", json!({"value": {"B": "AAAA"}, "lease": {"N": "1"}})),
        }
    }

    /// Other required members.
    fn other_members(self) -> &'static str {
        match self {
            Self::EventTypes => r#","pagination":{"next_page_token":null}"#,
            _ => "",
        }
    }

    pub(crate) fn truncated_json(self) -> String {
        let (name, value) = self.needed();
        format!(r#"{{"{name}":{value}"#)
    }

    pub(crate) fn duplicate_member(self) -> String {
        let (name, value) = self.needed();
        format!(r#"{{"{name}":{value},"{name}":{value}{}}}"#, self.other_members())
    }

    /// Deeply nested arrays in place of the required value.
    pub(crate) fn nested(self) -> String {
        let (name, _) = self.needed();
        format!(r#"{{"{name}":{}{}}}"#, deep(), self.other_members())
    }

    /// Deeply nested arrays in an unknown member; in a list, in a member of its row.
    pub(crate) fn nested_in_unknown_member(self) -> String {
        let (name, value) = self.needed();
        match self {
            Self::EventTypes | Self::AvailableTimes => {
                let value = value.to_string();
                let row = value.trim_matches(['[', ']']).trim_end_matches('}');
                format!(r#"{{"{name}":[{row},"new":{}}}]{}}}"#, deep(), self.other_members())
            }
            _ => format!(r#"{{"new":{},"{name}":{value}}}"#, deep()),
        }
    }
}

fn deep() -> String {
    ["[".repeat(100_000), "]".repeat(100_000)].concat()
}
