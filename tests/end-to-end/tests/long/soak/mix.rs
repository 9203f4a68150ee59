//! The fixed sequence of requests: good, refused and faulty.

use end_to_end::{
    AVAILABLE_TIMES, Binary, EVENT_TYPES, Gateway, ME, Request, day,
    fault_matrix::{Upstream, quick_faults},
    json_object,
};
use sandbox::{Fault, KeyChoice, Mint, Sandbox};
use serde_json::{Value, json};

/// The PAT in the secrets of all callers.
pub(super) const PAT: &str = "very-secret-personal-access-token";

/// The number of callers with a secret.
pub(super) const CALLERS: usize = 64;

/// Status and code.
pub(super) type StatusAndCode = (u16, &'static str);

const GOOD: StatusAndCode = (200, "");

/// An event and its expected outcome.
#[derive(Debug)]
pub(super) struct TestRequest {
    pub(super) event: Value,
    /// A fault of the call that it causes.
    pub(super) fault: Option<Fault>,
    pub(super) expected: Expected,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// One of these HTTP answers.
    Answer(Vec<StatusAndCode>),
    /// The answer to a warm-up.
    WarmUp,
    /// A function error, for an unknown event.
    FunctionError,
}

/// Tokens, signed once, since signing takes longer than a request.
pub(super) struct Mix {
    binary: Binary,
    good: Vec<String>,
    /// Tokens that are refused, with the answer.
    bad: Vec<(String, StatusAndCode)>,
    faults: Vec<(Fault, StatusAndCode)>,
    event_type: String,
}

impl Mix {
    pub(super) fn new(binary: Binary, sandbox: &Sandbox) -> Self {
        let in_a_day = chrono::Utc::now().timestamp() + 24 * 3600;
        let token = |more: Value| {
            let mut all = json_object(json!({"exp": in_a_day}));
            all.extend(json_object(more));
            sandbox.mint(Mint { claims: all, ..Mint::default() })
        };
        // Four tokens for each caller.
        let good = (0..4 * CALLERS).map(|number| {
            token(json!({"sub": format!("caller-{}", number % CALLERS), "jti": format!("token-{number}")}))
        });
        let forged =
            Mint { key: KeyChoice::Forged, claims: json_object(json!({"exp": in_a_day})), ..Mint::default() };
        let invalid = (401, "token_invalid");
        let bad = vec![
            ("garbage".to_owned(), invalid),
            (sandbox.mint(forged), invalid),
            (token(json!({"exp": 1})), (401, "token_expired")),
            (token(json!({"aud": "another"})), invalid),
            (token(json!({"iss": "https://another.example"})), invalid),
            (token(json!({"sub": ""})), invalid),
            (token(json!({"scope": "another"})), (403, "insufficient_scope")),
            (token(json!({"pad": "x".repeat(9_000)})), invalid),
            (token(json!({"sub": "../caller"})), (400, "pat_missing")),
        ];
        let event_type = sandbox.event_type_uri(PAT, "demo").unwrap_or_default();
        let upstream = match binary {
            Binary::User => Upstream::Me,
            Binary::UserEventTypes => Upstream::EventTypes,
            Binary::CheckAvailability | Binary::Mcp => Upstream::AvailableTimes,
        };
        Self { binary, good: good.collect(), bad, faults: quick_faults(upstream), event_type }
    }

    /// The path of the call that every good request makes.
    pub(super) fn path(&self) -> &'static str {
        match self.binary {
            Binary::User => ME,
            Binary::UserEventTypes => EVENT_TYPES,
            Binary::CheckAvailability | Binary::Mcp => AVAILABLE_TIMES,
        }
    }

    /// The `number`th event. Of a hundred, 70 are good, ten are refused, 17 have a fault, and three are a warm-up, an
    /// unknown event and a caller without a secret.
    pub(super) fn request(&self, number: usize) -> TestRequest {
        let without_fault = |event: Value, expected| TestRequest { event, fault: None, expected };
        let expect = |answer| Expected::Answer(vec![answer]);
        let gateway = Gateway::BOTH[number / 7 % 2];
        let round = number / 100;
        match number % 100 {
            0..70 => without_fault(self.good(number).through(gateway), expect(GOOD)),
            70..79 => {
                let (token, answer) = &self.bad[(number + round) % self.bad.len()];
                without_fault(self.range(number).bearer(token).through(gateway), expect(*answer))
            }
            79 => match self.binary {
                Binary::User => {
                    without_fault(self.range(number).through(gateway), expect((401, "token_missing")))
                }
                Binary::Mcp => {
                    let request = Request::get(self.binary.path()).bearer(self.good_token(number));
                    let wrong = request.tool_call("check_availability", &json!({"timezone": "Nowhere"}));
                    without_fault(wrong.through(gateway), expect((400, "invalid_parameter")))
                }
                _ => {
                    let wrong = self.good(number).raw_query("active=perhaps&timezone=Nowhere");
                    without_fault(wrong.through(gateway), expect((400, "invalid_parameter")))
                }
            },
            80..97 => {
                let (fault, answer) = self.fault(number, round);
                let event = self.good(number).through(gateway);
                // `user` may have the answer in its cache.
                let mut allowed = vec![answer];
                if self.binary == Binary::User {
                    allowed.push(GOOD);
                }
                TestRequest { event, fault: Some(fault), expected: Expected::Answer(allowed) }
            }
            97 => without_fault(json!({"warmer": true}), Expected::WarmUp),
            98 => without_fault(json!({"Records": [number]}), Expected::FunctionError),
            _ if round.is_multiple_of(10) => {
                let token = &self.bad[self.bad.len() - 1].0;
                without_fault(self.range(number).bearer(token).through(gateway), expect((400, "pat_missing")))
            }
            _ => without_fault(self.good(number).through(gateway), expect(GOOD)),
        }
    }

    /// The faults of the matrix in turn, and a call that hangs, which is slow and therefore rare.
    fn fault(&self, number: usize, round: usize) -> (Fault, StatusAndCode) {
        if number % 100 == 96 && round.is_multiple_of(5) {
            return (Fault::Hang, (502, "calendly_unreachable"));
        }
        self.faults[(number % 17 + 17 * round) % self.faults.len()].clone()
    }

    fn good_token(&self, number: usize) -> &str {
        &self.good[number * 31 % self.good.len()]
    }

    fn good(&self, number: usize) -> Request {
        self.range(number).bearer(self.good_token(number))
    }

    /// A range that needs one call.
    fn range(&self, number: usize) -> Request {
        let request = Request::get(self.binary.path());
        let days = number as u64;
        let (first, last) = (2 + days % 11, 13 + days % 17);
        match self.binary {
            Binary::User | Binary::UserEventTypes => request,
            Binary::CheckAvailability => {
                let request = request.days(first, last);
                match number % 3 {
                    0 => request.event_type(&self.event_type),
                    1 => request.event_type("demo").query(&[("timezone", "Europe/Lisbon")]),
                    _ => request,
                }
            }
            Binary::Mcp => {
                let event_type = if number.is_multiple_of(2) { &*self.event_type } else { "demo" };
                let arguments = json!({"start": day(first), "end": day(last), "event_types": [event_type]});
                request.tool_call("check_availability", &arguments)
            }
        }
    }
}
