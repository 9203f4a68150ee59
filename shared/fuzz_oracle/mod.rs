//! Fuzz oracles: for each parser of untrusted bytes, a function that panics if the parser disagrees with a simple,
//! independent implementation of the same rules.
//!
//! `make fuzz` calls them with coverage-guided inputs, and unit tests with the inputs in `tests/fuzz/corpus` and changes of
//! these. They are compiled for tests and fuzzing only.

mod auth;
mod calendly;
mod event;
mod item;
mod keys;
mod naive;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;
mod secret;

pub(crate) use naive::{are_unique, base64url, is_object, list, members, once, padded_base64url};

pub use auth::{claims, token};
pub use calendly::{available_times, event_types};
pub use event::event;
pub use item::item;
pub use keys::keys;
pub use secret::secret;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn tokens() {
        replay("token", super::token);
    }

    #[test]
    fn claims() {
        replay("claims", super::claims);
    }

    #[test]
    fn keys() {
        replay("keys", super::keys);
    }

    #[test]
    fn events() {
        replay("event", super::event);
    }

    #[test]
    fn pages_of_event_types() {
        replay("event_types", super::event_types);
    }

    #[test]
    fn available_times() {
        replay("available_times", super::available_times);
    }

    #[test]
    fn secrets() {
        replay("secret", super::secret);
    }

    #[test]
    fn items() {
        replay("item", super::item);
    }
}
