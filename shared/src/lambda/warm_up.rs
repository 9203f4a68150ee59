//! A warm-up: makes the next request fast.

use std::{future::Future, time::Duration};

use serde::Serialize;

use super::deadline::Deadline;
use super::init::Services;
use crate::{calendly::Calendly, telemetry::RequestMetrics};

/// How long one of several warm-ups keeps its environment busy. Those that are sent at the same moment find
/// it so and go to other environments.
const HOLD: Duration = Duration::from_millis(100);

/// The answer to a warm-up.
#[derive(Debug, Serialize)]
pub(super) struct WarmUp {
    warm: bool,
    cold_start: bool,
    /// What could not be prepared, and why; such a warm-up is still a success.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unprepared: Vec<String>,
}

impl WarmUp {
    /// Prepares the issuer's keys, the shared PAT, the URI of its user and a connection to Calendly; and the key that
    /// callers are hashed with, where they are.
    pub(super) async fn prepare(
        services: &Services,
        cold_start: bool,
        deadline: Deadline,
        metrics: &RequestMetrics,
    ) -> Self {
        let keys =
            async { services.authenticator.prepare().await.map_err(|reason| format!("keys: {reason}")) };
        let calendly = async {
            let user = prepare_user(services, deadline, metrics).await;
            // Where the user was asked for, that left one open.
            let connection = services.calendly.connect().await;
            [user, connection.map_err(|reason| format!("calendly: {reason}"))]
        };
        let caller_hash =
            async { services.prepare_caller_hash().await.map_err(|reason| format!("caller hash: {reason}")) };
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

async fn prepare_user(
    services: &Services,
    deadline: Deadline,
    metrics: &RequestMetrics,
) -> Result<(), String> {
    let pat =
        services.pat_provider.prepare(metrics).await.map_err(|error| format!("pat: {}", error.reason()))?;
    let Some(pat) = pat else { return Ok(()) };
    let calendly = Calendly::new(&services.calendly, pat, deadline, false, metrics);
    calendly.preload_user_uri().await.map_err(|error| format!("user: {}", error.reason()))
}

/// Prepares, and lets the answer out no earlier than after [`HOLD`].
pub(super) async fn held(prepare: impl Future<Output = WarmUp>) -> WarmUp {
    tokio::join!(prepare, tokio::time::sleep(HOLD)).0
}
