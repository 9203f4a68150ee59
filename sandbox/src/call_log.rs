//! A log of the requests that the sandbox received.

use std::sync::{Arc, Mutex};

use axum::extract::Request;
use serde::Serialize;
use tokio::time::{Duration, Instant};

use crate::intercept::bearer;
use crate::lock;

/// A request to the Calendly API or the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
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
    /// Time of arrival since the start of the sandbox.
    #[serde(skip)]
    pub started_at: Duration,
    /// Time at which the response was ready or the connection was closed; `None` until then.
    #[serde(skip)]
    pub finished_at: Option<Duration>,
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
    pub(crate) fn begin(&self, request: &Request) -> OpenCall {
        let call = Arc::new(Mutex::new(Call {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            bearer: bearer(request.headers()).map(str::to_owned),
            status: None,
            started_at: self.epoch.elapsed(),
            finished_at: None,
        }));
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
