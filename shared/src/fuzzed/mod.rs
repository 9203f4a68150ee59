//! What takes bytes from outside, and what must hold of each whatever the bytes are: nothing panics, and what is
//! understood is what a plainer reading of the same bytes understands.
//!
//! There is a function for each kind of bytes. `make fuzz` calls it with inputs that are led by what they reach, and a
//! unit test with those in `tests/fuzz/corpus`. Nothing of this is in what is deployed.

mod naive;
#[cfg(test)]
mod replayed;
mod secret;

pub(crate) use naive::{are_unique, base64url, is_object, list, members, once};

pub use crate::{
    auth::fuzzed::{claims, keys, token},
    calendly::fuzzed::{available_times, event_types, kept_times},
    runtime::fuzzed::event,
    table::fuzzed::item,
};
pub use secret::secret;
