//! Who goes wrong: the columns of the matrix.

use end_to_end::Binary;
use serde_json::json;

/// The token that Secrets Manager holds, which no log may show.
pub(crate) const PAT: &str = "very-secret-personal-access-token";

/// A call that a request may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Upstream {
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
    Secrets,
    /// DynamoDB, where the table is that environments share.
    Table,
}

/// Whose call it is, and so whose error its failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Calendly,
    Issuer,
    Secrets,
    /// Of the table nothing is an error.
    Table,
}

impl Upstream {
    pub(crate) const ALL: [Self; 8] = [
        Self::Me,
        Self::EventTypes,
        Self::EventType,
        Self::AvailableTimes,
        Self::Discovery,
        Self::Keys,
        Self::Secrets,
        Self::Table,
    ];

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Me | Self::EventTypes | Self::EventType | Self::AvailableTimes => Kind::Calendly,
            Self::Discovery | Self::Keys => Kind::Issuer,
            Self::Secrets => Kind::Secrets,
            Self::Table => Kind::Table,
        }
    }

    /// Where it is called. `event_type` is the URI of the one that is looked up.
    pub(crate) fn path(self, event_type: &str) -> &str {
        match self {
            Self::Me => "/users/me",
            Self::EventTypes => "/event_types",
            Self::EventType => {
                event_type.strip_prefix("https://api.calendly.com").expect("a URI of Calendly's")
            }
            Self::AvailableTimes => "/event_type_available_times",
            Self::Discovery => "/issuer/.well-known/openid-configuration",
            Self::Keys => "/issuer/jwks",
            Self::Secrets | Self::Table => "/",
        }
    }

    /// The function that needs it.
    pub(crate) fn binary(self) -> Binary {
        match self {
            Self::EventTypes => Binary::UserEventTypes,
            Self::EventType | Self::AvailableTimes | Self::Table => Binary::CheckAvailability,
            _ => Binary::User,
        }
    }

    /// Whether a warm-up of that function makes the call.
    pub(crate) fn is_prepared(self) -> bool {
        !matches!(self, Self::EventTypes | Self::EventType | Self::AvailableTimes | Self::Table)
    }

    /// The member that is needed, and something good in it.
    fn needed(self) -> (&'static str, String) {
        let text = |value: serde_json::Value| value.to_string();
        match self {
            Self::Me => ("resource", text(json!({"uri": "https://api.calendly.com/users/x"}))),
            Self::EventTypes => {
                ("collection", text(json!([{"uri": "https://api.calendly.com/event_types/x"}])))
            }
            Self::EventType => ("resource", text(json!({"uri": "https://x/event_types/x", "duration": 30}))),
            Self::AvailableTimes => (
                "collection",
                text(json!([{"start_time": "2099-01-01T09:00:00.000000Z", "status": "available"}])),
            ),
            Self::Discovery => ("jwks_uri", text(json!("https://issuer.example/jwks"))),
            Self::Keys => ("keys", text(json!([]))),
            Self::Secrets => ("SecretString", text(json!(PAT))),
            Self::Table => ("Item", text(json!({"value": {"B": "AAAA"}, "lease": {"N": "1"}}))),
        }
    }

    /// What stands beside it.
    fn beside(self) -> &'static str {
        match self {
            Self::EventTypes => r#","pagination":{"next_page_token":null}"#,
            _ => "",
        }
    }

    pub(crate) fn half(self) -> String {
        let (name, value) = self.needed();
        format!(r#"{{"{name}":{value}"#)
    }

    pub(crate) fn member_twice(self) -> String {
        let (name, value) = self.needed();
        format!(r#"{{"{name}":{value},"{name}":{value}{}}}"#, self.beside())
    }

    pub(crate) fn nested(self) -> String {
        let (name, _) = self.needed();
        format!(r#"{{"{name}":{}{}}}"#, deep(), self.beside())
    }

    /// In a member that nobody needs; in the slot or the event type where there are such.
    pub(crate) fn nested_beside(self) -> String {
        let (name, value) = self.needed();
        match self {
            Self::EventTypes | Self::AvailableTimes => {
                let row = value.trim_matches(['[', ']']).trim_end_matches('}');
                format!(r#"{{"{name}":[{row},"new":{}}}]{}}}"#, deep(), self.beside())
            }
            _ => format!(r#"{{"new":{},"{name}":{value}}}"#, deep()),
        }
    }
}

fn deep() -> String {
    ["[".repeat(100_000), "]".repeat(100_000)].concat()
}
