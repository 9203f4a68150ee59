//! Logs and metrics (docs/contract.md, sections 7 and 8): their members, and what must not be in them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use end_to_end::{
    AVAILABLE_TIMES, Answer, AwsFault, Binary, Gateway, Request, Setup, World, day, status_fault,
};
use sandbox::{Algorithm, Config, Fault, Mint, Sandbox};
use serde_json::{Value, json};

const MEMBERS: [&str; 12] = [
    "version",
    "request_id",
    "xray_trace_id",
    "function",
    "status",
    "code",
    "duration_ms",
    "cold_start",
    "calendly_calls",
    "calendly_retries",
    "calendly_ms",
    "cache",
];

/// A good request. check-availability uses all of its parameters; the other functions ignore them.
fn good(world: &World) -> Request {
    let (start, end) = (day(2).to_string(), day(3).to_string());
    world.request().query(&[("start_time", &*start), ("end_time", &*end)])
}

#[tokio::test(flavor = "multi_thread")]
async fn line_that_ends_a_request_has_all_members() {
    for binary in Binary::WITH_GET_ROUTE {
        let world = Setup::new(binary).start().await;
        for (request, status, code, is_cold) in [
            (good(&world), 200, Value::Null, true),
            (good(&world), 200, Value::Null, false),
            (Request::get("/x"), 401, json!("token_missing"), false),
        ] {
            let answer = world.send(&request).await;
            let line = world.log_line(&answer.request_id).await;
            for member in MEMBERS {
                assert!(line.get(member).is_some(), "{member}: {line}");
            }
            assert_eq!((&line["status"], &line["code"]), (&json!(status), &code), "{line}");
            assert_eq!(
                (&line["function"], &line["FunctionName"]),
                (&json!(binary.name()), &json!(binary.name()))
            );
            assert_eq!(line["cold_start"], is_cold);
            assert!(line["xray_trace_id"].as_str().unwrap().starts_with("Root=1-6b0e9398"), "{line}");
            assert!(line["duration_ms"].as_f64().unwrap() > 0.0, "{line}");
            assert!(line["duration_ms"].as_f64() >= line["calendly_ms"].as_f64(), "{line}");
            let written = DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
            assert!((Utc::now() - written.to_utc()).num_seconds().abs() < 60, "{line}");
            assert_eq!((&line["level"], &line["version"]), (&json!("INFO"), &json!("$LATEST")));
        }
    }
}

/// Metrics are logged at every level.
#[tokio::test(flavor = "multi_thread")]
async fn log_level_is_lambdas() {
    for (level, good_is_logged, bad_is_logged) in
        [("info", true, true), ("WARN", false, true), ("FATAL", false, false)]
    {
        let setup = || Setup::new(Binary::User).with("AWS_LAMBDA_LOG_LEVEL", level);
        for (setup, status, is_logged) in [
            (setup(), 200, good_is_logged),
            (setup().with("CALENDLY_BASE_URL", "http://127.0.0.1:9"), 502, bad_is_logged),
        ] {
            let world = setup.start().await;
            let answer = world.get(&[]).await;
            assert_eq!(answer.status, status);
            world.function.kill().await;
            let lines = world.function.log();
            let line = lines.iter().find(|line| line["request_id"] == *answer.request_id);
            assert_eq!(line.is_some(), is_logged, "{level}: {lines:?}");
            if let Some(line) = line {
                assert_eq!(line["level"], if status == 200 { "INFO" } else { "ERROR" });
            }
            assert!(lines.iter().any(|line| line.get("CalendlyCalls").is_some()), "{level}: {lines:?}");
        }
    }
}

