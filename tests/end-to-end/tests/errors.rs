//! Errors: their shape, their headers, and the order in which things are checked (contract, section 2).
#![cfg(test)]

use end_to_end::{Answer, Binary, Gateway, Request, Setup, World, day};
use sandbox::{Algorithm, Fault, KeyChoice, Mint};
use serde_json::{Value, json};

const RANGE: [(&str, &str); 2] =
    [("start_time", "2099-01-01T00:00:00Z"), ("end_time", "2099-01-02T00:00:00Z")];

/// What every error has, whatever it is about.
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    let json = answer.json();
    assert_eq!(answer.verdict(), (status, code.to_owned()), "{json}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{json}");
    assert_eq!(json["status"], status);
    assert_eq!(json["request_id"], *answer.request_id);
    for member in ["type", "title", "detail"] {
        assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
    }
    assert_common_headers(answer);
}

fn assert_common_headers(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-request-id"), Some(&*answer.request_id));
}

fn status(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fault::Status { status, body: body.to_owned(), headers: headers.collect() }
}

/// Asks `user` afresh for a Calendly that answers with this fault.
async fn reflected(world: &World, fault: Fault) -> Answer {
    world.sandbox.fault("/users/me", 1, fault);
    let answer = world.ask(&[]).await;
    world.sandbox.clear_faults();
    answer
}

fn mint(world: &World, mint: Mint) -> String {
    world.sandbox.mint(mint)
}

