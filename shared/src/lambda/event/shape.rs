//! The shape of an unsupported event, for the log and the function error: names of members, but no values.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// Describes an unsupported event.
pub(super) fn describe(json: &str) -> String {
    let found = match (serde_json::from_str::<IgnoredAny>(json), json.trim_start().chars().next()) {
        (Err(_), _) => "not JSON".to_owned(),
        (Ok(_), Some('{')) => match serde_json::from_str(json) {
            Ok(MemberNames { names, .. }) if names.is_empty() => "an empty object".to_owned(),
            Ok(MemberNames { names, is_truncated }) => {
                format!("an object with {}{}", names.join(", "), if is_truncated { ", …" } else { "" })
            }
            Err(_) => "not JSON".to_owned(),
        },
        (Ok(_), Some('[')) => "an array".to_owned(),
        (Ok(_), Some('"')) => "a string".to_owned(),
        (Ok(_), Some('t' | 'f')) => "a boolean".to_owned(),
        (Ok(_), Some('n')) => "null".to_owned(),
        (Ok(_), _) => "a number".to_owned(),
    };
    format!(
        "this function takes API Gateway HTTP API events (payload 2.0), REST API events (payload 1.0) and warm-ups; \
         this event is {found}"
    )
}

/// The first member names of an object, sorted, each truncated.
struct MemberNames {
    names: Vec<String>,
    is_truncated: bool,
}

impl<'de> Deserialize<'de> for MemberNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = MemberNames;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<MemberNames, A::Error> {
                const MAX_NAMES: usize = 12;
                const MAX_CHARS: usize = 40;
                let mut members = MemberNames { names: Vec::new(), is_truncated: false };
                while let Some((name, IgnoredAny)) = access.next_entry::<String, _>()? {
                    if members.names.len() < MAX_NAMES {
                        members.names.push(name.chars().take(MAX_CHARS).collect());
                    } else {
                        members.is_truncated = true;
                    }
                }
                members.names.sort_unstable();
                Ok(members)
            }
        }
        deserializer.deserialize_map(NamesVisitor)
    }
}
