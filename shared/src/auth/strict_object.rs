//! JSON objects with unique member names, for JOSE headers and claims sets.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

/// The members of a JOSE header or a claims set.
///
/// Duplicate member names are an error. RFC 7515 and RFC 7519 (section 4 of each) also allow a parser to
/// take the last one, but then two parsers can read different values from one token.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StrictObject(BTreeMap<String, Value>);

impl StrictObject {
    /// The value of a member; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member is present, even if it is `null`.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl<'de> Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = StrictObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<StrictObject, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member name"));
            }
        }
        Ok(StrictObject(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_members_count_as_absent() {
        let object: StrictObject = serde_json::from_str(r#"{"a":1,"b":null}"#).unwrap();
        assert_eq!(object.get("a"), Some(&Value::from(1)));
        assert_eq!((object.get("b"), object.contains("b"), object.contains("c")), (None, true, false));
    }
}