fn claims(claims: Value) -> Mint {
    match claims {
        Value::Object(claims) => Mint { claims, ..Mint::default() },
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_cache_control_and_lambdas_request_id() {
    for binary in Binary::ALL {
        let world = Setup::of(binary).start().await;
        for gateway in Gateway::BOTH {
            let good = world.request().query(&[("start_time", "2020-01-01"), ("end_time", "2099-01-01")]);
            let good =
                if binary == Binary::CheckAvailability { world.request().query(&near()) } else { good };
            let good = good.header("X-Request-Id", "from-the-client").header("x-amzn-requestid", "this-too");
            let answer = world.send_through(gateway, &good).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_common_headers(&answer);
            let bad = Request::get(binary.path()).header("X-Request-Id", "from-the-client");
            assert_problem(&world.send_through(gateway, &bad).await, 401, "token_missing");
        }
    }
}

fn near() -> [(&'static str, &'static str); 2] {
    static RANGE: std::sync::OnceLock<[String; 2]> = std::sync::OnceLock::new();
    let [start, end] = RANGE.get_or_init(|| [day(2), day(3)].map(|day| day.to_string()));
    [("start_time", start), ("end_time", end)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_is_challenged_without_an_error() {
    let world = Setup::of(Binary::User).start().await;
    for gateway in Gateway::BOTH {
        let answer = world.send_through(gateway, &Request::get("/calendly/user")).await;
        assert_problem(&answer, 401, "token_missing");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        assert!(!challenge.contains("error"), "{challenge}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_do_not_open_are_challenged_with_invalid_token() {
    let world = Setup::of(Binary::User).start().await;
    let good = world.sandbox.token();
    let forged = |algorithm| Mint { algorithm, key: KeyChoice::Forged, ..Mint::default() };
    let now = chrono::Utc::now().timestamp();
    for (what, token, code) in [
        ("expired", mint(&world, claims(json!({"exp": now - 90}))), "token_expired"),
        ("no exp", mint(&world, claims(json!({"exp": null}))), "token_invalid"),
        ("not yet", mint(&world, claims(json!({"nbf": now + 90}))), "token_invalid"),
        ("other issuer", mint(&world, claims(json!({"iss": "https://issuer.example"}))), "token_invalid"),
        ("other audience", mint(&world, claims(json!({"aud": "another"}))), "token_invalid"),
        ("no subject", mint(&world, claims(json!({"sub": null}))), "token_invalid"),
        ("empty subject", mint(&world, claims(json!({"sub": ""}))), "token_invalid"),
        ("forged RS256", mint(&world, forged(Algorithm::Rs256)), "token_invalid"),
        ("forged ES256", mint(&world, forged(Algorithm::Es256)), "token_invalid"),
        ("none", mint(&world, Mint { algorithm: Algorithm::None, ..Mint::default() }), "token_invalid"),
        (
            "hmac",
            mint(&world, Mint { algorithm: Algorithm::Hs256, secret: "s".repeat(40), ..Mint::default() }),
            "token_invalid",
        ),
        ("cut", good[..good.len() - 3].to_owned(), "token_invalid"),
        ("garbage", "garbage".to_owned(), "token_invalid"),
        ("over 8 KiB", mint(&world, claims(json!({"pad": "x".repeat(9_000)}))), "token_invalid"),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &Request::get("/calendly/user").bearer(&token)).await;
            assert_problem(&answer, 401, code);
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
                "{what}: {challenge}"
            );
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new(), "an unauthenticated caller costs no call");
    assert_eq!(world.secrets.reads().len(), 1, "init's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_of_clock_skew_is_forgiven() {
    let world = Setup::of(Binary::User).start().await;
    let now = chrono::Utc::now().timestamp();
    for good in [
        json!({"exp": now - 30}),
        json!({"nbf": now + 30}),
        json!({"exp": now as f64 + 100.5}),
        json!({"aud": ["another", "calendly-functions"]}),
        json!({"aud": null, "client_id": "calendly-functions"}),
    ] {
        let answer = world.send(&world.request_with_claims(good.clone())).await;
        assert_eq!(answer.status, 200, "{good}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_refused() {
    let world = Setup::of(Binary::User).start().await;
    let token = world.sandbox.token();
    for gateway in Gateway::BOTH {
        for second in [format!("Bearer {token}"), "Basic eDp5".to_owned()] {
            let request = world.request().header("authorization", &second);
            assert_problem(&world.send_through(gateway, &request).await, 401, "token_invalid");
        }
    }
    // As hand-written events and emulators may have them.
    let mut event = world.request().through(Gateway::HttpApi);
    event["headers"]["Authorization"] = event["headers"]["authorization"].clone();
    assert_problem(&Answer::of(world.invoke(&event).await), 401, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lacking_scope_is_403() {
    let world = Setup::of(Binary::User).with("JWT_REQUIRED_SCOPE", "calendly:read").start().await;
    assert_eq!(world.ask(&[]).await.status, 200);
    for good in [json!({"scope": "a calendly:read b"}), json!({"scope": null, "scp": ["calendly:read"]})] {
        assert_eq!(world.send(&world.request_with_claims(good.clone())).await.status, 200, "{good}");
    }
    for bad in [json!({"scope": null}), json!({"scope": "calendly:readwrite"}), json!({"scope": ""})] {
        let answer = world.send(&world.request_with_claims(bad)).await;
        assert_problem(&answer, 403, "insufficient_scope");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("scope=\"calendly:read\""), "{challenge}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_secret_is_the_other_kind_of_issuer() {
    let secret = "a-shared-secret-of-more-than-32-bytes";
    let setup = Setup::of(Binary::User)
        .with("CALENDLY_PAT_SECRET_ID", "{secret}")
        .without("JWT_ISSUER")
        .with("JWT_SECRET_ID", "{secret}/jwt");
    let world = setup.start().await;
    world.secrets.store(&format!("{}/jwt", world.secret_id), secret).await;
    let of = |secret: &str, algorithm| {
        let mint = Mint { algorithm, secret: secret.to_owned(), ..Mint::default() };
        Request::get("/calendly/user").bearer(&world.sandbox.mint(mint))
    };
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let answer = world.send(&of(secret, algorithm)).await;
        assert_eq!(answer.status, 200, "{algorithm:?}: {}", answer.body);
        let other = "another-secret-of-more-than-32-bytes!";
        assert_problem(&world.send(&of(other, algorithm)).await, 401, "token_invalid");
    }
    assert_problem(&world.send(&of(secret, Algorithm::Rs256)).await, 401, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_read_are_503() {
    let setup = Setup::of(Binary::User).with("JWT_ISSUER", "http://127.0.0.1:9/issuer");
    let world = setup.start().await;
    let claims = json!({"iss": "http://127.0.0.1:9/issuer"});
    let answer = world.send(&world.request_with_claims(claims)).await;
    assert_problem(&answer, 503, "keys_unavailable");
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn authentication_comes_before_parameters_and_parameters_before_the_pat() {
    let world = Setup::of(Binary::CheckAvailability).secret(None).start().await;
    let reads = world.secrets.reads().len();
    let no_token = Request::get("/calendly/check-availability").query(&[("start_time", "never")]);
    assert_problem(&world.send(&no_token).await, 401, "token_missing");
    let bad = world.ask(&[("start_time", "never"), ("end_time", "2099-01-01")]).await;
    assert_problem(&bad, 400, "invalid_parameter");
    assert_eq!(bad.json()["parameter"], "start_time");
    assert_eq!(world.secrets.reads().len(), reads);
    let answer = world.ask(&near()).await;
    assert_problem(&answer, 400, "pat_missing");
    assert_eq!(world.secrets.reads().len(), reads + 1);
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn calendlys_errors_are_reflected_with_what_it_said() {
    let world = Setup::of(Binary::User).start().await;
    let said = r#"{"title":"Invalid Argument","message":"Not so.","details":[{"parameter":"x","message":"no","code":"odd"}],"private":"y"}"#;
    for wanted in [400, 403, 404, 409, 418, 422, 424, 500, 501, 599] {
        let answer = reflected(&world, status(wanted, &[("content-type", "application/json")], said)).await;
        assert_problem(&answer, wanted, "calendly_error");
        assert_eq!(
            answer.json()["calendly"],
            json!({"status": wanted, "title": "Invalid Argument", "message": "Not so.",
                   "details": [{"parameter": "x", "message": "no", "code": "odd"}]})
        );
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_calendly_did_not_send_is_left_out() {
    let world = Setup::of(Binary::User).start().await;
    for body in ["", "<html>Forbidden</html>", "[]", "null", "{}", "{\"title\":", "\u{0}"] {
        let answer = reflected(&world, status(403, &[("content-type", "text/html")], body)).await;
        assert_problem(&answer, 403, "calendly_error");
        assert_eq!(answer.json()["calendly"], json!({"status": 403}), "{body:?}");
    }
    let answer = reflected(&world, status(403, &[], r#"{"title":7,"message":"Only this"}"#)).await;
    assert_eq!(answer.json()["calendly"], json!({"status": 403, "message": "Only this"}));
    // More than 64 KiB are not read.
    for (length, expected) in
        [(60_000, json!({"status": 403, "title": "t"})), (70_000, json!({"status": 403}))]
    {
        let body = json!({"title": "t", "others": "x".repeat(length)}).to_string();
        let answer = reflected(&world, status(403, &[], &body)).await;
        assert_eq!(answer.json()["calendly"], expected, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_carries_retry_after() {
    let world = Setup::of(Binary::User).start().await;
    for (headers, expected) in [
        (&[("retry-after", "120")][..], Some("120")),
        (&[("x-ratelimit-reset", "90")], Some("90")),
        (&[("retry-after", "70"), ("x-ratelimit-reset", "90")], Some("90")),
        (&[("retry-after", "100"), ("x-ratelimit-reset", "90")], Some("100")),
        (&[], None),
        (&[("retry-after", "soon")], None),
    ] {
        let answer = reflected(&world, status(429, headers, "")).await;
        assert_problem(&answer, 429, "calendly_error");
        let seconds = answer.header("retry-after").unwrap_or_else(|| panic!("{headers:?}: no Retry-After"));
        match expected {
            Some(expected) => assert_eq!(seconds, expected, "{headers:?}"),
            None => {
                assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0), "{headers:?}: {seconds}")
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_of_calendly_is_not_about_the_caller() {
    let world = Setup::of(Binary::User).start().await;
    world.sandbox.revoke_pat(sandbox::DEFAULT_PAT);
    let answer = world.ask(&[]).await;
    assert_problem(&answer, 401, "calendly_error");
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.json()["calendly"]["status"], 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_anybody_sends_can_forge_a_header() {
    let world = Setup::of(Binary::User).start().await;
    let said = r#"{"title":"a\r\nX-Forged: 1","message":"b\r\nSet-Cookie: x=y\n{}"}"#;
    let headers =
        [("retry-after", "60"), ("x-request-id", "calendlys"), ("set-cookie", "a=b"), ("x-forged", "1")];
    let answer = reflected(&world, status(429, &headers, said)).await;
    assert_problem(&answer, 429, "calendly_error");
    let token = "x\r\nX-Forged: 1";
    let bad = world.send(&Request::get("/calendly/user").bearer(token)).await;
    assert_problem(&bad, 401, "token_invalid");
    for answer in [answer, bad] {
        for (name, values) in &answer.headers {
            assert!(!name.contains("forged") && name != "set-cookie", "{name}");
            assert!(values.iter().all(|value| !value.contains(['\r', '\n'])), "{name}: {values:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_gateways_get_the_same_error() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    let request = world.request().query(&RANGE).raw_query("event_type=https://x.example/");
    let mut bodies = Vec::new();
    for gateway in Gateway::BOTH {
        let answer = world.send_through(gateway, &request).await;
        assert_problem(&answer, 400, "invalid_parameter");
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        bodies.push((body, answer.headers.keys().cloned().collect::<Vec<_>>()));
    }
    assert_eq!(bodies[0], bodies[1]);
}
