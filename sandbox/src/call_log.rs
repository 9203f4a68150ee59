//! A log of the requests that the sandbox received.

use std::sync::{Arc, Mutex};

use serde::{Serialize, Serializer};
use tokio::time::{Duration, Instant};

use crate::lock;

/// A request to the Calendly API or the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Number of the connection, counted from 1.
    pub connection: u64,
    /// The request method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, percent-encoded as received.
    pub query: Option<String>,
    /// The bearer token.
    pub bearer: Option<String>,
    /// The response status; `None` until there is a response.
    pub status: Option<u16>,
    /// Time of arrival since the start of the sandbox; whole microseconds in JSON.
    #[serde(rename = "started_at_us", serialize_with = "microseconds")]
    pub started_at: Duration,
    /// Time at which the response was ready or the connection was closed; `None` until then.
    #[serde(rename = "finished_at_us", serialize_with = "optional_microseconds")]
    pub finished_at: Option<Duration>,
}

fn microseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn optional_microseconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => microseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

/// Requests in order of arrival.
#[derive(Debug)]
pub(crate) struct CallLog {
    epoch: Instant,
    calls: Mutex<Vec<Arc<Mutex<Call>>>>,
}

impl Default for CallLog {
    fn default() -> Self {
        Self { epoch: Instant::now(), calls: Mutex::default() }
    }
}

impl CallLog {
    /// Records a request; dropping the returned guard marks it as finished.
    pub(crate) fn begin(&self, mut call: Call) -> OpenCall {
        call.started_at = self.epoch.elapsed();
        let call = Arc::new(Mutex::new(call));
        lock(&self.calls).push(Arc::clone(&call));
        OpenCall { epoch: self.epoch, call }
    }

    pub(crate) fn snapshot(&self) -> Vec<Call> {
        lock(&self.calls).iter().map(|call| lock(call).clone()).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.calls).clear();
    }
}

/// A request that is not finished.
#[derive(Debug)]
pub(crate) struct OpenCall {
    epoch: Instant,
    call: Arc<Mutex<Call>>,
}

impl OpenCall {
    pub(crate) fn set_status(&self, status: u16) {
        lock(&self.call).status = Some(status);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        lock(&self.call).finished_at = Some(self.epoch.elapsed());
    }
}
