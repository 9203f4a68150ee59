//! What goes wrong: the rows of the matrix, and what the contract wants in answer.

use end_to_end::Certificate;
use sandbox::Fault;

use crate::upstream::{Kind, Upstream};

/// One thing that goes wrong with an upstream.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    /// The row that it belongs to.
    pub(crate) row: &'static str,
    pub(crate) how: How,
    wants: Wants,
}

/// How it goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum How {
    /// Every call of the one path.
    Call(Fault),
    /// The whole server refuses connections.
    Refused,
    /// The whole server shows such a certificate.
    Shows(Certificate),
}

/// What the contract wants of a request that needs the upstream.
#[derive(Debug, Clone, Copy)]
enum Wants {
    /// There was no answer.
    NoAnswer,
    /// There was one that broke off: none, or none that is documented.
    BrokenOff,
    /// Not what is documented.
    Invalid,
    /// Too large to be read.
    TooLarge,
    /// Calendly's own status.
    Status(u16),
    /// Whatever is made of it: an answer, or a refusal as [`Self::Invalid`].
    Taken,
}

impl Wrong {
    /// Status and code, any of which will do.
    pub(crate) fn allowed(&self, upstream: Upstream) -> Vec<(u16, &'static str)> {
        const UNREACHABLE: (u16, &str) = (502, "calendly_unreachable");
        const INVALID: (u16, &str) = (502, "calendly_invalid_response");
        let mut allowed = match upstream.kind() {
            Kind::Calendly => match self.wants {
                Wants::NoAnswer => vec![UNREACHABLE],
                Wants::BrokenOff => vec![UNREACHABLE, INVALID],
                Wants::Invalid | Wants::Taken => vec![INVALID],
                Wants::TooLarge => vec![INVALID, (500, "answer_too_large")],
                Wants::Status(status) => vec![(status, "calendly_error")],
            },
            Kind::Issuer => vec![(503, "keys_unavailable")],
            // An answer without a secret in it says that there is none.
            Kind::Secrets if matches!(self.wants, Wants::Invalid | Wants::Taken) => {
                vec![(503, "secrets_unavailable"), (400, "pat_missing")]
            }
            Kind::Secrets => vec![(503, "secrets_unavailable")],
            Kind::Table => vec![(200, "")],
        };
        if matches!(self.wants, Wants::Taken) {
            allowed.push((200, ""));
        }
        allowed
    }

    /// Whether it ends only when somebody's patience does.
    pub(crate) fn hangs(&self) -> bool {
        matches!(self.how, How::Call(Fault::Hang | Fault::HangInBody { .. } | Fault::Drip { .. }))
    }

    /// The status that stands in the row as "the same".
    pub(crate) fn status(&self) -> Option<u16> {
        match self.wants {
            Wants::Status(status) => Some(status),
            _ => None,
        }
    }
}

fn call(row: &'static str, wants: Wants, fault: Fault) -> Wrong {
    Wrong { row, how: How::Call(fault), wants }
}

fn status(row: &'static str, status: u16, headers: &[(&str, &str)]) -> Wrong {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let fault = Fault::Status { status, body: String::new(), headers: headers.collect() };
    let wants = if (400..600).contains(&status) { Wants::Status(status) } else { Wants::Invalid };
    call(row, wants, fault)
}

fn body(row: &'static str, wants: Wants, content_type: &str, body: impl Into<String>) -> Wrong {
    call(row, wants, Fault::Body { content_type: content_type.to_owned(), body: body.into() })
}

