//! Calendly's API v2 as far as it is needed: the PAT's user, event types, available times.
//!
//! Objects are passed on byte for byte: only what a decision needs is read from them.
//!
//! ```text
//! kept_times         Calendly's answers about windows, kept for a while
//!   └▶ session        Calendly as one request sees it: what can be asked
//!   ├▶ learnt            what was learnt with a PAT and is kept for a while, its user for one
//!   ├▶ event_types       a page of the list
//!   ├▶ available_times   the slots of one answer
//!   └▶ client            one call: its tries, and the answer's body
//!        └▶ retry            whether there is another try, and when
//! ```
//!
//! <https://developer.calendly.com/api-docs>

pub(crate) mod available_times;
mod client;
mod json;
pub(crate) mod kept_times;
mod learnt;
pub(crate) mod pagination;
pub(crate) mod rate_limit;
mod retry;
mod session;
mod time;
pub(crate) mod uri;

pub use available_times::{Answered, AvailableTimes, Slot, TimeWindow};
pub use kept_times::{AvailabilityCache, Span};
pub use learnt::{CacheScope, PatScopedCache};
pub use session::Calendly;
pub(crate) use session::Upstream;
pub use time::utc;
pub use uri::{EventTypeUri, UserUri};
