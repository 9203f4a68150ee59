//! What time it is for the Calendly stand-in.

use chrono::{DateTime, Utc};

/// Where the Calendly stand-in takes the time from.
///
/// The issuer does not use it: whoever checks its tokens goes by the machine's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still, for answers that are the same on every day.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// The present moment.
    #[must_use]
    pub fn now(self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Fixed(moment) => moment,
        }
    }
}
