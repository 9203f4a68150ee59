//! Init: creates the services that requests share, and prepares them before the first event.

use std::time::Duration;

use crate::{
    Error,
    auth::Authenticator,
    calendly::{CacheMode, Calendly, CalendlyService},
    config::Config,
    http::{HttpClient, Tls},
    lambda::deadline::Deadline,
    pat::{PatProvider, secrets_manager::SecretsManager},
    telemetry::{self, RequestMetrics, caller_hash::CallerHash},
};

/// The time limit of the preparation. Lambda's limit for init is 10 s.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The services that all requests share.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) authenticator: Authenticator,
    pub(super) pat_provider: PatProvider,
    pub(super) calendly: CalendlyService,
    /// With `CALLER_HASH_SECRET_ID`.
    pub(super) caller_hash: Option<CallerHash>,
}

impl Services {
    /// The services of a configuration.
    ///
    /// # Errors
    ///
    /// A sentence, if TLS cannot be set up as configured.
    pub(super) fn new(config: Config) -> Result<Self, String> {
        let tls = Tls::new(config.aws.ca_bundle.as_deref())?;
        let http = HttpClient::new(&tls)?;
        let secrets = SecretsManager::new(&config.aws, http.clone());
        let caller_hash = config.caller_hash_secret_id.map(|id| CallerHash::new(id, secrets.clone()));
        Ok(Self {
            caller_hash,
            calendly: CalendlyService::new(config.calendly, config.table, config.pat_cache, &tls)?,
            authenticator: Authenticator::new(config.issuer, config.token_rules, http, secrets.clone()),
            pat_provider: PatProvider::new(config.pat_secret_id, secrets, config.pat_cache),
        })
    }

    /// Reads the key of the caller hash, if configured.
    ///
    /// # Errors
    ///
    /// A sentence that says why the key could not be read.
    pub(super) async fn preload_caller_hash(&self) -> Result<(), String> {
        match &self.caller_hash {
            Some(caller_hash) => caller_hash.preload().await,
            None => Ok(()),
        }
    }

    /// Reads the shared PAT and, with a table, the cached URI of its user.
    async fn preload_pat(&self, metrics: &RequestMetrics) -> Result<(), Error> {
        let (pat, connection) =
            tokio::join!(self.pat_provider.preload(metrics), self.calendly.preconnect_to_table());
        if let Err(reason) = connection {
            telemetry::warn("no connection to the table of CACHE_TABLE yet", &reason);
        } else if let Ok(Some(pat)) = &pat {
            let deadline = Deadline::within(TIMEOUT);
            let calendly = Calendly::new(&self.calendly, pat.clone(), deadline, CacheMode::Use, metrics);
            calendly.read_remote_user_uri().await;
        }
        pat.map(drop)
    }

    /// Fetches the issuer's keys, reads the shared PAT and preconnects to Calendly, concurrently. A failure is logged,
    /// and the first request tries again.
    pub(super) async fn prepare(&self) {
        let metrics = RequestMetrics::default();
        let all = async {
            tokio::join!(
                self.authenticator.preload(),
                self.preload_pat(&metrics),
                self.calendly.preconnect(),
                self.preload_caller_hash()
            )
        };
        match tokio::time::timeout(TIMEOUT, all).await {
            Ok((_, pat, connection, caller_hash)) => {
                if let Err(reason) = caller_hash {
                    telemetry::warn("no key to hash callers with yet", &reason);
                }
                if let Err(error @ Error::PatMissing(_)) = pat {
                    telemetry::warn("no Calendly token yet", &error.to_string());
                }
                if let Err(reason) = connection {
                    telemetry::warn("no connection to Calendly yet", &reason);
                }
            }
            Err(_) => telemetry::warn("not everything is ready", "init took longer than 3 s"),
        }
    }
}
