//! Filters event types and their members: some have an `internal_note`, and some are secret.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use shared::{Error, RawValue, Variables, calendly::undocumented_event_type};

/// The member that is always passed on: `check-availability` needs it.
const REQUIRED_FIELD: &str = "uri";

/// Selects the event types that are passed on, and their members.
#[derive(Debug)]
pub(crate) struct FieldFilter {
    /// `EVENT_TYPE_FIELDS`; `None` for all members.
    fields: Option<Vec<String>>,
    /// `INCLUDE_SECRET_EVENT_TYPES`.
    includes_secret: bool,
}

impl FieldFilter {
    /// Reads `EVENT_TYPE_FIELDS` and `INCLUDE_SECRET_EVENT_TYPES`.
    pub(crate) fn from_variables(variables: &mut Variables) -> Self {
        Self {
            fields: variables.optional("EVENT_TYPE_FIELDS", parse_fields),
            includes_secret: variables.flag("INCLUDE_SECRET_EVENT_TYPES", true),
        }
    }

    /// The selected members of an event type, in Calendly's order and each value byte for byte; `None` if the event
    /// type is left out.
    ///
    /// # Errors
    ///
    /// [`Error::CalendlyInvalidResponse`] if `secret` is neither a boolean nor null, or if members are selected and
    /// `uri` is missing.
    pub(crate) fn apply<'a>(&self, event_type: &'a RawValue) -> Result<Option<Cow<'a, str>>, Error> {
        if self.includes_secret && self.fields.is_none() {
            return Ok(Some(Cow::Borrowed(event_type.get())));
        }
        let mut deserializer = serde_json::Deserializer::from_str(event_type.get());
        let filtered = deserializer.deserialize_map(self).map_err(|_| undocumented_event_type())?;
        Ok(match filtered {
            Some(_) if self.fields.is_none() => Some(Cow::Borrowed(event_type.get())),
            filtered => filtered.map(Cow::Owned),
        })
    }

    fn includes(&self, name: &str) -> bool {
        let is_chosen =
            |fields: &Vec<String>| name == REQUIRED_FIELD || fields.iter().any(|field| field == name);
        self.fields.as_ref().is_some_and(is_chosen)
    }
}

/// Copies the selected members of an event type; `None` for a secret one that is left out.
impl<'de> Visitor<'de> for &FieldFilter {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Option<String>, A::Error> {
        let mut object = String::from("{");
        let (mut is_secret, mut has_uri) = (false, false);
        while let Some((name, value)) = access.next_entry::<Cow<'de, str>, &RawValue>()? {
            if name == "secret" && !self.includes_secret {
                match value.get() {
                    "false" | "null" => {}
                    "true" => is_secret = true,
                    _ => return Err(A::Error::custom("secret is not a boolean")),
                }
            }
            has_uri |= name == REQUIRED_FIELD;
            if self.includes(&name) {
                if object.len() > 1 {
                    object.push(',');
                }
                // Configured names need no escape.
                object.extend(["\"", &name, "\":", value.get()]);
            }
        }
        object.push('}');
        if self.fields.is_some() && !has_uri {
            return Err(A::Error::missing_field(REQUIRED_FIELD));
        }
        Ok(Some(object).filter(|_| !is_secret))
    }
}

/// Parses comma-separated names of members.
fn parse_fields(text: &str) -> Result<Vec<String>, String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if names.iter().all(|name| is_name(name)) {
        Ok(names.into_iter().map(str::to_owned).collect())
    } else {
        Err("not names of an event type's members with commas between them, as in uri,name,slug".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT_TYPE: &str =
        r#"{ "uri": "https://x/1", "name" : "A\u00e9", "secret": true, "n": 1.50e1, "a": {"uri": [ ]} }"#;

    fn filtered(
        fields: Option<&str>,
        includes_secret: bool,
        event_type: &str,
    ) -> Result<Option<String>, String> {
        let fields = fields.map(|text| parse_fields(text).unwrap());
        let event_type: &RawValue = serde_json::from_str(event_type).unwrap();
        let filtered = FieldFilter { fields, includes_secret }.apply(event_type);
        filtered.map(|object| object.map(Cow::into_owned)).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn without_a_filter_everything_is_passed_on() {
        assert_eq!(filtered(None, true, EVENT_TYPE), Ok(Some(EVENT_TYPE.to_owned())));
    }

    #[test]
    fn fields_are_passed_on_in_calendlys_order_byte_for_byte() {
        for (fields, expected) in [
            ("n, name", r#"{"uri":"https://x/1","name":"A\u00e9","n":1.50e1}"#),
            ("uri", r#"{"uri":"https://x/1"}"#),
            ("a,absent", r#"{"uri":"https://x/1","a":{"uri": [ ]}}"#),
        ] {
            assert_eq!(filtered(Some(fields), true, EVENT_TYPE), Ok(Some(expected.to_owned())), "{fields}");
        }
        assert_eq!(
            filtered(Some("name"), true, r#"{"name":"x"}"#),
            Err("calendly_invalid_response".to_owned()),
            "no uri"
        );
    }

    #[test]
    fn secret_event_types_are_left_out() {
        assert_eq!(filtered(None, false, EVENT_TYPE), Ok(None));
        assert_eq!(filtered(Some("name"), false, EVENT_TYPE), Ok(None));
        for public in [r#"{"secret":false}"#, r#"{"secret":null}"#, "{}"] {
            assert_eq!(filtered(None, false, public), Ok(Some(public.to_owned())));
        }
        for odd in [r#"{"secret":"true"}"#, r#"{"secret":1}"#, r#"{"secret":false,"secret":{}}"#] {
            assert_eq!(filtered(None, false, odd), Err("calendly_invalid_response".to_owned()), "{odd}");
        }
    }

    #[test]
    fn fields_are_member_names() {
        assert_eq!(parse_fields("uri, name"), Ok(vec!["uri".to_owned(), "name".to_owned()]));
        for bad in [",", "uri,", "na me", "name;slug", "\"name\"", "é"] {
            assert!(parse_fields(bad).is_err(), "{bad}");
        }
    }
}
