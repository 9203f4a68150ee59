//! The interface of a function that answers HTTP requests itself. Every [`Function`] is one.

use std::{future::Future, time::Duration};

use super::{
    function::{Answer, Function},
    http_request::HttpRequest,
    session::{CalendlyCall, Session},
};
use crate::{Error, calendly::Calendly};

/// A lower-level interface than [`Function`]: it sees the method, the path, the headers and the body of a request.
pub trait HttpFunction: Send + Sync + 'static {
    /// The name in log lines and metrics: the package name.
    const NAME: &'static str;

    /// The largest request body. With 0, bodies are not read.
    const MAX_BODY_BYTES: usize = 0;

    /// Answers a request. An error becomes a problem response.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    fn respond(
        &self,
        request: &HttpRequest,
        session: &Session<'_>,
    ) -> impl Future<Output = Result<HttpAnswer, Error>> + Send;

    /// Parameters to add to `WWW-Authenticate` challenges, besides those of RFC 6750.
    fn challenge_parameters(&self, _request: &HttpRequest) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// The answer of an [`HttpFunction`].
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The body; `None` for an empty one.
    pub json: Option<String>,
    /// The age of a cached answer, for the `Age` header.
    pub age: Option<Duration>,
    /// The error that the body reports, for the log.
    pub error: Option<Error>,
}

impl From<String> for HttpAnswer {
    /// An answer with status 200 that was not cached.
    fn from(json: String) -> Self {
        Answer::from(json).into()
    }
}

impl From<Answer> for HttpAnswer {
    fn from(Answer { json, age }: Answer) -> Self {
        Self { status: 200, json: Some(json), age, error: None }
    }
}

/// Calls [`Function::answer`].
struct AnswerCall<'a, F: Function> {
    function: &'a F,
    parameters: F::Parameters,
}

impl<F: Function> CalendlyCall for AnswerCall<'_, F> {
    type Output = Answer;

    async fn run(&self, calendly: &Calendly<'_>) -> Result<Answer, Error> {
        self.function.answer(&self.parameters, calendly).await
    }
}

impl<F: Function> HttpFunction for F {
    const NAME: &'static str = <F as Function>::NAME;

    async fn respond(&self, request: &HttpRequest, session: &Session<'_>) -> Result<HttpAnswer, Error> {
        let caller = session.authenticate().await?;
        request.query.check_names(F::PARAMETERS)?;
        let parameters = self.parameters(&request.query)?;
        caller.call(&AnswerCall { function: self, parameters }).await.map(HttpAnswer::from)
    }
}