/// All that can go wrong with this upstream.
pub(crate) fn all(upstream: Upstream) -> Vec<Wrong> {
    use Wants::{BrokenOff, Invalid, NoAnswer, Taken, TooLarge};
    let json = "application/json; charset=utf-8";
    let garbage = |bytes: &str| Fault::Garbage { bytes: bytes.to_owned() };
    let redirect = |location: &str| Fault::Redirect { location: location.to_owned() };
    // AWS's SDK takes one of two.
    let twice = if upstream.kind() == Kind::Secrets { Taken } else { Invalid };
    let whole = |row, how| Wrong { row, how, wants: NoAnswer };
    let mut all = vec![
        whole("connection refused", How::Refused),
        whole("TLS: a certificate for another name", How::Shows(Certificate::WrongName)),
        whole("TLS: an expired certificate", How::Shows(Certificate::Expired)),
        whole("TLS: a certificate that nobody vouches for", How::Shows(Certificate::Untrusted)),
        call("closed before a byte of an answer", NoAnswer, Fault::Close),
        call("reset before a byte of an answer", NoAnswer, Fault::Reset),
        call("hang before the headers", NoAnswer, Fault::Hang),
        call("hang in the body", BrokenOff, Fault::HangInBody { after: 20 }),
        call("a byte of the body every 50 ms", BrokenOff, Fault::Drip { milliseconds: 50 }),
        call("reset in the body", BrokenOff, Fault::ResetInBody { after: 20 }),
        call("closed in the body", BrokenOff, Fault::Truncated { after: 20 }),
        call("closed before the body", BrokenOff, Fault::Truncated { after: 0 }),
        call("content length too small", Invalid, Fault::WrongLength { missing: 10 }),
        call("not HTTP", NoAnswer, garbage("220 mail.example ESMTP ready\r\n")),
        call("half a header", NoAnswer, garbage("HTTP/1.1 200 OK\r\ncontent-ty")),
        body("HTML", Invalid, "text/html", "<!DOCTYPE html><html>Just a moment…</html>"),
        body("no body", Invalid, json, ""),
        body("JSON of another shape", Invalid, json, "null"),
        body("JSON of another shape", Invalid, json, "[]"),
        body("JSON of another shape", Invalid, json, "{}"),
        body("half of the JSON", Invalid, json, upstream.half()),
        body("a member twice", twice, json, upstream.member_twice()),
        body("100,000 arrays in each other, as what is needed", Invalid, json, upstream.nested()),
        body("100,000 arrays in each other, beside it", Taken, json, upstream.nested_beside()),
        call("a byte that is not UTF-8", Invalid, Fault::NotUtf8),
        call("20 MB", TooLarge, Fault::Oversized { bytes: 20 * 1024 * 1024 }),
        call("no end", TooLarge, Fault::Endless),
        call("64 MiB in a gzip of 70 KB", Invalid, Fault::Bomb { mebibytes: 64 }),
        call("a redirect", Invalid, redirect("https://elsewhere.example/")),
        call("a redirect", Invalid, redirect("/")),
        status("another 2xx or 3xx", 204, &[]),
        status("another 2xx or 3xx", 206, &[]),
        status("another 2xx or 3xx", 304, &[]),
        status("another 2xx or 3xx", 399, &[]),
        status("a status that HTTP does not have", 600, &[]),
        status("a status that HTTP does not have", 999, &[]),
        status("429 with `Retry-After`", 429, &[("retry-after", "60")]),
        status("429 with `Retry-After`", 429, &[("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")]),
        status("429 with `X-RateLimit-Reset`", 429, &[("x-ratelimit-reset", "60")]),
        status("429 with both", 429, &[("retry-after", "60"), ("x-ratelimit-reset", "30")]),
        status("429 with neither, or nonsense", 429, &[]),
        status("429 with neither, or nonsense", 429, &[("retry-after", "soon"), ("x-ratelimit-reset", "-1")]),
    ];
    let known_4xx = (400..=418).chain(421..=426).chain([428, 431, 451, 499]);
    let known_5xx = (500..=508).chain([510, 511, 520, 599]);
    all.extend(known_4xx.map(|number| status("each 4xx but 429", number, &[])));
    all.extend(known_5xx.map(|number| status("each 5xx", number, &[])));
    all
}
