//! The answer of `list_event_types`: the bookable event types, each with the members that a model needs.

use std::ops::ControlFlow;

use check_availability::event_type::is_bookable;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use shared::{
    Error, RawValue,
    calendly::{EventTypeVisitor, undocumented_event_type},
};

/// The maximum bytes of the list. A result has it twice, as structured content and escaped as text, and Lambda's answer is
/// escaped again: at most six times as long: as much as Lambda can return.
const MAX_BYTES: usize = 1024 * 1024;

/// Collects bookable event types as a JSON array.
#[derive(Debug)]
pub struct EventTypeList {
    json: String,
    includes_secret: bool,
}

/// An event type as Calendly lists it.
#[derive(Deserialize)]
struct Listed<'a> {
    uri: String,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    slug: Option<&'a RawValue>,
    duration: Option<&'a RawValue>,
    scheduling_url: Option<&'a RawValue>,
    description_plain: Option<&'a RawValue>,
    secret: Option<bool>,
    active: Option<bool>,
    deleted_at: Option<IgnoredAny>,
    booking_method: Option<String>,
}

/// An event type in the answer. A member is `null` if Calendly does not state it, or with another type than documented.
#[derive(Serialize)]
struct Entry<'a> {
    uri: &'a str,
    name: Option<&'a RawValue>,
    slug: Option<&'a RawValue>,
    duration_minutes: Option<&'a RawValue>,
    scheduling_url: Option<&'a RawValue>,
    description: Option<&'a RawValue>,
}

impl EventTypeList {
    /// An empty list.
    #[must_use]
    pub fn new(includes_secret: bool) -> Self {
        Self { json: String::new(), includes_secret }
    }

    /// The structured content.
    #[must_use]
    pub fn into_json(self) -> String {
        format!(r#"{{"event_types":[{}]}}"#, self.json)
    }
}

impl EventTypeVisitor for EventTypeList {
    fn restart(&mut self) {
        self.json.clear();
    }

    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error> {
        let listed: Listed<'_> =
            serde_json::from_str(event_type.get()).map_err(|_| undocumented_event_type())?;
        let is_hidden = listed.secret == Some(true) && !self.includes_secret;
        let is_deleted = listed.deleted_at.is_some();
        if is_hidden || !is_bookable(listed.active, is_deleted, listed.booking_method.as_deref()) {
            return Ok(ControlFlow::Continue(()));
        }
        let entry = Entry {
            uri: &listed.uri,
            name: listed.name.filter(is_string),
            slug: listed.slug.filter(is_string),
            duration_minutes: listed.duration.filter(is_unsigned_number),
            scheduling_url: listed.scheduling_url.filter(is_string),
            description: listed.description_plain.filter(is_string),
        };
        let entry = serde_json::to_string(&entry)
            .map_err(|_| Error::Internal { reason: "an event type cannot be serialized" })?;
        if !self.json.is_empty() {
            self.json.push(',');
        }
        self.json.push_str(&entry);
        if self.json.len() > MAX_BYTES {
            return Err(Error::AnswerTooLarge {
                reason: "the event types exceed the size limit of the tool",
            });
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn is_string(json: &&RawValue) -> bool {
    json.get().starts_with('"')
}

fn is_unsigned_number(json: &&RawValue) -> bool {
    json.get().starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn list(event_types: &[Value], includes_secret: bool) -> Result<Value, String> {
        let mut list = EventTypeList::new(includes_secret);
        for event_type in event_types {
            let raw = RawValue::from_string(event_type.to_string()).unwrap();
            let _ = list.visit(&raw).map_err(|error| error.code().to_owned())?;
        }
        Ok(serde_json::from_str(&list.into_json()).unwrap())
    }

    fn event_type(changes: &Value) -> Value {
        let mut event_type = json!({
            "uri": "https://api.calendly.com/event_types/a", "name": "Intro", "slug": "intro", "duration": 30,
            "scheduling_url": "https://calendly.com/x/intro", "description_plain": "A talk.", "active": true,
            "deleted_at": null, "booking_method": "instant", "secret": false, "internal_note": "private",
        });
        event_type.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        event_type
    }

    #[test]
    fn members_that_a_model_needs() {
        assert_eq!(
            list(&[event_type(&json!({}))], true).unwrap(),
            json!({"event_types": [{
                "uri": "https://api.calendly.com/event_types/a", "name": "Intro", "slug": "intro", "duration_minutes": 30,
                "scheduling_url": "https://calendly.com/x/intro", "description": "A talk.",
            }]})
        );
        let absent = json!({"name": 5, "slug": 5, "duration": "long", "scheduling_url": null, "description_plain": ""});
        assert_eq!(
            list(&[event_type(&absent)], true).unwrap(),
            json!({"event_types": [{
                "uri": "https://api.calendly.com/event_types/a", "name": null, "slug": null, "duration_minutes": null,
                "scheduling_url": null, "description": "",
            }]})
        );
        assert_eq!(list(&[], true).unwrap(), json!({"event_types": []}));
    }

    #[test]
    fn a_restart_drops_the_earlier_event_types() {
        let [first, second] = ["first", "second"]
            .map(|name| RawValue::from_string(event_type(&json!({"name": name})).to_string()).unwrap());
        let mut list = EventTypeList::new(true);
        let _ = list.visit(&first).unwrap();
        list.restart();
        let _ = list.visit(&second).unwrap();
        let json: Value = serde_json::from_str(&list.into_json()).unwrap();
        assert_eq!(
            (&json["event_types"][0]["name"], &json["event_types"][1]),
            (&json!("second"), &json!(null))
        );
    }

    #[test]
    fn only_bookable_event_types_and_secret_ones_on_request() {
        for (changes, included) in [
            (json!({"active": false}), [false, false]),
            (json!({"deleted_at": "2026-01-01T00:00:00Z"}), [false, false]),
            (json!({"booking_method": "poll"}), [false, false]),
            (json!({"secret": true}), [false, true]),
            (json!({"secret": null}), [true, true]),
        ] {
            for (includes_secret, included) in [false, true].into_iter().zip(included) {
                let list = list(&[event_type(&changes)], includes_secret).unwrap();
                assert_eq!(list["event_types"].as_array().unwrap().len(), usize::from(included), "{changes}");
            }
        }
    }

    #[test]
    fn undocumented_and_too_many_event_types_are_errors() {
        for bad in
            [json!({}), json!([]), event_type(&json!({"uri": 5})), event_type(&json!({"secret": "yes"}))]
        {
            assert_eq!(
                list(std::slice::from_ref(&bad), true),
                Err("calendly_invalid_response".to_owned()),
                "{bad}"
            );
        }
        let large = event_type(&json!({"description_plain": "x".repeat(MAX_BYTES / 2)}));
        assert_eq!(list(&[large.clone(), large], true), Err("answer_too_large".to_owned()));
    }
}
