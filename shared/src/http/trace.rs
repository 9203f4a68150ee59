//! The X-Ray trace id of the current invocation, for the calls of the AWS SDK.
//!
//! The SDK reads it from `_X_AMZN_TRACE_ID`. Setting an environment variable is unsafe, and concurrent invocations would
//! share it.

use std::future::Future;

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};

const TRACE_ID_HEADER: HeaderName = HeaderName::from_static("x-amzn-trace-id");

tokio::task_local! {
    static TRACE_ID: Option<HeaderValue>;
}

/// Runs `work` so that its calls of the AWS SDK carry `trace_id`.
pub(crate) async fn with_trace_id<F: Future>(trace_id: Option<&str>, work: F) -> F::Output {
    TRACE_ID.scope(trace_id.and_then(|id| HeaderValue::from_str(id).ok()), work).await
}

/// Adds the trace id. AWS's signatures do not cover it.
pub(super) fn add_trace_id(headers: &mut HeaderMap) {
    if let Ok(Some(trace_id)) = TRACE_ID.try_with(Clone::clone) {
        headers.insert(TRACE_ID_HEADER, trace_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_trace_id_is_that_of_the_invocation() {
        let headers = async || {
            let mut headers = HeaderMap::new();
            add_trace_id(&mut headers);
            headers.get(TRACE_ID_HEADER).map(|id| id.to_str().unwrap().to_owned())
        };
        assert_eq!(headers().await, None);
        for (trace_id, expected) in [
            (Some("Root=1-a;Sampled=1"), Some("Root=1-a;Sampled=1")),
            (Some("a\r\nb: c"), None),
            (None, None),
        ] {
            assert_eq!(with_trace_id(trace_id, headers()).await.as_deref(), expected);
        }
    }
}
