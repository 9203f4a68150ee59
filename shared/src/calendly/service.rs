//! Access to Calendly that all requests of a process share.

use std::time::Duration;

use super::{client::CalendlyClient, uri::UserUri};
use crate::{
    Error,
    cache::{CachePolicy, OnError, RefreshPolicy, TieredCache, remote::Table},
    config::{CalendlyConfig, TableConfig},
    http::Tls,
    pat::PatId,
};

/// The client, the user cache and the remote cache of the process.
#[derive(Debug)]
pub(crate) struct CalendlyService {
    pub(super) client: CalendlyClient,
    /// The user of each PAT.
    pub(super) users: TieredCache<PatId, (), UserUri, Error>,
    /// The remote cache, if there is one.
    pub(super) table: Option<Table>,
}

/// The policy of values that calls to Calendly return: no stale value is served, and calls have their own time-outs.
#[must_use]
pub fn response_policy(ttl: Duration) -> CachePolicy {
    CachePolicy {
        ttl,
        load_timeout: Duration::MAX,
        on_error: OnError::Fail,
        refresh: RefreshPolicy::UNLIMITED,
    }
}

impl CalendlyService {
    /// Creates the client and the caches. A PAT's user is cached as long as the PAT. Fails with a sentence for the log.
    pub(crate) fn new(
        calendly: CalendlyConfig,
        table: Option<TableConfig>,
        pat_ttl: Duration,
        tls: &Tls,
    ) -> Result<Self, String> {
        Ok(Self {
            client: CalendlyClient::new(calendly, tls)?,
            users: TieredCache::new("user", response_policy(pat_ttl)),
            table: table.map(|table| Table::new(table, tls)).transpose()?,
        })
    }

    /// Opens a connection for the first call to Calendly. Sends nothing.
    pub(crate) async fn preconnect(&self) -> Result<(), String> {
        self.client.preconnect().await
    }

    /// Opens a connection to the table, if there is one. Sends nothing.
    pub(crate) async fn preconnect_to_table(&self) -> Result<(), String> {
        match &self.table {
            Some(table) => table.preconnect().await,
            None => Ok(()),
        }
    }
}
