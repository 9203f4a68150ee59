//! Stand-ins for Calendly, the token issuer and Secrets Manager, on a separate thread.

use std::{collections::BTreeMap, sync::mpsc, thread};

use end_to_end::{AVAILABLE_TIMES, Authority, EVENT_TYPES as EVENT_TYPES_PATH, ME, SecretsManager, TcpProxy};
use sandbox::{Account, Catalog, Config, DEFAULT_PAT, Fault, Sandbox};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Builder, sync::oneshot};

use crate::workspace;

/// The secret that holds the PAT.
pub(crate) const PAT_SECRET_ID: &str = "calendly/pat";

/// Transport and latency of the stand-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conditions {
    /// Plain HTTP without latency.
    #[serde(rename = "at_once")]
    NoLatency,
    /// Plain HTTP with 20 ms for Calendly, 10 ms for the issuer, and [`SECRETS_MANAGER_LATENCY`].
    Latency,
    /// TLS without latency.
    Tls,
}

/// The latency of Secrets Manager.
pub(crate) const SECRETS_MANAGER_LATENCY: Fault = Fault::Delay { milliseconds: 5 };

/// The default number of the user's event types.
pub(crate) const EVENT_TYPES: usize = 20;

/// Number of faults: all calls.
pub(crate) const ALWAYS: u32 = u32::MAX;

/// Running stand-ins, which stop on drop.
pub(crate) struct StandIns {
    pub(crate) sandbox: Sandbox,
    pub(crate) secrets_manager: SecretsManager,
    /// The number of the user's event types.
    pub(crate) event_types: usize,
    /// Environment variables with their addresses and certificates.
    pub(crate) variables: BTreeMap<String, String>,
    _tls: Option<Tls>,
    _running: oneshot::Sender<()>,
}

/// TLS in front of both stand-ins.
struct Tls {
    authority: Authority,
    sandbox: TcpProxy,
    secrets_manager: TcpProxy,
}

impl StandIns {
    /// Starts stand-ins for a user with `event_types` event types.
    pub(crate) fn start(conditions: Conditions, event_types: usize) -> Self {
        let (started, start) = mpsc::channel();
        let (running, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                started.send(set_up(conditions, event_types, running).await).expect("the caller waits");
                // Ends when the sender is dropped.
                let _ = stopped.await;
            });
        });
        start.recv().expect("the stand-ins start")
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Calls {
        let calls = self.sandbox.calls();
        let (issuer, calendly): (Vec<_>, Vec<_>) =
            calls.iter().partition(|call| call.path.starts_with("/issuer"));
        Calls {
            calendly: calendly.len(),
            issuer: issuer.len(),
            secrets_manager: self.secrets_manager.reads(),
        }
    }

    /// Resets the counts.
    pub(crate) fn forget_calls(&self) {
        self.sandbox.forget_calls();
        self.secrets_manager.forget_calls();
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
    /// The calls of each of `requests` equal requests.
    ///
    /// # Panics
    ///
    /// The requests were not equal.
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

async fn set_up(conditions: Conditions, event_types: usize, running: oneshot::Sender<()>) -> StandIns {
    let tls = (conditions == Conditions::Tls).then(|| {
        let authority = Authority::new(&workspace::file("target"));
        let [sandbox, secrets_manager] = [(), ()].map(|()| TcpProxy::new(Some(&authority)));
        Tls { authority, sandbox, secrets_manager }
    });
    let account = Account::new(DEFAULT_PAT).with_catalog(Catalog::Plain { count: event_types });
    let config = Config {
        pats: vec![account],
        rate_limit: u32::MAX,
        public_url: tls.as_ref().map(|tls| tls.sandbox.url.clone()),
        ..Config::default()
    };
    let sandbox = Sandbox::start(config).await.expect("the sandbox starts");
    let secrets_manager = SecretsManager::with_secret(PAT_SECRET_ID, DEFAULT_PAT).await;
    if conditions == Conditions::Latency {
        for (path, milliseconds) in [
            (ME, 20),
            (EVENT_TYPES_PATH, 20),
            (AVAILABLE_TIMES, 20),
            ("/issuer/.well-known/openid-configuration", 10),
            ("/issuer/jwks", 10),
        ] {
            sandbox.fault(path, ALWAYS, Fault::Delay { milliseconds });
        }
        secrets_manager.set_fault(SECRETS_MANAGER_LATENCY);
    }
    let (mut sandbox_url, mut secrets_url) = (sandbox.base_url(), secrets_manager.endpoint.clone());
    let mut variables = BTreeMap::new();
    if let Some(tls) = &tls {
        tls.sandbox.set_upstream(&sandbox_url);
        tls.secrets_manager.set_upstream(&secrets_url);
        (sandbox_url, secrets_url) = (tls.sandbox.url.clone(), tls.secrets_manager.url.clone());
        // The names in the AWS SDKs and in Python's requests.
        for name in ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
            variables.insert(name.to_owned(), tls.authority.bundle().to_owned());
        }
    }
    let addresses = [
        ("CALENDLY_PAT_SECRET_ID", PAT_SECRET_ID.to_owned()),
        ("CALENDLY_BASE_URL", sandbox_url),
        ("JWT_ISSUER", sandbox.issuer_url()),
        ("JWT_AUDIENCE", "calendly-functions".to_owned()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_url),
    ];
    variables.extend(addresses.map(|(name, value)| (name.to_owned(), value)));
    StandIns { sandbox, secrets_manager, event_types, variables, _tls: tls, _running: running }
}
