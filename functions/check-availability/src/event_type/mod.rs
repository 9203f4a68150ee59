//! Event types: how a caller refers to one, the search for it in the user's list, and what it resolves to.

mod reference;
mod resolved;
mod search;

use shared::Error;

pub use reference::{BookingLink, EventTypeRef, EventTypeSelector};
pub use resolved::ResolvedEventType;
pub use search::is_bookable;

fn undocumented() -> Error {
    Error::CalendlyInvalidResponse("an event type does not match Calendly's documentation".to_owned())
}
