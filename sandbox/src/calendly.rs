//! What Calendly knows, after calendly-api: users, their event types, and when these can be booked.
//!
//! Where Calendly's behaviour is not confirmed, the item that decides says what it assumes.

pub(crate) mod accounts;
mod catalogue;
pub(crate) mod event_type;
pub(crate) mod rate_limit;
pub(crate) mod schedule;
pub(crate) mod uri;
pub(crate) mod user;
