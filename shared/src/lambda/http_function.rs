//! The interface of a function that answers HTTP requests itself. Every [`Function`] is one.

use std::{borrow::Cow, future::Future, time::Duration};

use lambda_http::{Body, Request, RequestExt, request::RequestContext};

use super::{
    function::{Answer, Function},
    request_body::BodyTooLarge,
    session::{CalendlyCall, Session},
};
use crate::{Error, Query, calendly::Calendly};

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
        request: &HttpRequest<'_>,
        session: &Session<'_>,
    ) -> impl Future<Output = Result<HttpAnswer, Error>> + Send;

    /// Parameters to add to `WWW-Authenticate` challenges, besides those of RFC 6750.
    fn challenge_parameters(&self, _request: &HttpRequest<'_>) -> Vec<(&'static str, String)> {
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

/// A request to an [`HttpFunction`].
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a>(&'a Request);

impl<'a> HttpRequest<'a> {
    pub(super) fn new(request: &'a Request) -> Self {
        Self(request)
    }

    /// The method, in capitals.
    #[must_use]
    pub fn method(&self) -> &'a str {
        self.0.method().as_str()
    }

    /// The path as the gateway passes it, with or without a stage or a base path before the route.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.0.raw_http_path()
    }

    /// The path that the client requested, with a stage before the route.
    #[must_use]
    pub fn public_path(&self) -> &'a str {
        match self.0.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.path.as_deref().unwrap_or(self.path()),
            _ => self.path(),
        }
    }

    /// The domain name that the client requested.
    #[must_use]
    pub fn domain_name(&self) -> Option<&'a str> {
        match self.0.request_context_ref()? {
            RequestContext::ApiGatewayV1(context) => context.domain_name.as_deref(),
            RequestContext::ApiGatewayV2(context) => context.domain_name.as_deref(),
            _ => None,
        }
    }

    /// The value of a header; values of a repeated header are joined by commas (RFC 9110, section 5.3).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut values =
            self.0.headers().get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next()?;
        Some(values.fold(first, |joined, value| format!("{joined}, {value}").into()))
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// [`Error::MessageTooLarge`] if it has more than [`HttpFunction::MAX_BODY_BYTES`].
    pub fn body(&self) -> Result<&'a [u8], Error> {
        if let Some(BodyTooLarge { max_bytes }) = self.0.extensions().get() {
            return Err(Error::MessageTooLarge { max_bytes: *max_bytes });
        }
        Ok(match self.0.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        })
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

    async fn respond(&self, request: &HttpRequest<'_>, session: &Session<'_>) -> Result<HttpAnswer, Error> {
        let caller = session.authenticate().await?;
        let query = Query::from_request(request.0);
        query.check_names(F::PARAMETERS)?;
        let parameters = self.parameters(&query)?;
        caller.call(&AnswerCall { function: self, parameters }).await.map(HttpAnswer::from)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn repeated_headers_are_joined() {
        let mut request = Request::new(Body::Empty);
        for value in ["a", "b, c"] {
            request.headers_mut().append("mcp-name", HeaderValue::from_static(value));
        }
        request.headers_mut().append("origin", HeaderValue::from_bytes(b"\xff").unwrap());
        let request = HttpRequest::new(&request);
        assert_eq!(request.header("Mcp-Name").as_deref(), Some("a, b, c"));
        assert_eq!(request.header("origin").as_deref(), Some("\u{FFFD}"));
        assert_eq!(request.header("host"), None);
    }
}
