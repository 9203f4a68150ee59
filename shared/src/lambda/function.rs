//! What a function is.

use std::{future::Future, time::Duration};

use crate::{Error, Query, calendly::Calendly};

/// What a function answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its body.
    pub json: String,
    /// How long ago what it says was true, where that is not now: the `Age` header.
    pub age: Option<Duration>,
}

impl From<String> for Answer {
    /// One that is true now.
    fn from(json: String) -> Self {
        Self { json, age: None }
    }
}

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

    /// The answer. Asked a second time if Calendly refuses the PAT and there is a newer one.
    ///
    /// # Errors
    ///
    /// Those of the calls to Calendly, and [`Error::NoEventType`].
    fn answer(
        &self,
        parameters: &Self::Parameters,
        calendly: &Calendly<'_>,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;
}
