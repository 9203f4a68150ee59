//! Calendly's API v2, as far as the functions need it: the PAT's user, event types and available times.
//!
//! ```text
//! session   the API as one request uses it
//!   ├▶ retry             which failed attempts are retried, and when
//!   ├▶ client            one attempt of a call
//!   │    └▶ rate_limit       what is left of the quota
//!   ├▶ pagination        pages of the list of event types
//!   └▶ available_times   the slots of one response
//!        └▶ json, time       parsing of responses and times
//! uri       the URIs of resources
//! ```
//!
//! JSON objects are passed on byte for byte; only what a decision needs is parsed.
//!
//! <https://developer.calendly.com/api-docs>

pub(crate) mod available_times;
mod client;
mod json;
pub(crate) mod pagination;
pub(crate) mod rate_limit;
mod retry;
mod session;
mod time;
pub(crate) mod uri;

pub use crate::pat::PatId;
pub use available_times::{Availability, AvailableTimes, Slot, TimeWindow};
pub use pagination::EventTypeVisitor;
pub(crate) use session::Upstream;
pub use session::{CacheScope, Calendly, WindowRequest, response_policy};
pub use time::utc;
pub use uri::{EventTypeUri, UserUri};
