//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::Clock;

/// The PAT of Robin Sample, the first user that a sandbox has by default: in Lisbon, and the owner of an
/// organization.
pub const DEFAULT_PAT: &str = "sandbox-pat";
/// The user of [`DEFAULT_PAT`].
const DEFAULT_USER: &str = "Robin Sample";

/// The PAT of Kim Sample, a colleague of Robin's in Helsinki.
pub const KIM_PAT: &str = "kim-pat";
/// The PAT of Noor Sample, a colleague of both in New York. The working hours of the three overlap only in
/// part.
pub const NOOR_PAT: &str = "noor-pat";

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
    /// How often people book and cancel, so that users are busy at other times from then on; never, if none.
    pub bookings_change: Option<TimeDelta>,
    /// A directory whose files are served, `index.html` for `/`.
    pub pages: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            clock: Clock::System,
            pats: default_pats(),
            public_url: None,
            audience: "calendly-functions".to_owned(),
            scope: "calendly:read".to_owned(),
            rate_limit: 500,
            minimum_notice: TimeDelta::hours(4),
            // Long enough that a range of a year has slots from end to end.
            booking_horizon: TimeDelta::days(400),
            bookings_change: None,
            pages: None,
        }
    }
}

fn default_pats() -> Vec<Account> {
    vec![
        Account::new(DEFAULT_PAT).of_user(DEFAULT_USER),
        Account::new(KIM_PAT)
            .of_user("Kim Sample")
            .colleague_of(DEFAULT_USER)
            .in_timezone(Tz::Europe__Helsinki),
        Account::new(NOOR_PAT)
            .of_user("Noor Sample")
            .colleague_of(DEFAULT_USER)
            .in_timezone(Tz::America__New_York),
    ]
}

/// A personal access token and the Calendly user that it belongs to.
#[derive(Debug, Clone)]
pub struct Account {
    /// The personal access token.
    pub pat: String,
    /// What it may be used for; none for everything, as with PATs that are older than scopes.
    pub scopes: Option<Vec<Scope>>,
    /// The user's name. PATs with the same name are PATs of the same user, to whom what follows applies
    /// as the first of them has it; without a name the PAT has a user of its own.
    pub user: Option<String>,
    /// The name of the user who owns the organization; none for a user who owns one.
    pub colleague_of: Option<String>,
    /// The zone of the user's working hours: Monday to Friday, 09:00 to 17:00.
    pub timezone: Tz,
    /// The user's event types.
    pub catalogue: Catalogue,
}

impl Account {
    /// An account in Lisbon with the sample catalogue and a user of its own.
    pub fn new(pat: impl Into<String>) -> Self {
        Self {
            pat: pat.into(),
            scopes: None,
            user: None,
            colleague_of: None,
            timezone: Tz::Europe__Lisbon,
            catalogue: Catalogue::default(),
        }
    }

    /// The same account for the user of this name.
    #[must_use]
    pub fn of_user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The same account with a PAT that may be used for this alone.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl Into<Vec<Scope>>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// The same account in the organization of the user of this name.
    #[must_use]
    pub fn colleague_of(mut self, owner: impl Into<String>) -> Self {
        self.colleague_of = Some(owner.into());
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

/// What a PAT may be used for (calendly-api, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Users.
    #[serde(rename = "users:read")]
    Users,
    /// Event types.
    #[serde(rename = "event_types:read")]
    EventTypes,
    /// Available times.
    #[serde(rename = "availability:read")]
    Availability,
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
