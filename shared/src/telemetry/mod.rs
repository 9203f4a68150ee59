//! Log lines and metrics: JSON lines on standard output.
//!
//! One line ends every request and is a metric record too (CloudWatch embedded metric format), so that
//! a request costs one line of log. Field names carry their unit. No PAT, JWT or secret is ever handed
//! to this module.

pub(crate) mod caller_hash;
mod log;
mod metrics;
mod request_metrics;
mod summary;

pub(crate) use log::{about_request, error, warn};
pub use request_metrics::RequestMetrics;
pub(crate) use request_metrics::Stage;
pub(crate) use summary::{Ending, Event, end};
