//! Response bodies within Lambda's payload limit, compressed where needed.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::BodyFormat;
use crate::{
    Error,
    lambda::{deadline::Deadline, gateway::Gateway},
};

/// The largest body. Lambda's limit for a synchronous response is 6,291,556 bytes, including the JSON around the body,
/// which has about 400 bytes (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_BODY_BYTES: usize = 6_291_556 - 4_096;

/// The largest compressed body: base64 turns three bytes into four.
const MAX_GZIP_BYTES: usize = MAX_BODY_BYTES / 4 * 3;

/// The deadline is checked after each chunk, whose compression takes less than a millisecond.
const CHUNK_BYTES: usize = 16 * 1024;

/// Smaller bodies are not compressed: they fit in one packet anyway.
pub(super) const MIN_GZIP_BYTES: usize = 1024;

/// The compression level. Levels 1, 4 and 6 compress 29 KB of slots to 2.0, 1.48 and 1.43 KB in 20, 61 and 105 µs, and
/// 2 MB to 128, 82 and 78 KB in 1.6, 9.8 and 36 ms. Transfer costs more than compute, so level 4 beats level 1. Above
/// level 4, a function with a fraction of a CPU loses more time than the smaller transfer saves.
const LEVEL: Compression = Compression::new(4);

/// The body of a response.
#[derive(Debug, PartialEq)]
pub(super) enum Payload {
    Json(String),
    Gzip(Vec<u8>),
}

impl Payload {
    /// Compresses a body as needed, until the deadline.
    ///
    /// # Errors
    ///
    /// [`Error::AnswerTooLarge`], [`Error::AnswerNeedsGzip`], [`Error::DeadlineExceeded`].
    pub(super) fn new(json: String, format: BodyFormat) -> Result<Self, Error> {
        let is_compressed = match format.gateway {
            _ if !format.accepts_gzip => false,
            Gateway::Http => json.len() >= MIN_GZIP_BYTES,
            // Needs `binaryMediaTypes` of the API, so only bodies that would otherwise exceed the limit are compressed.
            Gateway::Rest => !fits(&json),
        };
        if is_compressed {
            gzip(&json, format.deadline).map(Self::Gzip)
        } else if fits(&json) {
            Ok(Self::Json(json))
        } else {
            Err(Error::AnswerNeedsGzip)
        }
    }
}

fn gzip(json: &str, deadline: Deadline) -> Result<Vec<u8>, Error> {
    let failed = |_| Error::Internal { reason: "the answer could not be compressed" };
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    for chunk in json.as_bytes().chunks(CHUNK_BYTES) {
        if deadline.time_left().is_zero() {
            return Err(Error::DeadlineExceeded { during: "compressing the answer" });
        }
        encoder.write_all(chunk).map_err(failed)?;
        if encoder.get_ref().len() > MAX_GZIP_BYTES {
            break;
        }
    }
    let compressed = encoder.finish().map_err(failed)?;
    if compressed.len() > MAX_GZIP_BYTES {
        return Err(Error::AnswerTooLarge { reason: "the compressed answer has more than 6 MB" });
    }
    Ok(compressed)
}

/// Whether a body fits when it is sent as a JSON string.
fn fits(json: &str) -> bool {
    // Escaping turns a byte into at most six, so most bodies need no count.
    json.len() <= MAX_BODY_BYTES / 6 || escaped_length(json) <= MAX_BODY_BYTES
}

/// The length of a text in a JSON string.
fn escaped_length(text: &str) -> usize {
    let extra = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 1,
        0x00..=0x1F => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(extra).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::{io::Read, time::Duration};

    use super::*;

    fn soon() -> Deadline {
        Deadline::within(Duration::from_secs(20))
    }

    #[tokio::test]
    async fn a_large_body_is_gzipped_or_refused() {
        let large = format!("[{}1]", "\"x\",".repeat(1_500_000));
        let compressed = gzip(&large, soon()).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, large);
        let format = BodyFormat { gateway: Gateway::Http, accepts_gzip: false, deadline: soon() };
        assert_eq!(Payload::new(large, format).unwrap_err().code(), "answer_too_large");
    }

    #[tokio::test]
    async fn bodies_of_a_kibibyte_are_compressed_where_worthwhile() {
        for (gateway, accepts_gzip, bytes, is_compressed) in [
            (Gateway::Http, true, MIN_GZIP_BYTES - 1, false),
            (Gateway::Http, true, MIN_GZIP_BYTES, true),
            (Gateway::Rest, true, MAX_BODY_BYTES, false),
            (Gateway::Rest, true, MAX_BODY_BYTES + 1, true),
            (Gateway::Http, false, MAX_BODY_BYTES, false),
        ] {
            let format = BodyFormat { gateway, accepts_gzip, deadline: soon() };
            let payload = Payload::new("x".repeat(bytes), format).unwrap();
            assert_eq!(matches!(payload, Payload::Gzip(_)), is_compressed, "{format:?} {bytes}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_gzipped_is_refused() {
        let mut random = fastrand::Rng::with_seed(1);
        // Hexadecimal digits compress to half.
        let mut digits = |count: usize| -> String {
            (0..count).map(|_| char::from_digit(random.u32(..16), 16).unwrap()).collect()
        };
        assert!((3_500_000..4_500_000).contains(&gzip(&digits(7_000_000), soon()).unwrap().len()));
        let error = gzip(&digits(10_000_000), soon()).unwrap_err();
        assert_eq!(error.reason(), "the compressed answer has more than 6 MB.");
    }

    #[test]
    fn escaped_lengths() {
        for text in ["", "plain", "\"quoted\"\\", "\n\r\t\u{8}\u{c}", "\u{0}\u{1f}", "é😀\u{7f}"] {
            assert_eq!(escaped_length(text) + 2, serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn the_escaped_length_must_fit() {
        // A control character takes six bytes in JSON.
        for (text, largest) in [("\u{1}", MAX_BODY_BYTES / 6), ("x", MAX_BODY_BYTES)] {
            assert!(fits(&text.repeat(largest)) && !fits(&text.repeat(largest + 1)), "{text:?}");
        }
    }
}
