//! The faults, the rows of the matrix, and the answers that the contract allows (docs/contract.md, section 2).

use sandbox::Fault;

use super::upstream::{Service, Upstream};
use crate::{Certificate, body_fault, status_fault};

/// A fault of an upstream.
#[derive(Debug, Clone)]
pub struct FaultCase {
    /// The name of its row.
    pub row: &'static str,
    pub(crate) injection: Injection,
    effect: Effect,
}

/// How a fault is injected.
#[derive(Debug, Clone)]
pub(crate) enum Injection {
    /// In every call of one path.
    Call(Fault),
    /// The server refuses connections.
    ConnectionRefused,
    /// The server has this certificate.
    Certificate(Certificate),
}

/// What the upstream's client sees.
#[derive(Debug, Clone, Copy)]
enum Effect {
    NoResponse,
    /// A truncated response, which counts as no response or as an invalid one.
    BrokenOff,
    InvalidResponse,
    TooLarge,
    Status(u16),
    /// A response that may be accepted or refused as invalid.
    Tolerable,
}

impl FaultCase {
    /// The allowed statuses and codes.
    pub(crate) fn allowed(&self, upstream: Upstream) -> Vec<(u16, &'static str)> {
        const UNREACHABLE: (u16, &str) = (502, "calendly_unreachable");
        const INVALID: (u16, &str) = (502, "calendly_invalid_response");
        let mut allowed = match upstream.service() {
            Service::Calendly => match self.effect {
                Effect::NoResponse => vec![UNREACHABLE],
                Effect::BrokenOff => vec![UNREACHABLE, INVALID],
                Effect::InvalidResponse | Effect::Tolerable => vec![INVALID],
                Effect::TooLarge => vec![INVALID, (500, "answer_too_large")],
                Effect::Status(status) => vec![(status, "calendly_error")],
            },
            Service::Issuer => vec![(503, "keys_unavailable")],
            // A response without a secret means that the secret does not exist.
            Service::SecretsManager if matches!(self.effect, Effect::InvalidResponse | Effect::Tolerable) => {
                vec![(503, "secrets_unavailable"), (400, "pat_missing")]
            }
            Service::SecretsManager => vec![(503, "secrets_unavailable")],
            // A request does not fail when the table does.
            Service::DynamoDb => vec![(200, "")],
        };
        if matches!(self.effect, Effect::Tolerable) {
            allowed.push((200, ""));
        }
        allowed
    }

    /// Whether the call ends only when it times out.
    pub(crate) fn hangs(&self) -> bool {
        matches!(self.injection, Injection::Call(Fault::Hang | Fault::HangInBody { .. } | Fault::Drip { .. }))
    }

    /// The status that the upstream answers with, shown as "the same".
    pub(crate) fn status(&self) -> Option<u16> {
        match self.effect {
            Effect::Status(status) => Some(status),
            _ => None,
        }
    }
}

fn call(row: &'static str, effect: Effect, fault: Fault) -> FaultCase {
    FaultCase { row, injection: Injection::Call(fault), effect }
}

fn status(row: &'static str, status: u16, headers: &[(&str, &str)]) -> FaultCase {
    let effect = if (400..600).contains(&status) { Effect::Status(status) } else { Effect::InvalidResponse };
    call(row, effect, status_fault(status, headers, ""))
}

fn body(row: &'static str, effect: Effect, content_type: &str, body: impl Into<String>) -> FaultCase {
    call(row, effect, body_fault(content_type, body))
}

