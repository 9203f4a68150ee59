//! A JSON object without doubles.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

/// The members of a JOSE header or a claims set. A name that stands twice is refused: RFC 7515
/// (section 4) and RFC 7519 (section 4) leave the choice to refuse or to take the last, and two readers
/// of one token must not see two things.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object(BTreeMap<String, Value>);

impl Object {
    /// The member's value; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member is there, whatever its value.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_and_other_shapes_are_refused() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, "[]", "null", "1", r#"{"a":1}x"#, ""] {
            assert!(serde_json::from_str::<Object>(bad).is_err(), "{bad}");
        }
        let error = serde_json::from_str::<Object>("[]").unwrap_err().to_string();
        assert!(error.contains("expected a JSON object"), "{error}");
        let object: Object = serde_json::from_str(r#"{"a":1,"b":null}"#).unwrap();
        assert_eq!(object.get("a"), Some(&Value::from(1)));
        assert_eq!((object.get("b"), object.contains("b"), object.contains("c")), (None, true, false));
    }
}
