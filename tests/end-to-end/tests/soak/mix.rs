//! What is asked: good requests, refused ones and faulty ones, in an order that is always the same.

use end_to_end::{Binary, Gateway, Request, day};
use sandbox::{Fault, KeyChoice, Mint, Sandbox};
use serde_json::{Map, Value, json};

/// The token that all callers' secrets hold.
pub(crate) const PAT: &str = "very-secret-personal-access-token";

/// Who has a secret.
pub(crate) const CALLERS: usize = 64;

/// Status and code.
pub(crate) type Verdict = (u16, &'static str);

const GOOD: Verdict = (200, "");

/// One event, and what must come of it.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) event: Value,
    /// What goes wrong with the call that it makes.
    pub(crate) fault: Option<Fault>,
    pub(crate) expected: Expected,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// An HTTP answer, any of these.
    Answer(Vec<Verdict>),
    /// The answer to a warm-up.
    WarmUp,
    /// An error of the function, for an event that nobody understands.
    FunctionError,
}

/// Tokens, made once, since making one takes longer than a request.
pub(crate) struct Mix {
    binary: Binary,
    good: Vec<String>,
    /// With what is wrong with each.
    bad: Vec<(String, Verdict)>,
    event_type: String,
}

fn claims(claims: Value) -> Map<String, Value> {
    claims.as_object().cloned().unwrap_or_default()
}

impl Mix {
    pub(crate) fn new(binary: Binary, sandbox: &Sandbox) -> Self {
        let in_a_day = chrono::Utc::now().timestamp() + 24 * 3600;
        let token = |more: Value| {
            let mut all = claims(json!({"exp": in_a_day}));
            all.extend(claims(more));
            sandbox.mint(Mint { claims: all, ..Mint::default() })
        };
        // Four tokens for each caller.
        let good = (0..4 * CALLERS).map(|number| {
            token(json!({"sub": format!("caller-{}", number % CALLERS), "jti": format!("token-{number}")}))
        });
        let forged =
            Mint { key: KeyChoice::Forged, claims: claims(json!({"exp": in_a_day})), ..Mint::default() };
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
        Self { binary, good: good.collect(), bad, event_type }
    }

    /// The path of the call that every good request makes.
    pub(crate) fn path(&self) -> &'static str {
        match self.binary {
            Binary::User => "/users/me",
            Binary::UserEventTypes => "/event_types",
            Binary::CheckAvailability => "/event_type_available_times",
        }
    }

    /// The `number`th event. Of a hundred, 70 are good, ten are refused, 17 meet a fault, and three are a warm-up, an
    /// event that nobody understands, and a caller who was never seen.
    pub(crate) fn ask(&self, number: usize) -> Ask {
        let of = |event: Value, expected| Ask { event, fault: None, expected };
        let answer = |verdict| Expected::Answer(vec![verdict]);
        let gateway = Gateway::BOTH[number / 7 % 2];
        let round = number / 100;
        match number % 100 {
            0..70 => of(self.good(number).through(gateway), answer(GOOD)),
            70..79 => {
                let (token, verdict) = &self.bad[(number + round) % self.bad.len()];
                of(self.request(number).bearer(token).through(gateway), answer(*verdict))
            }
            79 => match self.binary {
                Binary::User => of(self.request(number).through(gateway), answer((401, "token_missing"))),
                _ => {
                    let wrong = self.good(number).raw_query("active=perhaps&timezone=Nowhere");
                    of(wrong.through(gateway), answer((400, "invalid_parameter")))
                }
            },
            80..97 => {
                let (fault, verdict) = fault(number % 17 + round, round);
                let event = self.good(number).through(gateway);
                // `user` may know the answer already, and then calls nobody.
                let mut verdicts = vec![verdict];
                if self.binary == Binary::User {
                    verdicts.push(GOOD);
                }
                Ask { event, fault: Some(fault), expected: Expected::Answer(verdicts) }
            }
            97 => of(json!({"warmer": true}), Expected::WarmUp),
            98 => of(json!({"Records": [number]}), Expected::FunctionError),
            _ if round.is_multiple_of(10) => {
                let token = &self.bad[self.bad.len() - 1].0;
                of(self.request(number).bearer(token).through(gateway), answer((400, "pat_missing")))
            }
            _ => of(self.good(number).through(gateway), answer(GOOD)),
        }
    }

    fn good(&self, number: usize) -> Request {
        self.request(number).bearer(&self.good[number * 31 % self.good.len()])
    }

    /// Ranges of one day to forty, of one event type or of the default.
    fn request(&self, number: usize) -> Request {
        let request = Request::get(self.binary.path());
        if self.binary != Binary::CheckAvailability {
            return request;
        }
        let number = number as u64;
        // One call of Calendly each, so that a fault meets the request that it is meant for.
        let (start, end) = (day(2 + number % 11).to_string(), day(13 + number % 17).to_string());
        let request = request.query(&[("start_time", &*start), ("end_time", &end)]);
        match number % 3 {
            0 => request.query(&[("event_type", &*self.event_type)]),
            1 => request.query(&[("event_type", "demo"), ("timezone", "Europe/Lisbon")]),
            _ => request,
        }
    }
}

/// One after the other.
fn fault(number: usize, round: usize) -> (Fault, Verdict) {
    const UNREACHABLE: Verdict = (502, "calendly_unreachable");
    const INVALID: Verdict = (502, "calendly_invalid_response");
    let status = |status| (Fault::status(status), (status, "calendly_error"));
    let body = |text: &str| {
        let fault = Fault::Body { content_type: "application/json".to_owned(), body: text.to_owned() };
        (fault, INVALID)
    };
    match number % 17 {
        0 => status(400),
        1 => status(403),
        2 => status(422),
        3 => status(429),
        4 => status(500),
        5 => status(502),
        6 => status(503),
        7 => status(504),
        8 => (Fault::Reset, UNREACHABLE),
        9 => (Fault::Close, UNREACHABLE),
        10 => (Fault::Garbage { bytes: "220 ready\r\n".to_owned() }, UNREACHABLE),
        11 => (Fault::Redirect { location: "/elsewhere".to_owned() }, INVALID),
        12 => body("<html>"),
        13 => body("{}"),
        14 => (Fault::NotUtf8, INVALID),
        15 => (Fault::WrongLength { missing: 10 }, INVALID),
        // It takes as long as a call may take, and so comes seldom.
        _ if round.is_multiple_of(5) => (Fault::Hang, UNREACHABLE),
        _ => (Fault::status(507), (507, "calendly_error")),
    }
}
