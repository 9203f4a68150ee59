//! `GET /calendly/check-availability`: the open times of one event type in a range.

mod answer;
mod event_type;
mod moment;
mod open_times;
mod parameters;
mod range;
mod zone;

use std::{process::ExitCode, sync::Arc};

use shared::{
    Error, Function, Query, Variables,
    calendly::{Calendly, Learnt},
};

use event_type::{Choice, EventTypeRef, Listed};
use open_times::OpenTimes;
use parameters::Parameters;

struct CheckAvailability {
    /// Which event type a default or a slug meant: it saves the calls that find out.
    choices: Learnt<Listed, Choice>,
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
    ) -> Result<(Arc<Choice>, OpenTimes), Error> {
        let listed = match event_type {
            EventTypeRef::Uri(uri) => {
                let choice = Choice::of_uri(uri.clone());
                let slots = OpenTimes::of(range, &choice.uri, calendly).await?;
                return Ok((choice.into(), slots));
            }
            EventTypeRef::Listed(listed) => listed,
        };
        let look_up = || listed.look_up(calendly);
        let (choice, was_kept) = self.choices.get(calendly.learner(), listed, look_up).await?;
        match OpenTimes::of(range, &choice.uri, calendly).await {
            Err(error) if was_kept && error.is_calendly_not_found() => {
                let choice = self.choices.relearn(calendly.learner(), listed, &choice, look_up).await?;
                let slots = OpenTimes::of(range, &choice.uri, calendly).await?;
                Ok((choice, slots))
            }
            result => result.map(|slots| (choice, slots)),
        }
    }
}

fn main() -> ExitCode {
    shared::run(|variables: &mut Variables| {
        let max_age = variables.seconds("EVENT_TYPE_CACHE_SECONDS", 60, 86_400);
        CheckAvailability { choices: Learnt::new("event_type", max_age) }
    })
}
