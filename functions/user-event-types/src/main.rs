//! `GET /calendly/user-event-types`: all of the caller's event types, byte for byte as Calendly sent them.

mod passed_on;

use std::{ops::ControlFlow, process::ExitCode};

use shared::{Answer, Error, Function, Query, calendly::Calendly};

use passed_on::PassedOn;

struct UserEventTypes {
    passed_on: PassedOn,
}

/// A longer answer would not fit in Lambda's 6 MB even if it were gzipped, and could take more memory than
/// the function has.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

impl Function for UserEventTypes {
    const NAME: &'static str = "user-event-types";
    const PARAMETERS: &'static [&'static str] = &["active"];
    /// `active`: only the active or the inactive ones.
    type Parameters = Option<bool>;

    fn parameters(&self, query: &Query) -> Result<Option<bool>, Error> {
        match query.get("active")? {
            None => Ok(None),
            // `True` and `1` are how clients of Python's frameworks spell it.
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
        let mut answer = String::from("[");
        calendly
            .event_types(*active, |event_type| {
                if let Some(object) = self.passed_on.of(event_type)? {
                    if answer.len() > 1 {
                        answer.push(',');
                    }
                    answer.push_str(&object);
                }
                if answer.len() > LARGEST_ANSWER {
                    return Err(Error::AnswerTooLarge { reason: "the event types have more than 32 MiB" });
                }
                Ok(ControlFlow::<()>::Continue(()))
            })
            .await?;
        answer.push(']');
        Ok(answer.into())
    }
}

fn main() -> ExitCode {
    shared::run(|variables| UserEventTypes { passed_on: PassedOn::read(variables) })
}
