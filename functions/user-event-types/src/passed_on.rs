//! What callers get to see of the event types: some have an `internal_note`, and some are secret.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use shared::{Error, RawValue, Variables};

/// The member that is always passed on: without it an event type cannot be asked about.
const ALWAYS: &str = "uri";

/// Which event types are passed on, and which of their members.
#[derive(Debug)]
pub(crate) struct PassedOn {
    /// `EVENT_TYPE_FIELDS`; `None` for all.
    fields: Option<Vec<String>>,
    /// `INCLUDE_SECRET_EVENT_TYPES`.
    includes_secret: bool,
}

impl PassedOn {
    pub(crate) fn read(variables: &mut Variables) -> Self {
        Self {
            fields: variables.optional("EVENT_TYPE_FIELDS", fields),
            includes_secret: variables.flag("INCLUDE_SECRET_EVENT_TYPES", true),
        }
    }

    /// What callers see of an event type, in Calendly's order and with each value byte for byte; `None` if they do
    /// not see it.
    ///
    /// # Errors
    ///
    /// [`Error::CalendlyInvalidResponse`] if whether it is secret cannot be told.
    pub(crate) fn of<'a>(&self, event_type: &'a RawValue) -> Result<Option<Cow<'a, str>>, Error> {
        if self.includes_secret && self.fields.is_none() {
            return Ok(Some(Cow::Borrowed(event_type.get())));
        }
        let mut deserializer = serde_json::Deserializer::from_str(event_type.get());
        let seen = deserializer.deserialize_map(Seen(self)).map_err(|_| {
            Error::CalendlyInvalidResponse("an event type is not what Calendly documents".to_owned())
        })?;
        Ok(match seen {
            Some(_) if self.fields.is_none() => Some(Cow::Borrowed(event_type.get())),
            seen => seen.map(Cow::Owned),
        })
    }

    fn passes_on(&self, name: &str) -> bool {
        let is_chosen = |fields: &Vec<String>| name == ALWAYS || fields.iter().any(|field| field == name);
        self.fields.as_ref().is_some_and(is_chosen)
    }
}

/// Goes through the members of an event type, and puts together what is seen of it: its values as they came.
struct Seen<'a>(&'a PassedOn);

impl<'de> Visitor<'de> for Seen<'_> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Option<String>, A::Error> {
        let Self(passed_on) = self;
        let mut object = String::from("{");
        let mut is_secret = false;
        while let Some((name, value)) = access.next_entry::<Cow<'de, str>, &RawValue>()? {
            if name == "secret" && !passed_on.includes_secret {
                match value.get() {
                    "false" | "null" => {}
                    "true" => is_secret = true,
                    _ => return Err(A::Error::custom("neither secret nor not")),
                }
            }
            if passed_on.passes_on(&name) {
                if object.len() > 1 {
                    object.push(',');
                }
                // A name that is configured needs no escape.
                object.extend(["\"", &name, "\":", value.get()]);
            }
        }
        object.push('}');
        Ok(Some(object).filter(|_| !is_secret))
    }
}

/// Comma-separated names of members.
fn fields(text: &str) -> Result<Vec<String>, String> {
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

    fn seen(fields: Option<&str>, includes_secret: bool, event_type: &str) -> Result<Option<String>, String> {
        let fields = fields.map(|text| super::fields(text).unwrap());
        let event_type: &RawValue = serde_json::from_str(event_type).unwrap();
        let seen = PassedOn { fields, includes_secret }.of(event_type);
        seen.map(|seen| seen.map(Cow::into_owned)).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn everything_is_passed_on_byte_for_byte() {
        assert_eq!(seen(None, true, EVENT_TYPE), Ok(Some(EVENT_TYPE.to_owned())));
    }

    #[test]
    fn chosen_members_are_passed_on_in_calendlys_order_with_their_values_byte_for_byte() {
        for (fields, expected) in [
            ("n, name", r#"{"uri":"https://x/1","name":"A\u00e9","n":1.50e1}"#),
            ("uri", r#"{"uri":"https://x/1"}"#),
            ("a,absent", r#"{"uri":"https://x/1","a":{"uri": [ ]}}"#),
        ] {
            assert_eq!(seen(Some(fields), true, EVENT_TYPE), Ok(Some(expected.to_owned())), "{fields}");
        }
        assert_eq!(seen(Some("name"), true, "{}"), Ok(Some("{}".to_owned())));
    }

    #[test]
    fn secret_event_types_can_be_left_out() {
        assert_eq!(seen(None, false, EVENT_TYPE), Ok(None));
        assert_eq!(seen(Some("name"), false, EVENT_TYPE), Ok(None));
        for public in [r#"{"secret":false}"#, r#"{"secret":null}"#, "{}"] {
            assert_eq!(seen(None, false, public), Ok(Some(public.to_owned())));
        }
        for odd in [r#"{"secret":"true"}"#, r#"{"secret":1}"#, r#"{"secret":false,"secret":{}}"#] {
            assert_eq!(seen(None, false, odd), Err("calendly_invalid_response".to_owned()), "{odd}");
        }
    }

    #[test]
    fn a_list_of_fields_names_members() {
        assert_eq!(fields("uri, name"), Ok(vec!["uri".to_owned(), "name".to_owned()]));
        for bad in [",", "uri,", "na me", "name;slug", "\"name\"", "é"] {
            assert!(fields(bad).is_err(), "{bad}");
        }
    }
}
