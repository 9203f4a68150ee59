//! Summaries of measurements.

use std::time::Duration;

use serde::Serialize;

/// Median and minimum of measurements.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) minimum: f64,
}

/// Summarizes durations, in milliseconds.
pub(crate) fn milliseconds(durations: impl IntoIterator<Item = Duration>) -> Summary {
    summary(durations.into_iter().map(|duration| duration.as_secs_f64() * 1e3))
}

/// Summarizes at least one number.
pub(crate) fn summary(values: impl IntoIterator<Item = f64>) -> Summary {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = [sorted.len().saturating_sub(1) / 2, sorted.len() / 2].map(|index| sorted[index]);
    Summary { median: (middle[0] + middle[1]) / 2.0, minimum: sorted[0] }
}

/// A percentile by nearest rank.
pub(crate) fn percentile<T: Copy>(sorted: &[T], percent: usize) -> T {
    let rank = (sorted.len() * percent).div_ceil(100);
    *sorted.get(rank.saturating_sub(1)).expect("at least one measurement")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values_and_medians_may_lie_between() {
        let values: Vec<usize> = (1..=200).collect();
        assert_eq!([0, 1, 50, 99, 100].map(|percent| percentile(&values, percent)), [1, 2, 100, 198, 200]);
        let Summary { median, minimum } = summary([9.0, 1.0, 4.0, 2.0]);
        assert_eq!((median, minimum), (3.0, 1.0));
        assert_eq!(summary([9.0, 1.0, 4.0]).median, 4.0);
    }
}
