//! What is seen of processes that are watched closely.

use std::{fmt, sync::Mutex, time::Duration};

/// The worst of many processes and answers.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Worst>);

#[derive(Debug, Default)]
struct Worst {
    /// The most memory that any process took, in bytes.
    memory: u64,
    /// The least time that was left when an answer came.
    left: Option<Duration>,
}

impl Seen {
    /// Of a process, the most memory that it took, in bytes.
    ///
    /// # Panics
    ///
    /// Somebody panicked here.
    pub fn memory(&self, bytes: u64) {
        let mut worst = self.0.lock().expect("no panic while locked");
        worst.memory = worst.memory.max(bytes);
    }

    /// Of an answer, how long before the deadline it came.
    ///
    /// # Panics
    ///
    /// As [`Self::memory`].
    pub fn left(&self, left: Duration) {
        let mut worst = self.0.lock().expect("no panic while locked");
        worst.left = Some(worst.left.map_or(left, |other| other.min(left)));
    }
}

impl fmt::Display for Seen {
    /// Memory in MB and time in seconds, as two cells of a table.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = self.0.lock().expect("no panic while locked");
        let tenths = worst.memory.div_ceil(100_000);
        let left = worst.left.unwrap_or_default().as_secs_f64();
        write!(formatter, "{}.{} MB | {left:.1} s", tenths / 10, tenths % 10)
    }
}
