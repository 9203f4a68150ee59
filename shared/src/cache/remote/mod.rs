//! The remote cache that environments share: a DynamoDB table (`CACHE_TABLE`).
//!
//! ```text
//! remote_cache   the table as one request sees it, with one PAT: read, write, lease
//!   ├▶ item_mac         names and values that only this PAT can have made
//!   ├▶ time_budget      how much time of a request the table may take
//!   ├▶ circuit_breaker  no calls while the table fails
//!   └▶ dynamodb         the calls, by a client that all requests share
//! ```
//!
//! The table may fail in any way; a request is then served as if there were no table. It holds no PAT, no token and no
//! claim: names and values carry a MAC under the PAT, so that another PAT's items can neither be read nor forged. An item
//! expires by the age of its value, since DynamoDB's own clean-up may be days late:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>

mod circuit_breaker;
pub(crate) mod dynamodb;
mod item_mac;
pub(crate) mod remote_cache;
mod time_budget;

pub(crate) use dynamodb::Table;
pub(crate) use item_mac::{ItemMac, ItemName};
pub use remote_cache::RemoteCache;
pub(crate) use time_budget::TableTimeBudget;
