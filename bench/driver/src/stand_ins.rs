//! What stands in for Calendly, the token issuer and Secrets Manager while something is measured.
//!
//! They run on a thread of their own, as other machines would.

use std::{collections::BTreeMap, sync::mpsc, thread, time::Duration};

use end_to_end::{AVAILABLE_TIMES, AwsFault, SecretsManager};
use sandbox::{Account, Catalogue, Config, DEFAULT_PAT, Fault, Sandbox};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Builder, sync::oneshot};

use crate::tls::Tls;

/// The secret that holds the PAT.
pub(crate) const PAT_SECRET_ID: &str = "calendly/pat";

/// How the stand-ins answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conditions {
    /// Over plain HTTP, as soon as they can.
    AtOnce,
    /// Over plain HTTP, after [`LATENCY`] and [`SECRETS_MANAGER_LATENCY`].
    Latency,
    /// Over TLS, as soon as they can.
    Tls,
}

/// Milliseconds until an answer of each.
struct Latency {
    calendly: u64,
    issuer: u64,
}

const LATENCY: Latency = Latency { calendly: 20, issuer: 10 };

/// Until an answer of Secrets Manager.
pub(crate) const SECRETS_MANAGER_LATENCY: Duration = Duration::from_millis(5);

/// How many event types the user has, unless that is what is looked at.
pub(crate) const EVENT_TYPES: usize = 20;

/// More calls than are ever made.
pub(crate) const ALWAYS: u32 = u32::MAX;

impl Conditions {
    pub(crate) const ALL: [Self; 3] = [Self::AtOnce, Self::Latency, Self::Tls];
}

/// Stand-ins that run. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct StandIns {
    pub(crate) sandbox: Sandbox,
    pub(crate) secrets_manager: SecretsManager,
    /// How many event types the user has.
    pub(crate) event_types: usize,
    /// Where a program finds them, and what it trusts.
    pub(crate) variables: BTreeMap<String, String>,
    _running: oneshot::Sender<()>,
}

impl StandIns {
    /// Stand-ins for a user with so many event types.
    pub(crate) fn start(conditions: Conditions, event_types: usize) -> Self {
        let (started, start) = mpsc::channel();
        let (running, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                started.send(set_up(conditions, event_types).await).expect("somebody waits");
                // An error says that it was dropped.
                let _ = stopped.await;
            });
        });
        let (sandbox, secrets_manager, variables) = start.recv().expect("the stand-ins start");
        Self { sandbox, secrets_manager, event_types, variables, _running: running }
    }

    /// How many calls there were so far: of Calendly, of the issuer, of Secrets Manager.
    pub(crate) fn calls(&self) -> Calls {
        let calls = self.sandbox.calls();
        let (issuer, calendly): (Vec<_>, Vec<_>) =
            calls.iter().partition(|call| call.path.starts_with("/issuer"));
        Calls {
            calendly: calendly.len(),
            issuer: issuer.len(),
            secrets_manager: self.secrets_manager.reads().len(),
        }
    }

    /// Counts from zero again.
    pub(crate) fn forget_calls(&self) {
        self.sandbox.forget_calls();
        self.secrets_manager.clear_calls();
    }
}

/// Calls of the three upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) calendly: usize,
    pub(crate) issuer: usize,
    pub(crate) secrets_manager: usize,
}

impl Calls {
    /// What one of so many equal requests called.
    ///
    /// # Panics
    ///
    /// They were not equal.
    pub(crate) fn each(self, requests: usize) -> Self {
        let each = |calls: usize| {
            assert_eq!(calls % requests, 0, "{calls} calls in {requests} equal requests");
            calls / requests
        };
        Self {
            calendly: each(self.calendly),
            issuer: each(self.issuer),
            secrets_manager: each(self.secrets_manager),
        }
    }
}

async fn set_up(
    conditions: Conditions,
    event_types: usize,
) -> (Sandbox, SecretsManager, BTreeMap<String, String>) {
    let tls = match conditions {
        Conditions::Tls => Some(Tls::new().await),
        Conditions::AtOnce | Conditions::Latency => None,
    };
    let account = Account::new(DEFAULT_PAT).with_catalogue(Catalogue::Plain { count: event_types });
    let config = Config {
        pats: vec![account],
        rate_limit: u32::MAX,
        public_url: tls.as_ref().map(|tls| tls.sandbox.url()),
        ..Config::default()
    };
    let sandbox = Sandbox::start(config).await.expect("the sandbox starts");
    let secrets_manager = SecretsManager::with_secret(PAT_SECRET_ID, DEFAULT_PAT).await;
    if conditions == Conditions::Latency {
        for (path, milliseconds) in [
            ("/users/me", LATENCY.calendly),
            ("/event_types", LATENCY.calendly),
            (AVAILABLE_TIMES, LATENCY.calendly),
            ("/issuer/.well-known/openid-configuration", LATENCY.issuer),
            ("/issuer/jwks", LATENCY.issuer),
        ] {
            sandbox.fault(path, ALWAYS, Fault::Delay { milliseconds });
        }
        secrets_manager.set_fault(AwsFault::Delay(SECRETS_MANAGER_LATENCY));
    }
    let (sandbox_url, secrets_url, bundle) = match tls {
        None => (sandbox.base_url(), secrets_manager.endpoint.clone(), None),
        Some(tls) => {
            let urls = (tls.sandbox.url(), tls.secrets_manager.url());
            tls.sandbox.relay_to(sandbox.base_url());
            tls.secrets_manager.relay_to(secrets_manager.endpoint.clone());
            (urls.0, urls.1, Some(tls.bundle))
        }
    };
    let mut variables = BTreeMap::from(
        [
            ("CALENDLY_PAT_SECRET_ID", PAT_SECRET_ID.to_owned()),
            ("CALENDLY_BASE_URL", sandbox_url),
            ("JWT_ISSUER", sandbox.issuer_url()),
            ("JWT_AUDIENCE", "calendly-functions".to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_url),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(bundle) = bundle {
        // As the AWS SDKs and Python's requests name it.
        for name in ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
            variables.insert(name.to_owned(), bundle.clone());
        }
    }
    (sandbox, secrets_manager, variables)
}
