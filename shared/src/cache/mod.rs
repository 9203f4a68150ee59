//! Caching of values that are loaded rarely and needed often: the issuer's keys, PATs, and what a PAT's calls to Calendly
//! returned.
//!
//! ```text
//! tiered         memory, then the remote cache, then a load
//!   ├▶ lru           one cached value per key, with eviction
//!   │    └▶ cached_value   one value: single flight, stale-if-error, refresh
//!   │         └▶ policy        when to load, what a value's age allows
//!   │              └▶ backoff
//!   └▶ remote        DynamoDB as the remote cache
//! ```
//!
//! All but `remote` are generic: they do not depend on PATs, requests or Calendly.

mod backoff;
mod cached_value;
mod lru;
mod policy;
pub(crate) mod remote;
mod tiered;

pub use backoff::Backoff;
pub use cached_value::{CacheError, CacheStatus, CachedValue, LoadError, Loaded, Lookup, Source};
pub(crate) use lru::LruMap;
pub use policy::{CachePolicy, Cooldown, Freshness, OnError, RefreshPolicy};
pub use remote::RemoteCache;
pub use tiered::{LeaseOutcome, RemoteCacheable, RemoteEntry, RemoteTier, Scope, TieredCache};
