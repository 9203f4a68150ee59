//! Fuzz oracles: for each parser of untrusted bytes, a function that panics if the parser disagrees with a simple,
//! independent implementation of the same rules.
//!
//! `make fuzz` calls them with coverage-guided inputs, and unit tests with the inputs in `tests/fuzz/corpus` and
//! changes of these. They are compiled for tests and fuzzing only.

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
    /// A test per target.
    macro_rules! replay {
        ($($target:ident),*) => {
            $(
                #[test]
                fn $target() {
                    super::replay::replay(stringify!($target), super::$target);
                }
            )*
        };
    }

    replay!(token, claims, keys, event, event_types, available_times, secret, item);
}
