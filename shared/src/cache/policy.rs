//! When a value is fetched, and who waits for that: pure functions of what is known.

use std::time::Duration;

use tokio::time::Instant;

/// What differs between the users of a [`CachedValue`](super::CachedValue).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachePolicy {
    /// How long a value serves before it is fetched again. Zero: it serves those who waited for it.
    pub(crate) ttl: Duration,
    /// How long a fetch may take.
    pub(crate) timeout: Duration,
    /// What happens when a fetch fails.
    pub(crate) on_error: OnError,
    /// How often a value that did not do may be fetched again.
    pub(crate) refresh: RefreshPolicy,
}

/// What a failed fetch means for those who come later.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnError {
    /// Nothing: they fetch. A value that is too old never serves.
    Fail,
    /// A value that is too old goes on serving, and the next fetch waits: `first` after one failure, then
    /// twice as long, and so on, up to `longest`.
    ServeStale {
        first: Duration,
        longest: Duration,
        /// How long a fetch may take while an older value can serve instead.
        timeout: Duration,
        /// Whether a fetch waits too while there is no value at all. One failure alone may have been a
        /// hiccup: it puts off only those who waited for it.
        also_without_value: bool,
    },
}

/// How a value is renewed that is young enough and did not do: a key set that lacks a key, a refused PAT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefreshPolicy {
    /// How long the fetch may take.
    pub(crate) timeout: Duration,
    /// How long until the next one.
    pub(crate) cooldown: Cooldown,
}

/// How often a value may be renewed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cooldown {
    /// Once in this time, whatever comes of it.
    Fixed(Duration),
    /// While the same value comes back: twice at once, then after `first`, twice as long, and so on, up to
    /// `longest`. Another value starts anew.
    WhileUnchanged { first: Duration, longest: Duration },
}

/// What a value that is kept is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It serves.
    Fresh,
    /// It serves while another is fetched, and as long as there is no other.
    StaleWhileRevalidate,
    /// It serves if there is no other.
    StaleIfError,
    /// It serves those who waited for it.
    Expired,
}

/// What is to be done for somebody who needs a value and finds none that is young enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Fetch { timeout: Duration },
    ServeStale,
    Fail,
}

/// The failures since the last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failures {
    /// How many there were of fetches that somebody needed.
    pub(super) count: u32,
    /// When the last one ended.
    pub(super) last: Instant,
    /// Whether the last one was cut off with its request, so that nobody knows why.
    pub(super) was_cut_off: bool,
    /// Before this no fetch, where the rules say so.
    pub(super) not_before: Instant,
}

impl CachePolicy {
    /// What a value of this age is good for.
    pub(super) fn use_at(&self, age: Duration) -> Freshness {
        match self.on_error {
            _ if age < self.ttl => Freshness::Fresh,
            OnError::Fail => Freshness::Expired,
            // No value may be used twice, unless there is no other.
            OnError::ServeStale { .. } if self.ttl.is_zero() => Freshness::StaleIfError,
            OnError::ServeStale { .. } => Freshness::StaleWhileRevalidate,
        }
    }

    /// The step for somebody who `asked` then.
    pub(super) fn step(
        &self,
        has_value: bool,
        failures: Option<Failures>,
        asked: Instant,
        now: Instant,
    ) -> Step {
        let is_put_off = failures.is_some_and(|failures| now < failures.not_before);
        match self.on_error {
            OnError::ServeStale { .. } if has_value && is_put_off => Step::ServeStale,
            OnError::ServeStale { timeout, .. } if has_value => Step::Fetch { timeout },
            on_error => {
                let (waits, takes_over) = match on_error {
                    OnError::ServeStale { also_without_value, .. } => (also_without_value, false),
                    OnError::Fail => (false, true),
                };
                match failures {
                    // It waited for that very fetch.
                    Some(failures) if failures.last >= asked && !(failures.was_cut_off && takes_over) => {
                        Step::Fail
                    }
                    Some(failures) if waits && failures.count > 1 && is_put_off => Step::Fail,
                    _ => Step::Fetch { timeout: self.timeout },
                }
            }
        }
    }

    /// How long the next fetch waits after so many failures.
    pub(super) fn wait_after(&self, failures: u32) -> Duration {
        match self.on_error {
            OnError::Fail => Duration::ZERO,
            OnError::ServeStale { first, longest, .. } => doubled(first, failures.saturating_sub(1), longest),
        }
    }
}

