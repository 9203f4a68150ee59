//! `GET /calendly/check-availability`: the open times of one event type in a range.

mod answer;
mod event_type;
mod kept_choices;
mod moment;
mod parameters;
mod range;
mod windows;
mod zone;

use std::process::ExitCode;

use shared::{
    Error, Function, Query,
    calendly::{Calendly, Slot},
};

use event_type::{Choice, EventTypeRef};
use kept_choices::KeptChoices;
use parameters::Parameters;

struct CheckAvailability {
    kept_choices: KeptChoices,
}

impl Function for CheckAvailability {
    const NAME: &'static str = "check-availability";
    type Parameters = Parameters;

    fn parameters(&self, query: &Query) -> Result<Parameters, Error> {
        Parameters::parse(query, chrono::Utc::now())
    }

    async fn answer(&self, parameters: &Parameters, calendly: &Calendly<'_>) -> Result<String, Error> {
        let (choice, slots) = self.choice_and_slots(parameters, calendly).await?;
        answer::json(parameters, &choice, &slots)
    }
}

impl CheckAvailability {
    /// The open times of the event type that is meant. Which one that is may be known from an earlier
    /// request; if Calendly no longer knows that one, it is found out afresh.
    async fn choice_and_slots(
        &self,
        Parameters { event_type, range, .. }: &Parameters,
        calendly: &Calendly<'_>,
    ) -> Result<(Choice, Vec<Slot>), Error> {
        let choice = match event_type {
            EventTypeRef::Uri(uri) => Choice::of_uri(uri.clone()),
            EventTypeRef::Looked(wanted) => {
                let kept = self.kept_choices.get(calendly.pat_id(), wanted);
                calendly.note_event_type_cache(kept.is_some());
                if let Some(choice) = kept {
                    match windows::slots(range, &choice.uri, calendly).await {
                        Err(error) if error.is_calendly_not_found() => {}
                        result => return result.map(|slots| (choice, slots)),
                    }
                }
                let choice = wanted.look_up(calendly).await?;
                self.kept_choices.keep(calendly.pat_id(), wanted, &choice);
                choice
            }
        };
        let slots = windows::slots(range, &choice.uri, calendly).await?;
        Ok((choice, slots))
    }
}

fn main() -> ExitCode {
    shared::run(|settings| CheckAvailability { kept_choices: KeptChoices::new(settings.event_type_cache) })
}
