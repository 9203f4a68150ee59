//! What takes bytes from outside, and what must hold of each whatever the bytes are: nothing panics, and what is
//! understood is what a plainer reading of the same bytes understands.
//!
//! There is a function for each kind of bytes. `make fuzz` calls it with inputs that are led by what they reach, and a
//! unit test with those in `tests/fuzz/corpus`. Nothing of this is in what is deployed.

mod auth;
mod calendly;
mod event;
mod item;
mod naive;
#[cfg(test)]
mod replay;
mod secret;

pub(crate) use naive::{are_unique, base64url, is_object, list, members, once};

pub use auth::{claims, keys, token};
pub use calendly::{available_times, event_types};
pub use event::event;
pub use item::item;
pub use secret::secret;
