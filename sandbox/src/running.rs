//! A sandbox that runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::calendly::accounts::Found;
use crate::calendly::uri::id_of;
use crate::world::World;
use crate::{Account, Call, Config, Fault, KeyError, Mint, pages, routes, server};

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on: in use, not this machine's, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The issuer's keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// A running sandbox. It stops, with all of its connections, when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    address: SocketAddr,
    accepted: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Listens, and serves in the background of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, or the issuer's keys cannot be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let mut address = listener.local_addr().map_err(listen_error)?;
        if address.ip().is_unspecified() {
            // It listens everywhere; from here it is reached so.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let world = Arc::new(World::new(&config, &format!("http://{address}"))?);
        let router = routes::router(&world);
        let router = match &config.pages {
            Some(directory) => pages::before(directory, router),
            None => router,
        };
        let accepted = Arc::new(AtomicU64::new(0));
        let server = tokio::spawn(server::serve(listener, router, Arc::clone(&accepted)));
        Ok(Self { world, address, accepted, server })
    }

    /// Where Calendly is, seen from this machine: `http://`, address and port.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The issuer's name, the `iss` of its tokens.
    #[must_use]
    pub fn issuer_url(&self) -> String {
        self.world.issuer.url().to_owned()
    }

    /// A good access token for the subject `demo`.
    #[must_use]
    pub fn token(&self) -> String {
        self.mint(Mint::default())
    }

    /// A token that is as good or as bad as asked.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "signing fails only on a machine without randomness, where no test makes sense"
    )]
    pub fn mint(&self, mint: Mint) -> String {
        self.world.issuer.mint(&mint).expect("the test keys sign while there is randomness")
    }

    /// Replaces the RS256 key by another under a new kid; the old one is no longer published.
    pub fn rotate_keys(&self) {
        self.world.issuer.rotate();
    }

    /// Makes the next calls of exactly this path go wrong, after what was ordered for it before.
    pub fn fault(&self, path: &str, times: u32, fault: Fault) {
        self.world.faults.add(path, times, fault);
    }

    /// Forgets the faults still to come.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// The calls of Calendly and of the issuer so far, in the order in which they came.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.world.calls.snapshot()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.world.calls.forget();
    }

    /// How many connections were accepted so far, those without a call included.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Adds an account, or just its PAT to a user who is there.
    pub fn add_account(&self, account: impl Into<Account>) {
        self.world.accounts.add(&account.into());
    }

    /// Makes a PAT worthless.
    pub fn revoke_pat(&self, pat: &str) {
        self.world.accounts.revoke(pat);
    }

    /// When an event type that the user of this PAT may read can be booked, in a range, at the moment `now`.
    #[must_use]
    pub fn starts(
        &self,
        pat: &str,
        event_type_uri: &str,
        range: (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let World { accounts, policy, .. } = &*self.world;
        let found = accounts.of_pat(pat).zip(id_of(event_type_uri, "event_types"));
        match found.map(|(access, id)| accounts.event_type(&access.caller, id)) {
            Some(Found::Readable(owned)) => policy.starts(&owned.owner.user, &owned.event_type, range, now),
            _ => Vec::new(),
        }
    }

    /// The URI of the event type with this slug, if the user of this PAT has one; also of one that
    /// is missing from Calendly's list.
    #[must_use]
    pub fn event_type_uri(&self, pat: &str, slug: &str) -> Option<String> {
        self.world.accounts.event_type_uri(pat, slug)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
