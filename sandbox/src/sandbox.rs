//! A running sandbox and its controls for tests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_http::services::ServeDir;

use crate::app_state::AppState;
use crate::{Account, Call, Config, Fault, Mint, calendly, controls, intercept, issuer, server};

/// A running sandbox. Dropping it stops the server and closes all connections.
#[derive(Debug)]
pub struct Sandbox {
    state: Arc<AppState>,
    address: SocketAddr,
    accepted: Arc<AtomicU64>,
    /// Aborted on drop.
    _server: JoinSet<()>,
}

impl Sandbox {
    /// Starts a sandbox in the background of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// The address is not available.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let mut address = listener.local_addr()?;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let state = Arc::new(AppState::new(&config, &format!("http://{address}")));
        let accepted = Arc::new(AtomicU64::new(0));
        let mut server = JoinSet::new();
        server.spawn(server::serve(listener, router(&state, &config), Arc::clone(&accepted)));
        Ok(Self { state, address, accepted, _server: server })
    }

    /// Returns the base URL of the Calendly API: `http://`, address and port.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the issuer's name, the `iss` of its tokens.
    #[must_use]
    pub fn issuer_url(&self) -> String {
        self.state.issuer.url().to_owned()
    }

    /// Returns a valid access token for the subject `demo`.
    #[must_use]
    pub fn token(&self) -> String {
        self.mint(Mint::default())
    }

    /// Signs a valid or invalid token.
    #[must_use]
    pub fn mint(&self, mint: Mint) -> String {
        self.state.issuer.mint(&mint)
    }

    /// Replaces the RSA key with another one under a new `kid`; the old key is no longer published.
    pub fn rotate_keys(&self) {
        self.state.issuer.rotate();
    }

    /// Injects a fault into the next `times` requests for exactly this path, after earlier faults for it.
    pub fn fault(&self, path: &str, times: u32, fault: Fault) {
        self.state.interceptor.faults.add(path, times, fault);
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.state.interceptor.faults.clear();
    }

    /// Returns the requests to the Calendly API and the issuer, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state.interceptor.calls.snapshot()
    }

    /// Clears the recorded requests.
    pub fn forget_calls(&self) {
        self.state.interceptor.calls.clear();
    }

    /// Returns the number of accepted connections, including those without a request.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Adds a PAT, and its user if no user has that name.
    pub fn add_account(&self, account: impl Into<Account>) {
        self.state.accounts.add(&account.into());
    }

    /// Revokes a PAT.
    pub fn revoke_pat(&self, pat: &str) {
        self.state.accounts.revoke(pat);
    }

    /// Returns the available start times of an event type at the time `now`; empty if the PAT cannot read it.
    #[must_use]
    pub fn starts(
        &self,
        pat: &str,
        event_type_uri: &str,
        range: (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let AppState { accounts, schedule, .. } = &*self.state;
        let caller = accounts.by_pat(pat).zip(calendly::id_from_uri(event_type_uri, "event_types"));
        match caller.map(|(caller, id)| accounts.event_type(&caller, id)) {
            Some(Ok((owner, event_type))) => schedule.starts(&owner.user, &event_type, range, now),
            _ => Vec::new(),
        }
    }

    /// Returns the URI of a PAT's user.
    #[must_use]
    pub fn user_uri(&self, pat: &str) -> Option<String> {
        self.state.accounts.user_uri(pat)
    }

    /// Returns the URI of the user's event type with this slug, even if Calendly's list omits it.
    #[must_use]
    pub fn event_type_uri(&self, pat: &str, slug: &str) -> Option<String> {
        self.state.accounts.event_type_uri(pat, slug)
    }
}

fn router(state: &Arc<AppState>, config: &Config) -> Router {
    let interceptor = Arc::clone(&state.interceptor);
    let routes = calendly::router(state)
        .merge(issuer::router(state))
        .layer(from_fn_with_state(interceptor, intercept::intercept))
        .merge(controls::router(state))
        .layer(DefaultBodyLimit::disable());
    match &config.pages {
        None => routes,
        Some(directory) => {
            let files = ServeDir::new(directory).call_fallback_on_method_not_allowed(true).fallback(routes);
            Router::new().fallback_service(files)
        }
    }
}
