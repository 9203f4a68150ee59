//! A DynamoDB table in which environments share what they learnt of Calendly.
//!
//! ```text
//! shared       the table as one request sees it, with one PAT: what is read, written, and asked by one alone
//!   ├▶ sealed     names and values that only this PAT could have made
//!   ├▶ patience   how much of the request's time the table may take
//!   ├▶ circuit_breaker    whether it is asked at all
//!   └▶ dynamodb   the calls
//! ```
//!
//! The table may fail in any way: then it is as if there were none. It holds no PAT, no token and no claim; names and
//! values are bound to a PAT by an HMAC under it, so that what one learnt is of no use to others, and what somebody
//! else wrote is not believed. Entries expire by their own time: the table's clean-up may be days late.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>

mod circuit_breaker;
pub(crate) mod dynamodb;
mod item_mac;
pub(crate) mod lease;
mod time_budget;

use crate::{
    config::{TableConfig, aws::credentials_of_environment},
    http::{HttpClient, Tls},
};

use circuit_breaker::CircuitBreaker;
use dynamodb::DynamoDb;

pub(crate) use item_mac::{ItemMac, Name};
pub(crate) use lease::{LeaseOutcome, RemoteCache, Value};
pub(crate) use time_budget::TableTimeBudget;

/// The table, for all requests.
#[derive(Debug)]
pub(crate) struct Table {
    dynamodb: DynamoDb,
    circuit_breaker: CircuitBreaker,
}

impl Table {
    /// Asks nothing yet.
    ///
    /// # Errors
    ///
    /// A sentence, if there can be no HTTP client.
    pub(crate) fn new(config: TableConfig, tls: &Tls) -> Result<Self, String> {
        let dynamodb = DynamoDb::new(config, credentials_of_environment(), HttpClient::new(tls)?);
        Ok(Self { dynamodb, circuit_breaker: CircuitBreaker::default() })
    }

    /// Sees to it that the first call finds an open connection, and sends nothing over it.
    ///
    /// # Errors
    ///
    /// A sentence that says why DynamoDB cannot be reached.
    pub(crate) async fn connect(&self) -> Result<(), String> {
        self.dynamodb.connect().await
    }
}
