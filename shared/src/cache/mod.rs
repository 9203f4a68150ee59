//! Values that are fetched rarely and needed often: the issuer's keys, PATs, and what was learnt with a PAT.
//!
//! One [`Cell`] keeps one value. However many need it at once, one of them fetches it; a failure is shared
//! like a success, puts the next fetch off, and leaves the older value serving where the [`Rules`] let it.
//! What differs between the users of a cell stands in their rules, and nothing else does.

mod cell;
mod keyed;
mod rules;

pub(crate) use cell::{Age, Cell, Failure, Fetched, Served, Unserved};
pub(crate) use keyed::Keyed;
pub(crate) use rules::{BackOff, CoolDown, Renewal, Rules, Use};