/// All faults of an upstream.
pub(crate) fn cases(upstream: Upstream) -> Vec<FaultCase> {
    use Effect::{BrokenOff, InvalidResponse, NoResponse, Tolerable, TooLarge};
    let json = "application/json; charset=utf-8";
    let garbage = |bytes: &str| Fault::Garbage { bytes: bytes.to_owned() };
    let redirect = |location: &str| Fault::Redirect { location: location.to_owned() };
    // The AWS SDK accepts duplicate members.
    let duplicate = if upstream.service() == Service::SecretsManager { Tolerable } else { InvalidResponse };
    let server = |row, injection| FaultCase { row, injection, effect: NoResponse };
    let certificate = |row, certificate| server(row, Injection::Certificate(certificate));
    let mut cases = vec![
        server("connection refused", Injection::ConnectionRefused),
        certificate("TLS: a certificate for another name", Certificate::WrongName),
        certificate("TLS: an expired certificate", Certificate::Expired),
        certificate("TLS: an untrusted certificate", Certificate::Untrusted),
        call("closed before a byte of an answer", NoResponse, Fault::Close),
        call("reset before a byte of an answer", NoResponse, Fault::Reset),
        call("hang before the headers", NoResponse, Fault::Hang),
        call("hang in the body", BrokenOff, Fault::HangInBody { after: 20 }),
        call("a byte of the body every 50 ms", BrokenOff, Fault::Drip { milliseconds: 50 }),
        call("reset in the body", BrokenOff, Fault::ResetInBody { after: 20 }),
        call("closed in the body", BrokenOff, Fault::Truncated { after: 20 }),
        call("closed before the body", BrokenOff, Fault::Truncated { after: 0 }),
        call("content length too small", InvalidResponse, Fault::WrongLength { missing: 10 }),
        call("not HTTP", NoResponse, garbage("220 mail.example ESMTP ready\r\n")),
        call("half a header", NoResponse, garbage("HTTP/1.1 200 OK\r\ncontent-ty")),
        body("HTML", InvalidResponse, "text/html", "<!DOCTYPE html><html>Just a moment…</html>"),
        body("no body", InvalidResponse, json, ""),
        body("JSON of another shape", InvalidResponse, json, "null"),
        body("JSON of another shape", InvalidResponse, json, "[]"),
        body("JSON of another shape", InvalidResponse, json, "{}"),
        body("truncated JSON", InvalidResponse, json, upstream.truncated_json()),
        body("a duplicate member", duplicate, json, upstream.duplicate_member()),
        body("100,000 nested arrays as the needed member", InvalidResponse, json, upstream.nested()),
        body(
            "100,000 nested arrays in an unknown member",
            Tolerable,
            json,
            upstream.nested_in_unknown_member(),
        ),
        call("a byte that is not UTF-8", InvalidResponse, Fault::NotUtf8),
        call("20 MB", TooLarge, Fault::Oversized { bytes: 20 * 1024 * 1024 }),
        call("an endless body", TooLarge, Fault::Endless),
        call("64 MiB in a gzip of 70 KB", InvalidResponse, Fault::Bomb { mebibytes: 64 }),
        call("a redirect", InvalidResponse, redirect("https://elsewhere.example/")),
        call("a redirect", InvalidResponse, redirect("/")),
        status("another 2xx or 3xx", 204, &[]),
        status("another 2xx or 3xx", 206, &[]),
        status("another 2xx or 3xx", 304, &[]),
        status("another 2xx or 3xx", 399, &[]),
        status("a status outside HTTP's range", 600, &[]),
        status("a status outside HTTP's range", 999, &[]),
        status("429 with `Retry-After`", 429, &[("retry-after", "60")]),
        status("429 with `Retry-After`", 429, &[("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")]),
        status("429 with `X-RateLimit-Reset`", 429, &[("x-ratelimit-reset", "60")]),
        status("429 with both", 429, &[("retry-after", "60"), ("x-ratelimit-reset", "30")]),
        status("429 with neither, or invalid ones", 429, &[]),
        status(
            "429 with neither, or invalid ones",
            429,
            &[("retry-after", "soon"), ("x-ratelimit-reset", "-1")],
        ),
    ];
    let known_4xx = (400..=418).chain(421..=426).chain([428, 431, 451, 499]);
    let known_5xx = (500..=508).chain([510, 511, 520, 599]);
    cases.extend(known_4xx.map(|number| status("each 4xx but 429", number, &[])));
    cases.extend(known_5xx.map(|number| status("each 5xx", number, &[])));
    cases
}
