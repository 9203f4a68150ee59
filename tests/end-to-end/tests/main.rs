//! The end-to-end tests: each drives built functions as Lambda and API Gateway do, against stand-ins for Calendly, the
//! token issuer and AWS. Run `cargo build` first. docs/contract.md says what the functions promise.
//!
//! A table of cases is tested at unit level; a test here shows that it is wired.
#![cfg(test)]

mod authentication;
mod availability;
mod availability_cache;
mod availability_queries;
mod calendly_errors;
mod call_counts;
mod concurrency;
mod configuration;
mod deadline;
mod event_type_resolution;
mod event_types;
mod faults;
mod freeze;
mod init;
mod logs;
mod mcp;
mod memory;
mod moto;
mod pat;
mod remote_cache;
mod retry;
mod sample_events;
mod time_range;
mod unknown_events;
mod user;
mod warm_up;
