//! Values that are fetched rarely and needed often: the issuer's keys, PATs, and what was learnt with a PAT.
//!
//! One [`CachedValue`] keeps one value. However many need it at once, one of them fetches it; a failure is shared
//! like a success, puts the next fetch off, and leaves the older value serving where the [`CachePolicy`] let it.
//! What differs between the users of a cell stands in their rules, and nothing else does.

mod cached_value;
mod lru;
mod policy;
pub(crate) mod remote;

pub(crate) use cached_value::{CacheError, CacheStatus, CachedValue, LoadError, Loaded, Lookup};
pub(crate) use lru::LruMap;
pub(crate) use policy::{CachePolicy, Cooldown, Freshness, OnError, RefreshPolicy};