impl Cooldown {
    /// How long until the next refresh, after `in_vain` many that brought the same value.
    pub(super) fn after(self, in_vain: u32) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::WhileUnchanged { .. } if in_vain < 2 => Duration::ZERO,
            Self::WhileUnchanged { first, longest } => doubled(first, in_vain - 2, longest),
        }
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(times)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rules(on_error: OnError) -> CachePolicy {
        let refresh = RefreshPolicy { timeout: SECOND, cooldown: Cooldown::Fixed(SECOND) };
        CachePolicy { ttl: 60 * SECOND, timeout: 5 * SECOND, on_error, refresh }
    }

    fn stale(also_without_value: bool) -> OnError {
        OnError::ServeStale { first: SECOND, longest: 8 * SECOND, timeout: 2 * SECOND, also_without_value }
    }

    #[test]
    fn what_a_value_is_good_for_depends_on_its_age() {
        let never_twice = |on_error| CachePolicy { ttl: Duration::ZERO, ..rules(on_error) };
        for (rules, age, expected) in [
            (rules(OnError::Fail), 59, Freshness::Fresh),
            (rules(OnError::Fail), 60, Freshness::Expired),
            (rules(stale(true)), 59, Freshness::Fresh),
            (rules(stale(true)), 60, Freshness::StaleWhileRevalidate),
            (never_twice(OnError::Fail), 0, Freshness::Expired),
            (never_twice(stale(false)), 0, Freshness::StaleIfError),
        ] {
            assert_eq!(rules.use_at(age * SECOND), expected, "{rules:?} {age}");
        }
    }

    /// Who comes when, as seconds of a clock on which the last fetch failed at 10.
    #[test]
    fn a_table() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        let failed =
            |count, until| Some(Failures { count, last: at(10), was_cut_off: false, not_before: at(until) });
        let cut_off = |count, until| failed(count, until).map(|it| Failures { was_cut_off: true, ..it });
        let long = Step::Fetch { timeout: 5 * SECOND };
        let short = Step::Fetch { timeout: 2 * SECOND };
        for (on_error, has_value, failures, asked, now, expected) in [
            // Nothing has failed.
            (OnError::Fail, false, None, 9, 9, long),
            (OnError::Fail, true, None, 9, 9, long),
            (stale(true), false, None, 9, 9, long),
            (stale(true), true, None, 9, 9, short),
            // An older value serves until the next fetch is due.
            (stale(true), true, failed(1, 11), 9, 10, Step::ServeStale),
            (stale(true), true, failed(3, 14), 12, 13, Step::ServeStale),
            (stale(false), true, failed(3, 14), 12, 13, Step::ServeStale),
            (stale(true), true, failed(3, 14), 12, 14, short),
            (OnError::Fail, true, failed(3, 14), 12, 13, long),
            // Without a value, those who waited share the failure.
            (OnError::Fail, false, failed(1, 10), 10, 10, Step::Fail),
            (OnError::Fail, true, failed(1, 10), 9, 10, Step::Fail),
            (stale(false), false, failed(1, 11), 9, 10, Step::Fail),
            (stale(true), false, failed(1, 11), 9, 10, Step::Fail),
            // Who comes later fetches, unless it has failed more than once just now.
            (OnError::Fail, false, failed(5, 10), 11, 11, long),
            (stale(false), false, failed(5, 18), 11, 11, long),
            (stale(true), false, failed(1, 12), 11, 11, long),
            (stale(true), false, failed(2, 12), 11, 11, Step::Fail),
            (stale(true), false, failed(2, 12), 12, 12, long),
            // A fetch that was cut off is taken over where no fetch is ever put off.
            (OnError::Fail, false, cut_off(1, 10), 9, 10, long),
            (stale(true), false, cut_off(1, 11), 9, 10, Step::Fail),
        ] {
            assert_eq!(
                rules(on_error).step(has_value, failures, at(asked), at(now)),
                expected,
                "{on_error:?}, has_value {has_value}, {failures:?}, asked {asked}, now {now}"
            );
        }
    }

    #[test]
    fn waits_grow_to_their_limit() {
        let waits =
            |rules: CachePolicy| [1, 2, 3, 4, 5, u32::MAX].map(|count| rules.wait_after(count).as_secs());
        assert_eq!(waits(rules(stale(true))), [1, 2, 4, 8, 8, 8]);
        assert_eq!(waits(rules(OnError::Fail)), [0; 6]);
    }

    #[test]
    fn cool_downs_grow_while_they_are_in_vain() {
        let waits = |cooldown: Cooldown| [0, 1, 2, 3, 4, 5, u32::MAX].map(|n| cooldown.after(n).as_secs());
        let in_vain = Cooldown::WhileUnchanged { first: SECOND, longest: 5 * SECOND };
        assert_eq!(waits(in_vain), [0, 0, 1, 2, 4, 5, 5]);
        assert_eq!(waits(Cooldown::Fixed(SECOND)), [1; 7]);
    }
}
