//! Answers that go wrong on demand.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write;
use std::sync::{Mutex, OnceLock};

use axum::body::Body;
use axum::http::{self, Response, header};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;

use crate::lock::lock;

/// What goes wrong with a call. In JSON the member `kind` names the variant in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An answer with this status instead of the real one.
    Status {
        /// The HTTP status.
        status: u16,
        /// The body; empty by default.
        #[serde(default)]
        body: String,
        /// Headers, the content type among them.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The real answer, later.
    Delay {
        /// How much later.
        milliseconds: u64,
    },
    /// No answer; the connection stays open.
    Hang,
    /// The connection is reset (TCP RST) before any byte of an answer.
    Reset,
    /// The connection is closed in order before any byte of an answer.
    Close,
    /// The real answer, whose body ends early: the content length is that of the whole body.
    Truncated {
        /// How many bytes of the body are sent, at most all but one.
        after: usize,
    },
    /// As [`Self::Truncated`], and the connection stays open.
    HangInBody {
        /// How many bytes of the body are sent, at most all but one.
        after: usize,
    },
    /// As [`Self::Truncated`], and the connection is reset.
    ResetInBody {
        /// How many bytes of the body are sent, at most all but one.
        after: usize,
    },
    /// The real answer, of whose body a byte comes at a time.
    Drip {
        /// How long each byte takes.
        milliseconds: u64,
    },
    /// The real answer with a content length that is too small: the rest of the body follows all the same.
    WrongLength {
        /// How many bytes the content length leaves out, at most all.
        missing: usize,
    },
    /// The real answer with a byte in its body that no text in UTF-8 has.
    NotUtf8,
    /// These bytes where an HTTP answer should be, then an orderly close.
    Garbage {
        /// The bytes.
        bytes: String,
    },
    /// A 200 whose body never ends.
    Endless,
    /// A 200 whose body is small and, unpacked as its content encoding says (gzip), large.
    Bomb {
        /// The unpacked length in MiB.
        mebibytes: usize,
    },
    /// A 200 with any body.
    Body {
        /// The content type.
        content_type: String,
        /// The body.
        body: String,
    },
    /// A 200 whose JSON body, a string, is this long.
    Oversized {
        /// The length of the body in bytes.
        bytes: usize,
    },
    /// A 302 to another place.
    Redirect {
        /// The `Location`.
        location: String,
    },
}

impl Fault {
    /// An answer with this status, no headers and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status { status, body: String::new(), headers: BTreeMap::new() }
    }

    /// The answer that stands in for the real one; `None` for a fault that is none by itself.
    ///
    /// # Errors
    ///
    /// A status, a header or a location that HTTP does not have.
    pub(crate) fn answer(&self) -> http::Result<Option<Response<Body>>> {
        match self {
            Self::Status { status, body, headers } => headers
                .iter()
                .fold(Response::builder().status(*status), |response, (name, value)| {
                    response.header(name, value)
                })
                .body(Body::from(body.clone())),
            Self::Body { content_type, body } => {
                Response::builder().header(header::CONTENT_TYPE, content_type).body(Body::from(body.clone()))
            }
            Self::Oversized { bytes } => Response::builder()
                .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                .body(Body::from(format!("\"{}\"", "x".repeat(bytes.saturating_sub(2))))),
            Self::Redirect { location } => Response::builder()
                .status(http::StatusCode::FOUND)
                .header(header::LOCATION, location)
                .body(Body::empty()),
            Self::Bomb { mebibytes } => Response::builder()
                .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                .header(header::CONTENT_ENCODING, "gzip")
                .body(Body::from(packed_mebibyte().repeat(*mebibytes))),
            Self::Delay { .. }
            | Self::Hang
            | Self::Reset
            | Self::Close
            | Self::Truncated { .. }
            | Self::HangInBody { .. }
            | Self::ResetInBody { .. }
            | Self::Drip { .. }
            | Self::WrongLength { .. }
            | Self::NotUtf8
            | Self::Garbage { .. }
            | Self::Endless => return Ok(None),
        }
        .map(Some)
    }
}

/// A MiB of spaces, gzipped. Gzip's members may follow each other (RFC 1952, section 2.2).
fn packed_mebibyte() -> &'static [u8] {
    static PACKED: OnceLock<Vec<u8>> = OnceLock::new();
    PACKED.get_or_init(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // A vector takes all that is written to it.
        let _ = encoder.write_all(&vec![b' '; 1024 * 1024]);
        encoder.finish().unwrap_or_default()
    })
}

/// The faults that are still to come, by exact path, each for a number of calls.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<String, VecDeque<(u32, Fault)>>>);

impl Faults {
    /// Faults of one path follow each other in the order in which they were added.
    pub(crate) fn add(&self, path: &str, times: u32, fault: Fault) {
        lock(&self.0).entry(path.to_owned()).or_default().push_back((times, fault));
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The fault for the next call of a path, which is thereby used up.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut faults = lock(&self.0);
        let queue = faults.get_mut(path)?;
        loop {
            let (times, fault) = queue.front_mut()?;
            if let Some(left) = times.checked_sub(1) {
                *times = left;
                return Some(fault.clone());
            }
            queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults};

    #[test]
    fn faults_of_a_path_come_in_order_and_run_out() {
        let faults = Faults::default();
        faults.add("/a", 2, Fault::Hang);
        faults.add("/a", 0, Fault::Close);
        faults.add("/a", 1, Fault::Reset);
        assert_eq!(faults.take("/a/b"), None);
        let taken: Vec<_> = (0..4).map(|_| faults.take("/a")).collect();
        assert_eq!(taken, [Some(Fault::Hang), Some(Fault::Hang), Some(Fault::Reset), None]);
    }

    #[test]
    fn an_impossible_status_or_header_is_an_error() {
        assert!(Fault::status(99).answer().is_err());
        let redirect = Fault::Redirect { location: "a\nb".to_owned() };
        assert!(redirect.answer().is_err());
        assert!(Fault::status(599).answer().is_ok());
    }

    #[test]
    fn a_misspelt_member_is_refused() {
        let read = serde_json::from_str::<Fault>;
        assert!(read(r#"{"kind":"delay","milliseconds":5}"#).is_ok());
        assert!(read(r#"{"kind":"delay","milliseconds":5,"seconds":1}"#).is_err());
        assert!(read(r#"{"kind":"explode"}"#).is_err());
    }
}
