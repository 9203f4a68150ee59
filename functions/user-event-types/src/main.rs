//! `GET /calendly/user-event-types`: all of the caller's event types, byte for byte as Calendly sent them.

mod field_filter;

use std::{ops::ControlFlow, process::ExitCode};

use shared::{
    Answer, Error, Function, Query, RawValue,
    calendly::{Calendly, EventTypeVisitor, MAX_BYTES_PER_REQUEST},
};

use field_filter::FieldFilter;

struct UserEventTypes {
    filter: FieldFilter,
}

/// A JSON array of event types.
struct JsonArray<'a> {
    json: String,
    filter: &'a FieldFilter,
}

impl EventTypeVisitor for JsonArray<'_> {
    fn restart(&mut self) {
        self.json.clear();
    }

    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error> {
        if let Some(object) = self.filter.apply(event_type)? {
            self.json.push(if self.json.is_empty() { '[' } else { ',' });
            self.json.push_str(&object);
        }
        if self.json.len() > MAX_BYTES_PER_REQUEST {
            return Err(Error::AnswerTooLarge { reason: "the event types exceed the size limit" });
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Function for UserEventTypes {
    const NAME: &'static str = "user-event-types";
    const PARAMETERS: &'static [&'static str] = &["active"];
    /// `active`: only the active or the inactive ones.
    type Parameters = Option<bool>;

    fn parameters(&self, query: &Query) -> Result<Option<bool>, Error> {
        match query.get("active")? {
            None => Ok(None),
            // Clients of Python frameworks send `True` and `1`.
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => Err(Error::invalid_value(
                "active",
                other,
                "is neither true nor false: send one of them, or leave it out for all.",
            )),
        }
    }

    async fn answer(&self, active: &Option<bool>, calendly: &Calendly<'_>) -> Result<Answer, Error> {
        let mut array = JsonArray { json: String::new(), filter: &self.filter };
        calendly.event_types(*active, &mut array).await?;
        if array.json.is_empty() {
            array.json.push('[');
        }
        array.json.push(']');
        Ok(array.json.into())
    }
}

fn main() -> ExitCode {
    shared::run(|variables| UserEventTypes { filter: FieldFilter::from_variables(variables) })
}
