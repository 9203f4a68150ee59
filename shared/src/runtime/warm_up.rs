//! A warm-up: makes the next request fast.

use serde::Serialize;

use super::init::Services;
use crate::{Error, calendly::Calendly, deadline::Deadline, telemetry::Record};

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
    /// Prepares the issuer's keys, the shared PAT, the URI of its user and a connection to Calendly.
    pub(super) async fn prepare(
        services: &Services,
        cold_start: bool,
        deadline: Deadline,
        record: &Record,
    ) -> Self {
        let keys =
            async { services.authenticator.prepare().await.map_err(|reason| format!("keys: {reason}")) };
        let calendly = async {
            let pat = services.pats.prepare(record).await.map_err(|error| format!("pat: {error}"))?;
            match pat {
                Some(pat) => {
                    let calendly =
                        Calendly::new(&services.calendly, pat, services.pats.max_age(), deadline, record);
                    calendly.user_uri().await.map(drop).map_err(|error: Error| format!("user: {error}"))
                }
                None => services.calendly.connect().await.map_err(|reason| format!("calendly: {reason}")),
            }
        };
        let both = async { tokio::join!(keys, calendly) };
        let unprepared = match tokio::time::timeout_at(deadline.instant(), both).await {
            Ok((keys, calendly)) => [keys, calendly].into_iter().filter_map(Result::err).collect(),
            Err(_) => vec!["time ran out".to_owned()],
        };
        Self { warm: true, cold_start, unprepared }
    }
}
