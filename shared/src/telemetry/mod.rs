//! Log lines and metrics, as JSON lines on standard output.
//!
//! ```text
//! calls, cache hits ─▶ RequestMetrics ─┐
//! status, error, duration ─────────────┴▶ summary ─▶ one line per invocation, which is also its metrics record (EMF)
//! ```
//!
//! Field names carry their unit. No PAT, JWT or secret is ever passed to this module. It depends on
//! [`Error`](crate::Error) and, for the key of the caller hash, on `cache` and `pat`.

pub(crate) mod caller_hash;
mod log;
mod metrics;
mod request_metrics;
mod summary;

pub(crate) use log::{error, in_request, warn};
pub use request_metrics::RequestMetrics;
pub(crate) use request_metrics::Stage;
pub(crate) use summary::{EventOutcome, InvocationOutcome, log_invocation};
