//! The interface of a function, and its answer.

use std::{future::Future, time::Duration};

use crate::{Error, Query, calendly::Calendly};

/// The answer of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The body.
    pub json: String,
    /// The age of a cached answer, for the `Age` header.
    pub age: Option<Duration>,
}

impl From<String> for Answer {
    /// An answer that was not cached.
    fn from(json: String) -> Self {
        Self { json, age: None }
    }
}

/// A function: its name, its parameters, and how it answers.
pub trait Function: Send + Sync + 'static {
    /// The name in log lines and metrics: the package name.
    const NAME: &'static str;

    /// The names of the query parameters. A misspelled one is refused, any other name is ignored.
    const PARAMETERS: &'static [&'static str];

    /// The parsed query parameters.
    type Parameters: Send + Sync;

    /// Parses the query parameters.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    fn parameters(&self, query: &Query) -> Result<Self::Parameters, Error>;

    /// Answers a request. Called again if Calendly refuses the PAT and Secrets Manager has a newer one.
    ///
    /// # Errors
    ///
    /// The errors of the calls to Calendly, and those of the function.
    fn answer(
        &self,
        parameters: &Self::Parameters,
        calendly: &Calendly<'_>,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;
}
