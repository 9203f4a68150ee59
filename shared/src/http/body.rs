//! Response bodies, read up to a byte budget.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use reqwest::{
    Response,
    header::{CONTENT_ENCODING, HeaderMap},
};

/// The maximum bytes of all of Calendly's responses to one request, and of an answer that is made from them. A page of 100
/// event types has about 150 KB, 31 days of slots every five minutes about 2 MB. More would not fit in Lambda's 6 MB even
/// gzipped, or not in the function's memory.
pub const MAX_BYTES_PER_REQUEST: usize = 32 * 1024 * 1024;

/// The number of bytes that may still be read: of one body, or of all bodies of one request.
#[derive(Debug)]
pub(crate) struct ByteBudget(AtomicUsize);

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The body is larger than the rest of the budget.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
}

/// The bytes that one body takes from the budget. Dropping it returns them.
struct Reservation<'a> {
    byte_budget: &'a ByteBudget,
    bytes: usize,
}

impl ByteBudget {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn left(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Reservation<'_> {
    fn reserve(&mut self, bytes: usize) -> Result<(), BodyError> {
        let subtract = |left: usize| left.checked_sub(bytes);
        self.byte_budget.0.fetch_update(Relaxed, Relaxed, subtract).map_err(|_| BodyError::TooLarge)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Spends the reserved bytes.
    fn commit(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.byte_budget.0.fetch_add(self.bytes, Relaxed);
    }
}

/// Reads the whole body, within the budget. Its bytes return to the budget if reading fails.
pub(crate) async fn read_body(
    mut response: Response,
    byte_budget: &ByteBudget,
) -> Result<Vec<u8>, BodyError> {
    let content_length = response.content_length().and_then(|length| usize::try_from(length).ok());
    if content_length.is_some_and(|length| length > byte_budget.left()) {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::with_capacity(content_length.unwrap_or_default());
    let mut reservation = Reservation { byte_budget, bytes: 0 };
    while let Some(chunk) = response.chunk().await.map_err(|_| BodyError::Truncated)? {
        reservation.reserve(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    reservation.commit();
    Ok(body)
}

/// Whether `Content-Encoding` names a coding other than `identity` (RFC 9110, section 8.4). Requests accept no other, so
/// such a body cannot be read.
pub(crate) fn has_content_coding(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.into_iter().any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
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
    async fn bodies_share_a_budget() {
        let byte_budget = ByteBudget::new(10);
        assert_eq!(read_body(response("12345"), &byte_budget).await, Ok(b"12345".to_vec()));
        assert_eq!(read_body(response("123456"), &byte_budget).await, Err(BodyError::TooLarge));
        assert_eq!(byte_budget.left(), 5, "a refused body returns its bytes");
        assert_eq!(read_body(response("12345"), &byte_budget).await, Ok(b"12345".to_vec()));
        assert_eq!(read_body(response("1"), &byte_budget).await, Err(BodyError::TooLarge));
        assert_eq!(read_body(response(""), &byte_budget).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_body_without_content_length_is_counted_by_chunk() {
        let byte_budget = ByteBudget::new(8);
        let chunks = |count: usize| {
            let chunks = (0..count).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"abc"))));
            let body = reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(chunks)));
            Response::from(lambda_http::http::Response::new(body))
        };
        assert_eq!(read_body(chunks(3), &byte_budget).await, Err(BodyError::TooLarge));
        assert_eq!(byte_budget.left(), 8);
        assert_eq!(read_body(chunks(2), &byte_budget).await, Ok(b"abcabc".to_vec()));
        assert_eq!(byte_budget.left(), 2);
    }
}
