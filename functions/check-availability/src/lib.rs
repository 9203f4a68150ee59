//! `GET /calendly/check-availability`: the available times of event types, in a range or at one moment.
//!
//! ```text
//! query ─▶ question ─▶ resolve ─▶ fetch ─▶ merge ─▶ entries ─▶ response
//!                        │          └▶ windows, availability_cache
//!                        └▶ event_type
//! ```
//!
//! A library, so that the MCP server can reuse it.

mod availability_cache;
mod entries;
pub mod event_type;
mod fetch;
#[cfg(any(test, fuzzing))]
#[path = "../fuzz_oracle.rs"]
pub mod fuzz_oracle;
mod merge;
pub mod question;
mod resolve;
mod response;
mod windows;

use chrono::{DateTime, Utc};
use shared::{Answer, Error, Function, Query, Variables, calendly::Calendly};

use availability_cache::AvailabilityCache;
use resolve::{EventTypeError, EventTypeResolver};

pub use entries::{Entries, EntrySlot};
pub use merge::SlotList;
pub use question::Question;
pub use resolve::EventType;

/// The function `check-availability`.
pub struct CheckAvailability {
    resolver: EventTypeResolver,
    cache: Option<AvailabilityCache>,
}

/// The slots that a question is about.
#[derive(Debug)]
pub struct FoundSlots {
    /// The distinct event types, in the order of the question.
    pub event_types: Vec<EventType>,
    /// The slots of each.
    pub lists: Vec<SlotList>,
}

impl FoundSlots {
    /// When Calendly provided the oldest part; `None` if no part may have been cached.
    #[must_use]
    pub fn as_of(&self) -> Option<DateTime<Utc>> {
        self.lists.iter().filter_map(SlotList::as_of).min()
    }
}

impl CheckAvailability {
    /// Reads the variables of this function.
    pub fn from_variables(variables: &mut Variables) -> Self {
        Self {
            resolver: EventTypeResolver::from_variables(variables),
            cache: AvailabilityCache::from_variables(variables),
        }
    }

    /// Finds the slots that a question is about. An event type whose cached URI Calendly no longer knows is resolved
    /// again, once.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`], [`Error::NoEventType`], and those of calls to Calendly.
    pub async fn find(&self, question: &Question, calendly: &Calendly<'_>) -> Result<FoundSlots, Error> {
        let into_error = |error: EventTypeError| error.into_error(question);
        let mut event_types = self.resolver.resolve(question, calendly).await.map_err(into_error)?;
        loop {
            let mut distinct = resolve::distinct(&event_types);
            match self.fetch_slots(question, &mut distinct, calendly).await {
                Ok(lists) => return Ok(FoundSlots { event_types: distinct, lists }),
                Err(failed) => {
                    let resolved = self.resolver.resolve_again(&mut event_types, failed, calendly).await;
                    resolved.map_err(into_error)?;
                }
            }
        }
    }
}

impl Function for CheckAvailability {
    const NAME: &'static str = "check-availability";
    const PARAMETERS: &'static [&'static str] =
        &["at", "duration", "end_time", "event_type", "limit", "match", "start_time", "timezone"];
    type Parameters = Question;

    fn parameters(&self, query: &Query) -> Result<Question, Error> {
        Question::parse(query, Utc::now())
    }

    async fn answer(&self, question: &Question, calendly: &Calendly<'_>) -> Result<Answer, Error> {
        response::to_json(question, &self.find(question, calendly).await?)
    }
}
