//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::Clock;

/// The PAT of the account that a sandbox has by default.
pub const DEFAULT_PAT: &str = "sandbox-pat";

/// How a sandbox behaves. The same seed, accounts and fixed clock give the same answers.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Decides identifiers, dates and which times are busy.
    pub seed: u64,
    /// What time it is for Calendly.
    pub clock: Clock,
    /// Who has a PAT from the start.
    pub pats: Vec<Account>,
    /// The base URL under which others reach the sandbox, where that is not the address it listens
    /// on (from a container, for example). The issuer names itself by it.
    pub public_url: Option<String>,
    /// The audience (`aud`) of the tokens issued.
    pub audience: String,
    /// The scopes that the issuer grants, separated by spaces.
    pub scope: String,
    /// Requests a minute that each Calendly user may make (calendly-api: 500 on paid plans).
    pub rate_limit: u32,
    /// How long before its start a slot can still be booked.
    pub minimum_notice: TimeDelta,
    /// How far ahead slots can be booked.
    pub booking_horizon: TimeDelta,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            clock: Clock::System,
            pats: vec![Account::new(DEFAULT_PAT).of_user("Robin Sample")],
            public_url: None,
            audience: "calendly-functions".to_owned(),
            scope: "calendly:read".to_owned(),
            rate_limit: 500,
            minimum_notice: TimeDelta::hours(4),
            // Long enough that a range of a year has slots from end to end.
            booking_horizon: TimeDelta::days(400),
        }
    }
}

/// A personal access token and the Calendly user that it belongs to.
#[derive(Debug, Clone)]
pub struct Account {
    /// The personal access token.
    pub pat: String,
    /// The user's name. PATs with the same name are PATs of the same user, to whom the zone and the
    /// catalogue of the first apply; without a name the PAT has a user of its own.
    pub user: Option<String>,
    /// The zone of the user's working hours: Monday to Friday, 09:00 to 17:00.
    pub timezone: Tz,
    /// The user's event types.
    pub catalogue: Catalogue,
}

impl Account {
    /// An account in Lisbon with the sample catalogue and a user of its own.
    pub fn new(pat: impl Into<String>) -> Self {
        Self { pat: pat.into(), user: None, timezone: Tz::Europe__Lisbon, catalogue: Catalogue::default() }
    }

    /// The same account for the user of this name.
    #[must_use]
    pub fn of_user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The same account in another zone.
    #[must_use]
    pub fn in_timezone(mut self, timezone: Tz) -> Self {
        self.timezone = timezone;
        self
    }

    /// The same account with other event types.
    #[must_use]
    pub fn with_catalogue(mut self, catalogue: Catalogue) -> Self {
        self.catalogue = catalogue;
        self
    }
}

impl From<&str> for Account {
    fn from(pat: &str) -> Self {
        Self::new(pat)
    }
}

/// Which event types an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// One of every kind that a client must cope with, and this many plain ones more.
    Sample {
        /// How many generated event types are added, all of them bookable.
        generated: usize,
    },
    /// So many plain ones, all of them bookable, with the slugs `session-00001`, `session-00002`, ….
    Plain {
        /// How many.
        count: usize,
    },
    /// Only those of the sample that cannot be booked: inactive, deleted and polls.
    NothingBookable,
    /// None, as a new account has.
    Empty,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::Sample { generated: 0 }
    }
}
