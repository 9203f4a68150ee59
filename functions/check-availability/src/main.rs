//! `GET /calendly/check-availability`: when event types have open times.
//!
//! ```text
//! query ─▶ Question ─▶ Chosen ─▶ OpenTimes ─▶ Entries ─▶ the answer
//! ```

mod aligned;
mod answer;
mod ask;
mod at;
mod chosen;
mod entries;
mod event_type;
#[cfg(test)]
mod fuzzed;
mod moment;
mod open_times;
mod question;
mod range;
mod zone;

use std::process::ExitCode;

use shared::{
    Answer, Error, Function, Query, Variables,
    calendly::{AvailabilityCache, Calendly, PatScopedCache},
};

use chosen::{Choices, Failed};
use question::Question;

struct CheckAvailability {
    choices: Choices,
    /// Calendly's answers, where they may be served again.
    kept: Option<AvailabilityCache>,
}

impl Function for CheckAvailability {
    const NAME: &'static str = "check-availability";
    const PARAMETERS: &'static [&'static str] =
        &["event_type", "start_time", "end_time", "timezone", "match", "at", "limit", "duration"];
    type Parameters = Question;

    fn parameters(&self, query: &Query) -> Result<Question, Error> {
        Question::parse(query, chrono::Utc::now())
    }

    /// Which event type is meant may be known from an earlier request; if Calendly no longer knows that one, it is
    /// found out afresh, once.
    async fn answer(&self, question: &Question, calendly: &Calendly<'_>) -> Result<Answer, Error> {
        let error = |failed: Failed| failed.about(question);
        let mut chosen = self.choices.of(question, calendly).await.map_err(error)?;
        loop {
            let mut distinct = chosen::distinct(&chosen);
            let kept = self.kept.as_ref();
            match ask::open_times(question, &mut distinct, &self.choices, kept, calendly).await {
                Ok(times) => return answer::of(question, &distinct, &times),
                Err(failed) => self.choices.afresh(&mut chosen, failed, calendly).await.map_err(error)?,
            }
        }
    }
}

impl CheckAvailability {
    fn read(variables: &mut Variables) -> Self {
        let choices = variables.seconds("EVENT_TYPE_CACHE_SECONDS", 60, 86_400);
        let fresh = variables.seconds("AVAILABILITY_CACHE_SECONDS", 0, 300);
        let stale = variables.seconds("AVAILABILITY_STALE_SECONDS", 0, 3_600);
        Self {
            choices: Choices(PatScopedCache::new("event_type", choices)),
            kept: (!fresh.is_zero()).then(|| AvailabilityCache::new(fresh, stale)),
        }
    }
}

fn main() -> ExitCode {
    shared::run(CheckAvailability::read)
}
