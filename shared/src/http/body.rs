//! Bodies of answers, read up to a limit.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use reqwest::Response;

/// How many bytes may still be read: of one body, or of all that are read for one request.
#[derive(Debug)]
pub(crate) struct ByteBudget(AtomicUsize);

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than what is left of the byte_budget.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
}

/// What one body has taken; given back if the body is given up.
struct Reservation<'a> {
    byte_budget: &'a ByteBudget,
    bytes: usize,
}

impl ByteBudget {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn left(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Reservation<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), BodyError> {
        let enough = |left: usize| left.checked_sub(bytes);
        self.byte_budget.0.fetch_update(Relaxed, Relaxed, enough).map_err(|_| BodyError::TooLarge)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.byte_budget.0.fetch_add(self.bytes, Relaxed);
    }
}

/// The whole body, as far as the byte_budget goes. What it takes of that is only given back if it fails.
pub(crate) async fn body(mut response: Response, byte_budget: &ByteBudget) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > byte_budget.left()) {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::with_capacity(announced.unwrap_or_default());
    let mut taken = Reservation { byte_budget, bytes: 0 };
    while let Some(chunk) = response.chunk().await.map_err(|_| BodyError::Truncated)? {
        taken.take(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    taken.bytes = 0;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::StreamBody;
    use hyper::body::{Bytes, Frame};

    use super::*;

    fn response(body: &str) -> Response {
        lambda_http::http::Response::new(body.to_owned()).into()
    }

    #[tokio::test]
    async fn bodies_share_an_allowance() {
        let byte_budget = ByteBudget::new(10);
        assert_eq!(body(response("12345"), &byte_budget).await, Ok(b"12345".to_vec()));
        assert_eq!(body(response("123456"), &byte_budget).await, Err(BodyError::TooLarge));
        assert_eq!(byte_budget.left(), 5, "what is given up is given back");
        assert_eq!(body(response("12345"), &byte_budget).await, Ok(b"12345".to_vec()));
        assert_eq!(body(response("1"), &byte_budget).await, Err(BodyError::TooLarge));
        assert_eq!(body(response(""), &byte_budget).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_body_that_does_not_say_its_length_is_counted_as_it_comes() {
        let byte_budget = ByteBudget::new(8);
        let chunks = |count: usize| {
            let chunks = (0..count).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"abc"))));
            let body = reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(chunks)));
            Response::from(lambda_http::http::Response::new(body))
        };
        assert_eq!(body(chunks(3), &byte_budget).await, Err(BodyError::TooLarge));
        assert_eq!(byte_budget.left(), 8);
        assert_eq!(body(chunks(2), &byte_budget).await, Ok(b"abcabc".to_vec()));
        assert_eq!(byte_budget.left(), 2);
    }
}