/// Checks that a failed request is explained by a sentence in its log line, and returns the sentence.
async fn reason(world: &World, answer: &Answer) -> String {
    let line = world.log_line(&answer.request_id).await;
    let reason = line["reason"].as_str().unwrap_or_else(|| panic!("no reason: {line}")).to_owned();
    assert!(reason.contains(' ') && reason.ends_with('.') && reason.len() < 500, "{reason}");
    assert_eq!((&line["status"], &line["code"]), (&json!(answer.status), &json!(answer.code())));
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_requests_have_a_reason_without_data_of_the_caller() {
    let setup = Setup::new(Binary::CheckAvailability)
        .with("JWT_REQUIRED_SCOPE", "calendly:read")
        .with("CALENDLY_MAX_RETRIES", "0")
        .with("CALENDLY_TIMEOUT_MS", "1000");
    let world = setup.start().await;
    let good = good(&world);
    let claims = |claims: Value| world.request_with_claims(claims);
    let mut reasons = BTreeSet::new();
    for (code, request, fault) in [
        ("token_missing", Request::get("/x"), None),
        ("token_invalid", Request::get("/x").bearer("garbage"), None),
        ("token_invalid", claims(json!({"aud": "caller-name"})), None),
        ("token_expired", claims(json!({"exp": 1})), None),
        ("insufficient_scope", claims(json!({"scope": "caller-name"})), None),
        ("invalid_parameter", world.request().query(&[("start_time", "caller-name")]), None),
        ("no_event_type", good.clone().query(&[("event_type", "caller-name")]), None),
        ("calendly_error", good.clone(), Some(Fault::status(500))),
        ("calendly_unreachable", good.clone(), Some(Fault::Reset)),
        ("calendly_unreachable", good.clone(), Some(Fault::Hang)),
        ("calendly_invalid_response", good.clone(), Some(Fault::Oversized { bytes: 20_000_000 })),
        ("calendly_invalid_response", good.clone(), Some(Fault::status(204))),
        ("calendly_invalid_response", good.clone(), Some(Fault::Redirect { location: "/".to_owned() })),
    ] {
        if let Some(fault) = fault {
            world.sandbox.fault(AVAILABLE_TIMES, 1, fault);
        }
        let answer = world.send(&request).await;
        assert_eq!(answer.code(), code, "{}", answer.body);
        assert!(reasons.insert(reason(&world, &answer).await), "{code}: a reason of another failure");
        world.sandbox.clear_faults();
    }
    let answer = world.send(&good).await;
    answer.assert_ok("");
    assert!(world.log_line(&answer.request_id).await.get("reason").is_none_or(Value::is_null));
    assert!(!world.function.raw_output().contains("caller-name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_cannot_be_split_or_forged() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let forged = "x\n{\"level\":\"INFO\",\"request_id\":\"forged\",\"status\":200}\n";
    let mut requests = vec![
        Request::get("/x").bearer(forged),
        Request::get(forged).header("X-Request-Id", forged),
        world.request_with_claims(json!({"sub": forged, "iss": forged})),
        good(&world).header("User-Agent", forged),
        good(&world).query(&[("timezone", forged)]),
        good(&world).query(&[("event_type", forged)]),
    ];
    requests.extend(["start_time", "end_time"].map(|name| world.request().query(&[(name, forged)])));
    let body = json!({"title": forged, "message": forged}).to_string();
    for gateway in Gateway::BOTH {
        for request in &requests {
            world.sandbox.clear_faults();
            world.sandbox.fault(AVAILABLE_TIMES, 1, status_fault(403, &[], &body));
            let answer = world.send_through(gateway, request).await;
            world.log_line(&answer.request_id).await;
        }
    }
    world.function.kill().await;
    // `log` panics if a line is no JSON object.
    assert!(world.function.log().iter().all(|line| line["request_id"] != "forged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_the_version_and_its_request_id() {
    let setup =
        Setup::new(Binary::User).with_pat_per_caller().with("CALENDLY_BASE_URL", "http://127.0.0.1:9");
    let world = setup.start().await;
    let of_init = end_to_end::wait_until("a log line of init", || {
        Some(world.function.log().len()).filter(|lines| *lines > 0)
    })
    .await;
    let mut ids = Vec::new();
    for fault in [AwsFault::AccessDenied, AwsFault::InternalError] {
        world.secrets.set_fault(fault);
        let answer = world.send(&world.request_with_claims(json!({"sub": "caller-name"}))).await;
        answer.assert_error(503, "secrets_unavailable", fault);
        world.log_line(&answer.request_id).await;
        ids.push(answer.request_id);
    }
    ids.push(world.invoke(&json!({"warmer": true})).await.request_id);
    world.function.kill().await;
    for (index, line) in world.function.log().iter().enumerate() {
        assert!(line["version"].as_str().is_some_and(|version| !version.is_empty()), "{line}");
        assert!(index < of_init || ids.iter().any(|id| line["request_id"] == **id), "{line}");
    }
    assert!(!world.function.raw_output().contains("caller-name"));
}

/// AWS's messages name the secret, and with it the caller; only the error code is logged.
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_aws_are_not_logged() {
    let aws = Sandbox::start(Config::default()).await.unwrap();
    let setup = Setup::new(Binary::User).with("CALENDLY_PAT_SECRET_ID", "calendly/pat/{sub}");
    let world = setup.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws.base_url()).start().await;
    let message = "User: arn:aws:sts::123456789012:assumed-role/user/user is not authorized to perform: \
                   secretsmanager:GetSecretValue on resource: calendly/pat/caller-name";
    for (status, code, expected) in [
        (400, "AccessDeniedException", 503),
        (400, "ResourceNotFoundException", 400),
        (400, "DecryptionFailure", 503),
        (500, "InternalServiceError", 503),
    ] {
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amzn-errortype", code),
            ("x-amzn-errormessage", "calendly/pat/caller-name"),
        ];
        let body = json!({"__type": code, "Message": message, "message": message}).to_string();
        aws.fault("/", 4, status_fault(status, &headers, &body));
        let answer = world.send(&world.request_with_claims(json!({"sub": "caller-name"}))).await;
        aws.clear_faults();
        assert_eq!(answer.status, expected, "{code}: {}", answer.body);
        let lines = world.function.log_of(&answer.request_id).await;
        let output = world.function.raw_output() + &answer.body;
        for part in ["caller-name", "calendly/pat/", "arn:aws:sts", "not authorized"] {
            assert!(!output.contains(part), "{code}: {part}: {output}");
        }
        assert!(expected != 503 || json!(lines).to_string().contains(code), "{code}: {lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_logged_as_hashes() {
    let key = "k".repeat(32);
    let caller = async |key: Option<&str>, subjects: [&str; 2]| {
        let setup =
            Setup::new(Binary::User).with("CALLER_HASH_SECRET_ID", key.map_or("", |_| "{secret}/key"));
        let world = setup.other_secret("key", key.unwrap_or_default()).start().await;
        let prepared = world.warm_up().await;
        let mut callers = Vec::new();
        for subject in subjects {
            let answer = world.send(&world.request_with_claims(json!({"sub": subject}))).await;
            answer.assert_ok(subject);
            callers.push(world.log_line(&answer.request_id).await["caller"].clone());
        }
        assert!(subjects.iter().all(|subject| !world.function.raw_output().contains(subject)));
        (prepared, callers)
    };
    let (prepared, callers) = caller(Some(&key), ["caller-one", "caller-two"]).await;
    assert_eq!(prepared.get("unprepared"), None, "{prepared}");
    let hash = callers[0].as_str().unwrap();
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_ne!(callers[0], callers[1]);
    let (_, again) = caller(Some(&key), ["caller-one", "caller-one"]).await;
    assert_eq!(again, [callers[0].clone(), callers[0].clone()]);
    let (prepared, short) = caller(Some("short"), ["caller-one", "caller-two"]).await;
    assert!(prepared["unprepared"].to_string().contains("32 bytes"), "{prepared}");
    let (_, off) = caller(None, ["caller-one", "caller-two"]).await;
    assert!(short.iter().chain(&off).all(Value::is_null));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_output() {
    const PAT: &str = "very-secret-personal-access-token";
    const OTHER_PAT: &str = "very-secret-rotated-token";
    const JWT_SECRET: &str = "very-secret-shared-secret-of-the-issuer";
    for is_shared_secret in [false, true] {
        let (binary, path) = (Binary::CheckAvailability, AVAILABLE_TIMES);
        let mut setup = Setup::new(binary).secret(Some(PAT)).with("CALENDLY_MAX_RETRIES", "0");
        if is_shared_secret {
            setup = setup.without("JWT_ISSUER").with("JWT_SECRET_ID", "{secret}/jwt");
        }
        let world = setup.other_secret("jwt", JWT_SECRET).start().await;
        world.sandbox.add_account(PAT);
        let mint = |claims: Value| {
            let mint = Mint { claims: end_to_end::json_object(claims), ..Mint::default() };
            let shared = (Algorithm::Hs256, JWT_SECRET.to_owned());
            let (algorithm, secret) =
                if is_shared_secret { shared } else { (mint.algorithm, mint.secret.clone()) };
            world.sandbox.mint(Mint { algorithm, secret, ..mint })
        };
        let mut secrets =
            vec![mint(json!({})), mint(json!({"exp": 1})), mint(json!({"iss": "x", "aud": "y"}))];
        secrets.push(format!("{}x", secrets[0]));
        let request = |token: &str| good(&world).without_header("Authorization").bearer(token);
        let mut answers = Vec::new();
        for token in &secrets {
            for fault in [None, Some(Fault::status(401)), Some(Fault::Reset), Some(Fault::status(500))] {
                world.sandbox.clear_faults();
                if let Some(fault) = fault {
                    world.sandbox.fault(path, 1, fault);
                }
                answers.push(world.send(&request(token)).await);
            }
        }
        answers[0].assert_ok(binary);
        world.secrets.store(&world.secret_id, OTHER_PAT);
        world.sandbox.revoke_pat(PAT);
        answers.push(world.send(&request(&secrets[0])).await);
        world.secrets.set_fault(AwsFault::InternalError);
        answers.push(world.send(&request(&secrets[0])).await);
        world.warm_up().await;
        let unknown = json!({"headers": {"authorization": format!("Bearer {}", secrets[0])}});
        let error = world.invoke(&unknown).await.result.unwrap_err();
        world.function.kill().await;

        let signatures: Vec<_> =
            secrets.iter().map(|token| token.rsplit('.').next().unwrap().to_owned()).collect();
        secrets.extend(signatures);
        secrets
            .extend([PAT, OTHER_PAT, JWT_SECRET, "wJalrXUtnFEMI", "session-token-of-the"].map(str::to_owned));
        let mut output = world.function.raw_output() + &error.to_string();
        for answer in &answers {
            output.push_str(&format!("{:?}{}", answer.headers, answer.body));
        }
        assert!(output.len() > 1_000);
        for secret in secrets {
            assert!(!output.contains(&*secret), "{binary:?}: {secret} is in the output");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_hits_are_reported() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let (start, end, uri) = (day(2).to_string(), day(3).to_string(), world.event_type_uri("demo"));
    // All event types have to be cached.
    for (event_types, is_hit) in [
        (&["demo"][..], json!(false)),
        (&["demo", "mentoring"], json!(false)),
        (&["demo", "mentoring"], json!(true)),
        (&[&*uri], Value::Null),
    ] {
        let event_types: Vec<_> = event_types.iter().map(|event_type| ("event_type", *event_type)).collect();
        let answer =
            world.get(&[&[("start_time", &*start), ("end_time", &*end)], &event_types[..]].concat()).await;
        let cache = world.log_line(&answer.request_id).await["cache"].clone();
        assert_eq!((answer.status, &cache["event_type"]), (200, &is_hit), "{event_types:?}: {cache}");
        assert_eq!((&cache["keys"], &cache["pat"]), (&json!(true), &json!(true)), "{cache}");
    }
}
