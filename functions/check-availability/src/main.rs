//! `GET /calendly/check-availability`: when event types have open times.
//!
//! ```text
//! query ─▶ Question ─▶ Chosen ─▶ OpenTimes ─▶ Entries ─▶ the answer's JSON
//! ```

mod answer;
mod ask;
mod at;
mod chosen;
mod entries;
mod event_type;
mod moment;
mod open_times;
mod question;
mod range;
mod zone;

use std::process::ExitCode;

use shared::{
    Error, Function, Query, Variables,
    calendly::{Calendly, Learnt},
};

use chosen::{Choices, Failed};
use question::Question;

struct CheckAvailability {
    choices: Choices,
}

impl Function for CheckAvailability {
    const NAME: &'static str = "check-availability";
    type Parameters = Question;

    fn parameters(&self, query: &Query) -> Result<Question, Error> {
        Question::parse(query, chrono::Utc::now())
    }

    /// Which event type is meant may be known from an earlier request; if Calendly no longer knows that one, it is
    /// found out afresh, once.
    async fn answer(&self, question: &Question, calendly: &Calendly<'_>) -> Result<String, Error> {
        let error = |failed: Failed| failed.about(question);
        let mut chosen = self.choices.of(question, calendly).await.map_err(error)?;
        loop {
            let mut distinct = chosen::distinct(&chosen);
            match ask::open_times(question, &mut distinct, &self.choices, calendly).await {
                Ok(times) => return answer::json(question, &distinct, &times),
                Err(failed) => self.choices.afresh(&mut chosen, failed, calendly).await.map_err(error)?,
            }
        }
    }
}

fn main() -> ExitCode {
    shared::run(|variables: &mut Variables| {
        let max_age = variables.seconds("EVENT_TYPE_CACHE_SECONDS", 60, 86_400);
        CheckAvailability { choices: Choices(Learnt::new("event_type", max_age)) }
    })
}
