//! What of an answer fits in what Lambda can return.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::{Error, lambda::deadline::Deadline};

/// Lambda's limit for a synchronous answer is 6 MB: 6,291,556 bytes, the JSON around the body included
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). What surrounds a body has
/// about 400 bytes.
const LARGEST_BODY: usize = 6_291_556 - 4_096;

/// In base64, three bytes are four.
const LARGEST_ZIPPED: usize = LARGEST_BODY / 4 * 3;

/// How much is compressed between two looks at the clock: some milliseconds' work.
const CHUNK: usize = 16 * 1024;

/// The JSON of an answer, in a form that fits in what Lambda can return.
#[derive(Debug, PartialEq)]
pub(crate) enum Payload {
    Json(String),
    Gzip(Vec<u8>),
}

impl Payload {
    /// As it is if it fits, else gzipped for a client that accepts that, until the deadline.
    ///
    /// # Errors
    ///
    /// [`Error::AnswerTooLarge`], [`Error::DeadlineExceeded`].
    pub(crate) fn new(json: String, accepts_gzip: bool, deadline: Deadline) -> Result<Self, Error> {
        if fits(&json) {
            return Ok(Self::Json(json));
        }
        if !accepts_gzip {
            return Err(Error::AnswerTooLarge {
                reason: "the answer has more than 6 MB, and gzip is not accepted",
            });
        }
        gzip(&json, deadline).map(Self::Gzip)
    }
}

fn gzip(json: &str, deadline: Deadline) -> Result<Vec<u8>, Error> {
    let failed = |_| Error::Internal { reason: "the answer could not be compressed" };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for chunk in json.as_bytes().chunks(CHUNK) {
        if deadline.time_left().is_zero() {
            return Err(Error::DeadlineExceeded { during: "the answer was compressed" });
        }
        encoder.write_all(chunk).map_err(failed)?;
        if encoder.get_ref().len() > LARGEST_ZIPPED {
            break;
        }
    }
    let zipped = encoder.finish().map_err(failed)?;
    if zipped.len() > LARGEST_ZIPPED {
        return Err(Error::AnswerTooLarge { reason: "the answer has more than 6 MB, gzipped too" });
    }
    Ok(zipped)
}

/// Whether a text fits as a JSON string, which is how a body travels.
fn fits(json: &str) -> bool {
    // No byte becomes more than six, so most answers need not be looked through.
    json.len() <= LARGEST_BODY / 6 || escaped_length(json) <= LARGEST_BODY
}

/// How many bytes a text has as a JSON string.
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
    async fn a_large_answer_is_gzipped_or_refused() {
        let large = format!("[{}1]", "\"x\",".repeat(1_500_000));
        let Payload::Gzip(zipped) = Payload::new(large.clone(), true, soon()).unwrap() else {
            panic!("not zipped")
        };
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, large);
        assert_eq!(Payload::new(large, false, soon()).unwrap_err().code(), "answer_too_large");
    }

    /// Hexadecimal digits by chance: half a byte each.
    fn digits(count: usize) -> String {
        let mut random = fastrand::Rng::with_seed(1);
        (0..count).map(|_| char::from_digit(random.u32(..16), 16).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_becomes_small_enough_is_answered_and_more_is_refused() {
        let Ok(Payload::Gzip(zipped)) = Payload::new(digits(7_000_000), true, soon()) else {
            panic!("not zipped")
        };
        assert!((3_500_000..4_500_000).contains(&zipped.len()), "{}", zipped.len());
        let error = Payload::new(digits(10_000_000), true, soon()).unwrap_err();
        assert_eq!(error.reason(), "the answer has more than 6 MB, gzipped too.");
    }

    #[tokio::test(start_paused = true)]
    async fn compressing_counts_against_the_deadline() {
        let large = "x".repeat(7_000_000);
        let past = Deadline::within(Duration::ZERO);
        assert_eq!(Payload::new(large, true, past).unwrap_err().code(), "deadline_exceeded");
    }

    #[test]
    fn an_escaped_length_is_that_of_the_json() {
        for text in ["", "plain", "\"quoted\"\\", "\n\r\t\u{8}\u{c}", "\u{0}\u{1f}", "é😀\u{7f}"] {
            assert_eq!(escaped_length(text) + 2, serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn what_fits_is_decided_by_the_escaped_length() {
        // Six bytes each as JSON.
        let worst = |count: usize| "\u{1}".repeat(count);
        assert!(fits(&worst(LARGEST_BODY / 6)));
        assert!(!fits(&worst(LARGEST_BODY / 6 + 1)));
        let plain = |count: usize| "x".repeat(count);
        assert!(fits(&plain(LARGEST_BODY)));
        assert!(!fits(&plain(LARGEST_BODY + 1)));
    }
}
