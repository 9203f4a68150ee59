//! Configuration: address, accounts and their event types.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use chrono::TimeDelta;
use chrono_tz::Tz;

/// PAT of Robin Sample, the owner of the default organization, in Lisbon.
pub const DEFAULT_PAT: &str = "sandbox-pat";
const DEFAULT_USER: &str = "Robin Sample";

/// PAT of Kim Sample, a member of Robin's organization, in Helsinki.
pub const KIM_PAT: &str = "kim-pat";
/// PAT of Noor Sample, a member of Robin's organization, in New York. The working hours of the three users
/// overlap only in part.
pub const NOOR_PAT: &str = "noor-pat";

/// Configuration of a sandbox.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on; port 0 selects a free one.
    pub listen: SocketAddr,
    /// The initial PATs and their users.
    pub pats: Vec<Account>,
    /// The issuer's base URL, if clients reach the sandbox at an address other than the one it listens on (for example,
    /// from a container).
    pub public_url: Option<String>,
    /// The audience (`aud`) of issued tokens.
    pub audience: String,
    /// Rate limit of each Calendly user, in requests per minute. Paid plans have 500.
    pub rate_limit: u32,
    /// Interval at which users' busy times change; `None` for never.
    pub bookings_change: Option<TimeDelta>,
    /// A directory of static files to serve, `index.html` at `/`.
    pub pages: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            pats: default_accounts(),
            public_url: None,
            audience: "calendly-functions".to_owned(),
            rate_limit: 500,
            bookings_change: None,
            pages: None,
        }
    }
}

fn default_accounts() -> Vec<Account> {
    let member = |pat, name, timezone| Account {
        colleague_of: Some(DEFAULT_USER.to_owned()),
        timezone,
        ..Account::new(pat).with_user(name)
    };
    vec![
        Account::new(DEFAULT_PAT).with_user(DEFAULT_USER),
        member(KIM_PAT, "Kim Sample", Tz::Europe__Helsinki),
        member(NOOR_PAT, "Noor Sample", Tz::America__New_York),
    ]
}

/// A personal access token and its Calendly user.
#[derive(Debug, Clone)]
pub struct Account {
    /// The personal access token.
    pub pat: String,
    /// The user's name. PATs with the same name share a user, whose properties come from the first account.
    /// `None` creates a user for this PAT alone.
    pub user: Option<String>,
    /// The name of the user who owns the organization; `None` creates an organization for this user.
    pub colleague_of: Option<String>,
    /// Time zone of the user's working hours: Monday to Friday, 09:00 to 17:00.
    pub timezone: Tz,
    /// The user's event types.
    pub catalog: Catalog,
}

impl Account {
    /// Creates an account in Lisbon with the sample event types and its own user.
    pub fn new(pat: impl Into<String>) -> Self {
        Self {
            pat: pat.into(),
            user: None,
            colleague_of: None,
            timezone: Tz::Europe__Lisbon,
            catalog: Catalog::default(),
        }
    }

    /// Sets the user's name.
    #[must_use]
    pub fn with_user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// Sets the user's event types.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = catalog;
        self
    }
}

impl From<&str> for Account {
    fn from(pat: &str) -> Self {
        Self::new(pat)
    }
}

/// The event types of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalog {
    /// One event type of every kind that clients must handle, plus `generated` plain ones.
    Sample {
        /// The number of additional bookable event types.
        generated: usize,
    },
    /// Plain bookable event types with the slugs `session-00001`, `session-00002`, ….
    Plain {
        /// The number of event types.
        count: usize,
    },
}

impl Default for Catalog {
    fn default() -> Self {
        Self::Sample { generated: 0 }
    }
}
