//! The peak memory and the shortest remaining time of many processes and answers.

use std::{fmt, sync::Mutex, time::Duration};

use crate::aws_service::lock;

/// Collects extremes.
#[derive(Debug, Default)]
pub struct Extremes(Mutex<Values>);

#[derive(Debug, Default)]
struct Values {
    peak_memory: u64,
    least_time_left: Option<Duration>,
}

impl Extremes {
    /// Adds the peak memory of a process, in bytes.
    pub fn record_memory(&self, bytes: u64) {
        let mut values = lock(&self.0);
        values.peak_memory = values.peak_memory.max(bytes);
    }

    /// Adds the time between an answer and its deadline.
    pub fn record_time_left(&self, left: Duration) {
        let mut values = lock(&self.0);
        values.least_time_left = Some(values.least_time_left.map_or(left, |least| least.min(left)));
    }
}

impl fmt::Display for Extremes {
    /// Memory in MB and time in seconds, as two table cells.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = lock(&self.0);
        let tenths = values.peak_memory.div_ceil(100_000);
        let left = values.least_time_left.unwrap_or_default().as_secs_f64();
        write!(formatter, "{}.{} MB | {left:.1} s", tenths / 10, tenths % 10)
    }
}
