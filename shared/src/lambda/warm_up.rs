//! Warm-ups: prepare everything that the next request needs.

use std::time::Duration;

use serde::Serialize;

use super::init::Services;
use crate::{
    calendly::{CacheMode, Calendly},
    lambda::deadline::Deadline,
    telemetry::RequestMetrics,
};

/// How long one of several concurrent warm-ups keeps its environment busy, so that Lambda sends the others to other
/// environments.
pub(super) const MIN_DURATION: Duration = Duration::from_millis(100);

/// The answer to a warm-up.
#[derive(Debug, Serialize)]
pub(super) struct WarmUp {
    warm: bool,
    cold_start: bool,
    /// The parts that could not be prepared, with the reason. The warm-up still succeeds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unprepared: Vec<String>,
}

impl WarmUp {
    /// Prepares the issuer's keys, the shared PAT, the URI of its user, a connection to Calendly and, if configured,
    /// the key of the caller hash.
    pub(super) async fn prepare(
        services: &Services,
        cold_start: bool,
        deadline: Deadline,
        metrics: &RequestMetrics,
    ) -> Self {
        let keys =
            async { services.authenticator.preload().await.map_err(|reason| format!("keys: {reason}")) };
        let calendly = async {
            let user = preload_user(services, deadline, metrics).await;
            // Does nothing if the call for the user has just opened one.
            let connection = services.calendly.preconnect().await;
            [user, connection.map_err(|reason| format!("calendly: {reason}"))]
        };
        let caller_hash =
            async { services.preload_caller_hash().await.map_err(|reason| format!("caller hash: {reason}")) };
        let all = async { tokio::join!(keys, calendly, caller_hash) };
        let unprepared = match tokio::time::timeout_at(deadline.instant(), all).await {
            Ok((keys, [user, connection], caller_hash)) => {
                [keys, user, connection, caller_hash].into_iter().filter_map(Result::err).collect()
            }
            Err(_) => vec!["time ran out".to_owned()],
        };
        Self { warm: true, cold_start, unprepared }
    }
}

async fn preload_user(
    services: &Services,
    deadline: Deadline,
    metrics: &RequestMetrics,
) -> Result<(), String> {
    let pat =
        services.pat_provider.preload(metrics).await.map_err(|error| format!("pat: {}", error.reason()))?;
    let Some(pat) = pat else { return Ok(()) };
    let calendly = Calendly::new(&services.calendly, pat, deadline, CacheMode::Use, metrics);
    calendly.preload_user_uri().await.map_err(|error| format!("user: {}", error.reason()))
}
