//! Whether a call to Calendly is tried again, and when: a pure function of what happened, how many tries
//! there were, and how much time is left.

use std::time::Duration;

/// The first wait is at most this long, the next twice as long, and so on.
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);

/// No back-off is longer.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);

/// What must be left after the wait for another try to make sense.
const SHORTEST_TRY: Duration = Duration::from_millis(100);

/// How a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, a reset, a time-out, or an answer that broke off.
    Connection,
    /// An error status, and how long Calendly asks to wait (`Retry-After`, `X-RateLimit-Reset`).
    Status { status: u16, wait: Option<Duration> },
}

/// How long to wait before the next try; `None` for no other.
///
/// `tries` is how many there were so far, at least 1. `jitter` is drawn from `0.0..1.0`: the wait is a
/// random part of the back-off (full jitter), so that callers that failed together do not come back
/// together. A wait that Calendly asks for is kept in full, or not at all if it does not fit.
pub(super) fn wait_before_next_try(
    failure: Failure,
    tries: u32,
    max_retries: u32,
    time_left: Duration,
    jitter: f64,
) -> Option<Duration> {
    if tries > max_retries {
        return None;
    }
    let back_off =
        FIRST_BACK_OFF.saturating_mul(2u32.saturating_pow(tries - 1)).min(LONGEST_BACK_OFF).mul_f64(jitter);
    let wait = match failure {
        Failure::Connection => back_off,
        Failure::Status { status: 502..=504, wait } => wait.unwrap_or_default().max(back_off),
        Failure::Status { status: 429, wait: Some(wait) } => wait.max(back_off),
        Failure::Status { .. } => return None,
    };
    (wait + SHORTEST_TRY <= time_left).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table() {
        use Failure::{Connection, Status};
        let ms = Duration::from_millis;
        let status = |status| Status { status, wait: None };
        let asking = |status, seconds| Status { status, wait: Some(Duration::from_secs(seconds)) };
        let plenty = Duration::from_secs(20);
        for (failure, tries, max_retries, time_left, jitter, expected) in [
            // What is tried again, with a growing share of chance.
            (Connection, 1, 2, plenty, 0.5, Some(ms(50))),
            (Connection, 2, 2, plenty, 0.5, Some(ms(100))),
            (Connection, 1, 2, plenty, 0.0, Some(ms(0))),
            (Connection, 9, 10, plenty, 1.0, Some(ms(2_000))),
            (status(502), 1, 2, plenty, 1.0, Some(ms(100))),
            (status(503), 1, 2, plenty, 1.0, Some(ms(100))),
            (status(504), 2, 2, plenty, 1.0, Some(ms(200))),
            // No more tries than allowed.
            (Connection, 3, 2, plenty, 0.5, None),
            (Connection, 1, 0, plenty, 0.5, None),
            (status(503), 3, 2, plenty, 0.5, None),
            (asking(429, 1), 3, 2, plenty, 0.5, None),
            // Nothing else is tried again.
            (status(400), 1, 2, plenty, 0.5, None),
            (status(401), 1, 2, plenty, 0.5, None),
            (status(403), 1, 2, plenty, 0.5, None),
            (status(404), 1, 2, plenty, 0.5, None),
            (status(500), 1, 2, plenty, 0.5, None),
            (status(501), 1, 2, plenty, 0.5, None),
            (status(505), 1, 2, plenty, 0.5, None),
            (asking(500, 1), 1, 2, plenty, 0.5, None),
            // A wait that Calendly asks for is kept, if it fits.
            (asking(429, 1), 1, 2, plenty, 0.5, Some(ms(1_000))),
            (asking(429, 0), 1, 2, plenty, 0.5, Some(ms(50))),
            (asking(429, 60), 1, 2, plenty, 0.5, None),
            (status(429), 1, 2, plenty, 0.5, None),
            (asking(503, 3), 1, 2, plenty, 0.5, Some(ms(3_000))),
            (asking(503, 60), 1, 2, plenty, 0.5, None),
            // Never past the deadline.
            (Connection, 1, 2, ms(149), 0.5, None),
            (Connection, 1, 2, ms(150), 0.5, Some(ms(50))),
            (asking(429, 2), 1, 2, ms(2_099), 0.5, None),
            (asking(429, 2), 1, 2, ms(2_100), 0.5, Some(ms(2_000))),
            (Connection, 1, 2, Duration::ZERO, 0.0, None),
        ] {
            assert_eq!(
                wait_before_next_try(failure, tries, max_retries, time_left, jitter),
                expected,
                "{failure:?} after {tries} of {max_retries} more, {time_left:?} left"
            );
        }
    }
}
