//! Faults: responses that go wrong on demand.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;

use axum::body::Body;
use axum::http::{self, Response, StatusCode, header};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;

use crate::lock;

/// A fault to inject into a response. In JSON, `kind` names the variant in snake case.
#[expect(missing_docs, reason = "the variants say what their members mean")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// A response with this status instead of the real one. Headers, also the content type, and the body are optional.
    Status {
        status: u16,
        #[serde(default)]
        body: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// A 200 with this content type and body.
    Body { content_type: String, body: String },
    /// A 302 with this `Location`.
    Redirect { location: String },
    /// A 200 whose body is a JSON string of this length.
    Oversized { bytes: usize },
    /// A 200 with a small gzipped body of this decompressed length.
    Bomb { mebibytes: usize },
    /// A 200 with an endless body.
    Endless,
    /// The real response after a delay.
    Delay { milliseconds: u64 },
    /// No response; the connection stays open.
    Hang,
    /// A connection reset (TCP RST) without a response.
    Reset,
    /// A closed connection without a response.
    Close,
    /// These bytes instead of an HTTP response, then a closed connection.
    Garbage { bytes: String },
    /// The real response with a body that ends after `after` bytes. The content length is that of the whole body,
    /// and at least one byte is withheld.
    Truncated { after: usize },
    /// Like [`Self::Truncated`], but the connection stays open.
    HangInBody { after: usize },
    /// Like [`Self::Truncated`], but the connection is reset.
    ResetInBody { after: usize },
    /// The real response with a body that arrives byte by byte, with this pause before each.
    Drip { milliseconds: u64 },
    /// The real response with a content length that is too small by `missing`.
    WrongLength { missing: usize },
    /// The real response with an invalid UTF-8 byte in its body.
    NotUtf8,
}

impl Fault {
    /// Creates a fault: a response with this status, no headers and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status { status, body: String::new(), headers: BTreeMap::new() }
    }

    /// Returns the response that replaces the real one; `None` for faults of another kind.
    ///
    /// # Errors
    ///
    /// A status, header or location that is not valid in HTTP.
    pub(crate) fn response(&self) -> http::Result<Option<Response<Body>>> {
        const JSON: &str = "application/json; charset=utf-8";
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
                .header(header::CONTENT_TYPE, JSON)
                .body(Body::from(format!("\"{}\"", "x".repeat(bytes.saturating_sub(2))))),
            Self::Redirect { location } => Response::builder()
                .status(StatusCode::FOUND)
                .header(header::LOCATION, location)
                .body(Body::empty()),
            // Gzip members can be concatenated (RFC 1952, section 2.2).
            Self::Bomb { mebibytes } => Response::builder()
                .header(header::CONTENT_TYPE, JSON)
                .header(header::CONTENT_ENCODING, "gzip")
                .body(Body::from(gzip(" ".repeat(1024 * 1024).as_bytes()).repeat(*mebibytes))),
            _ => return Ok(None),
        }
        .map(Some)
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to a vector does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A fault for the next requests for a path.
#[derive(Debug)]
struct PendingFault {
    path: String,
    times: u32,
    fault: Fault,
}

/// Pending faults, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<PendingFault>>);

impl Faults {
    pub(crate) fn add(&self, path: &str, times: u32, fault: Fault) {
        lock(&self.0).push(PendingFault { path: path.to_owned(), times, fault });
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Consumes the first fault for this path.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut faults = lock(&self.0);
        faults.retain(|pending| pending.times > 0);
        let pending = faults.iter_mut().find(|pending| pending.path == path)?;
        pending.times -= 1;
        Some(pending.fault.clone())
    }
}
