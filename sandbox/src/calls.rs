//! What the sandbox was asked.

use std::sync::{Arc, Mutex};

use serde::{Serialize, Serializer};
use tokio::time::{Duration, Instant};

use crate::lock::lock;

/// One call of Calendly or of the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The connection it came over, counted from 1.
    pub connection: u64,
    /// The request method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it was sent, still percent-encoded.
    pub query: Option<String>,
    /// What was sent as a bearer token.
    pub bearer: Option<String>,
    /// The status answered; none while there is no answer, and for good where none was given.
    pub status: Option<u16>,
    /// When it came, counted from the start of the sandbox; whole microseconds in JSON.
    #[serde(rename = "started_at_us", serialize_with = "microseconds")]
    pub started_at: Duration,
    /// When its answer was ready or its connection gone; none while it is being answered.
    #[serde(rename = "finished_at_us", serialize_with = "microseconds_if_any")]
    pub finished_at: Option<Duration>,
}

fn microseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn microseconds_if_any<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => microseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

/// The calls so far, in the order in which they came.
#[derive(Debug)]
pub(crate) struct CallLog {
    epoch: Instant,
    calls: Mutex<Vec<Arc<Mutex<Call>>>>,
}

impl CallLog {
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), calls: Mutex::default() }
    }

    /// Notes a call; it counts as finished when the record is dropped.
    pub(crate) fn begin(self: &Arc<Self>, mut call: Call) -> CallRecord {
        call.started_at = self.epoch.elapsed();
        let call = Arc::new(Mutex::new(call));
        lock(&self.calls).push(Arc::clone(&call));
        CallRecord { epoch: self.epoch, call }
    }

    pub(crate) fn snapshot(&self) -> Vec<Call> {
        lock(&self.calls).iter().map(|call| lock(call).clone()).collect()
    }

    pub(crate) fn forget(&self) {
        lock(&self.calls).clear();
    }
}

/// A call that is being answered.
#[derive(Debug)]
pub(crate) struct CallRecord {
    epoch: Instant,
    call: Arc<Mutex<Call>>,
}

impl CallRecord {
    pub(crate) fn answered(&self, status: u16) {
        lock(&self.call).status = Some(status);
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        lock(&self.call).finished_at = Some(self.epoch.elapsed());
    }
}
