//! Retries of a call to Calendly: a decision table, and the loop that follows it.

use std::{future::Future, time::Duration};

use tokio::time::sleep;

use crate::{cache::Backoff, lambda::deadline::Deadline};

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// The longest wait requested by Calendly that is honored. A longer one ends the attempts: a sleeping environment is
/// billed and serves no other request.
const MAX_REQUESTED_WAIT: Duration = Duration::from_secs(2);

/// The minimum time that must be left after the delay for another attempt.
const MIN_ATTEMPT_TIME: Duration = Duration::from_millis(100);

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, a reset, a time-out, or a response that was cut off.
    Connection,
    /// An error status, and the wait that Calendly asks for (`Retry-After`, `X-RateLimit-Reset`).
    Status { status: u16, wait: Option<Duration> },
    /// A failure that a retry cannot fix.
    Permanent,
}

/// A failed attempt, and the error to return if it was the last.
#[derive(Debug)]
pub(super) struct AttemptError<E> {
    pub(super) failure: Failure,
    pub(super) error: E,
}

/// Attempts an operation until it succeeds, its failure is not worth a retry, or the deadline is too close. `attempt`
/// receives the number of the attempt, from 1.
pub(super) async fn retry<T, E, F>(
    max_retries: u32,
    deadline: Deadline,
    attempt: impl Fn(u32) -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, AttemptError<E>>>,
{
    let mut attempts = 1;
    loop {
        let AttemptError { failure, error } = match attempt(attempts).await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        let time_left = deadline.time_left();
        match delay_before_retry(failure, attempts, max_retries, time_left, fastrand::f64()) {
            Some(delay) => sleep(delay).await,
            None => return Err(error),
        }
        attempts += 1;
    }
}

/// The delay before the next attempt; `None` if there is none.
///
/// `attempts` counts those made, at least 1. `jitter` is drawn from `0.0..1.0`. A wait that Calendly asks for is honored in
/// full, or not at all if it is too long or the deadline does not allow it. The statuses 520 to 524 are Cloudflare's for an
/// origin that it cannot reach:
/// <https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>
fn delay_before_retry(
    failure: Failure,
    attempts: u32,
    max_retries: u32,
    time_left: Duration,
    jitter: f64,
) -> Option<Duration> {
    if attempts > max_retries {
        return None;
    }
    let backoff = BACKOFF.delay_with_jitter(attempts, jitter);
    let delay = match failure {
        Failure::Connection => backoff,
        Failure::Status { wait: Some(wait), .. } if wait > MAX_REQUESTED_WAIT => return None,
        Failure::Status { status: 502..=504 | 520..=524, wait } => wait.unwrap_or_default().max(backoff),
        Failure::Status { status: 429, wait: Some(wait) } => wait.max(backoff),
        Failure::Status { .. } | Failure::Permanent => return None,
    };
    (delay + MIN_ATTEMPT_TIME <= time_left).then_some(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_decisions() {
        use Failure::{Connection, Permanent, Status};
        let ms = Duration::from_millis;
        let status = |status| Status { status, wait: None };
        let asking = |status, seconds| Status { status, wait: Some(Duration::from_secs(seconds)) };
        let plenty = Duration::from_secs(20);
        for (failure, attempts, max_retries, time_left, jitter, expected) in [
            // Retried, with a random part of a growing backoff.
            (Connection, 1, 2, plenty, 0.5, Some(ms(50))),
            (Connection, 2, 2, plenty, 0.5, Some(ms(100))),
            (Connection, 1, 2, plenty, 0.0, Some(ms(0))),
            (Connection, 9, 10, plenty, 1.0, Some(ms(2_000))),
            (status(502), 1, 2, plenty, 1.0, Some(ms(100))),
            (status(503), 1, 2, plenty, 1.0, Some(ms(100))),
            (status(504), 2, 2, plenty, 1.0, Some(ms(200))),
            (status(520), 1, 2, plenty, 1.0, Some(ms(100))),
            (status(524), 1, 2, plenty, 1.0, Some(ms(100))),
            // No more retries than allowed.
            (Connection, 3, 2, plenty, 0.5, None),
            (Connection, 1, 0, plenty, 0.5, None),
            (asking(429, 1), 3, 2, plenty, 0.5, None),
            // Nothing else is retried.
            (Permanent, 1, 2, plenty, 0.5, None),
            (status(400), 1, 2, plenty, 0.5, None),
            (status(401), 1, 2, plenty, 0.5, None),
            (status(500), 1, 2, plenty, 0.5, None),
            (status(501), 1, 2, plenty, 0.5, None),
            (status(505), 1, 2, plenty, 0.5, None),
            (status(519), 1, 2, plenty, 0.5, None),
            (status(525), 1, 2, plenty, 0.5, None),
            (asking(500, 1), 1, 2, plenty, 0.5, None),
            // A wait of up to two seconds is honored.
            (asking(429, 1), 1, 2, plenty, 0.5, Some(ms(1_000))),
            (asking(429, 0), 1, 2, plenty, 0.5, Some(ms(50))),
            (status(429), 1, 2, plenty, 0.5, None),
            (asking(429, 2), 1, 2, plenty, 0.5, Some(ms(2_000))),
            (asking(429, 3), 1, 2, plenty, 0.5, None),
            (asking(503, 2), 1, 2, plenty, 0.5, Some(ms(2_000))),
            (asking(503, 3), 1, 2, plenty, 0.5, None),
            // Never past the deadline.
            (Connection, 1, 2, ms(149), 0.5, None),
            (Connection, 1, 2, ms(150), 0.5, Some(ms(50))),
            (asking(429, 2), 1, 2, ms(2_099), 0.5, None),
            (asking(429, 2), 1, 2, ms(2_100), 0.5, Some(ms(2_000))),
            (Connection, 1, 2, Duration::ZERO, 0.0, None),
        ] {
            assert_eq!(
                delay_before_retry(failure, attempts, max_retries, time_left, jitter),
                expected,
                "{failure:?}, attempt {attempts}, {max_retries} retries allowed, {time_left:?} left"
            );
        }
    }
}
