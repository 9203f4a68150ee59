//! Values that are fetched rarely and needed often: the issuer's keys, PATs, and what was learnt with a PAT.
//!
//! One [`Cell`] keeps one value. However many need it at once, one of them fetches it; a failure is shared
//! like a success, puts the next fetch off, and leaves the older value serving where the [`Rules`] let it.
//! What differs between the users of a cell stands in their rules, and nothing else does.

mod cached_value;
mod lru;
mod policy;
pub(crate) mod remote;

pub(crate) use cached_value::{Age, Cell, Failure, Fetched, Served, Unserved};
pub(crate) use lru::Keyed;
pub(crate) use policy::{BackOff, CoolDown, Renewal, Rules, Use};
