//! Event types: how a caller refers to one, the search for it in the user's list, and what it resolves to.

mod reference;
mod resolved;
mod search;

pub use reference::{BookingLink, EventTypeRef, EventTypeSelector};
pub use resolved::ResolvedEventType;
pub use search::is_bookable;
