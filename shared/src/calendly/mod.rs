//! Calendly's API v2, as far as the functions need it: the PAT's user, event types and available times.
//!
//! ```text
//! service   what all requests share: the client and the caches
//! api       the API as one request uses it
//!   ├▶ retry             which failed attempts are retried, and when
//!   ├▶ client            one attempt of a call
//!   │    └▶ rate_limit       what is left of the quota
//!   ├▶ pagination        pages of the list of event types
//!   └▶ available_times   the slots of one response
//!        └▶ json, time       parsing of responses and times
//! uri       the URIs of resources
//! error     Calendly's error responses
//! ```
//!
//! JSON objects are passed on byte for byte; only what a decision needs is parsed.
//!
//! <https://developer.calendly.com/api-docs>

mod api;
pub(crate) mod available_times;
mod client;
mod error;
mod json;
pub(crate) mod pagination;
pub(crate) mod rate_limit;
mod retry;
mod service;
mod time;
pub(crate) mod uri;

pub use crate::{http::MAX_BYTES_PER_REQUEST, pat::PatId};
pub(crate) use api::CacheMode;
pub use api::{CacheScope, Calendly, MAX_CALLS_IN_FLIGHT, WindowRequest};
pub use available_times::{Availability, AvailableTimes, Slot, TimeWindow};
pub(crate) use error::CalendlyError;
pub use pagination::{EventTypeVisitor, undocumented_event_type};
pub(crate) use service::CalendlyService;
pub use service::response_policy;
pub use time::utc;
pub use uri::{EventTypeUri, UserUri};
