//! The remote cache that environments share: a DynamoDB table (`CACHE_TABLE`).
//!
//! ```text
//! remote_cache   the table as one request sees it, with one PAT: read, write, lease
//!   ├▶ item_mac         names and values that only this PAT can have made
//!   ├▶ time_budget      how much time of a request the table may take
//!   ├▶ circuit_breaker  no calls while the table fails
//!   └▶ dynamodb         the calls
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

use crate::{
    config::{TableConfig, aws::credentials_of_environment},
    http::{HttpClient, Tls},
};

use circuit_breaker::CircuitBreaker;
use dynamodb::DynamoDb;

pub(crate) use item_mac::{ItemMac, ItemName};
pub use remote_cache::RemoteCache;
pub(crate) use time_budget::TableTimeBudget;

/// The table, for all requests of this environment.
#[derive(Debug)]
pub(crate) struct Table {
    dynamodb: DynamoDb,
    circuit_breaker: CircuitBreaker,
}

impl Table {
    /// A client of the table. Makes no call yet. Fails with a sentence for the log.
    pub(crate) fn new(config: TableConfig, tls: &Tls) -> Result<Self, String> {
        let dynamodb = DynamoDb::new(config, credentials_of_environment(), HttpClient::new(tls)?);
        Ok(Self { dynamodb, circuit_breaker: CircuitBreaker::default() })
    }

    /// Opens a connection for the first call. Sends nothing.
    pub(crate) async fn preconnect(&self) -> Result<(), String> {
        self.dynamodb.preconnect().await
    }
}
