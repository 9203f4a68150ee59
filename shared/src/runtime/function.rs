//! What a function is.

use std::future::Future;

use crate::{Error, Query, calendly::Calendly};

/// What is particular to one function.
pub trait Function: Send + Sync + 'static {
    /// Its name in log lines and metrics: that of the package.
    const NAME: &'static str;

    /// Its query parameters, understood.
    type Parameters: Send + Sync;

    /// Understands the query parameters.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    fn parameters(&self, query: &Query) -> Result<Self::Parameters, Error>;

    /// The answer's JSON. Asked a second time if Calendly refuses the PAT and there is a newer one.
    ///
    /// # Errors
    ///
    /// Those of the calls to Calendly, and [`Error::NoEventType`].
    fn answer(
        &self,
        parameters: &Self::Parameters,
        calendly: &Calendly<'_>,
    ) -> impl Future<Output = Result<String, Error>> + Send;
}
