//! Logs (contract, section 7): one line a request, every field, and never a secret.
#![cfg(test)]

use chrono::{DateTime, Utc};
use end_to_end::{Binary, Gateway, Request, Setup, Trouble, World, day};
use sandbox::{Algorithm, DEFAULT_PAT, Fault, Mint};
use serde_json::{Value, json};

/// Members that every line that ends a request has.
const FIELDS: [&str; 12] = [
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

fn near() -> [(&'static str, String); 2] {
    [("start_time", day(2).to_string()), ("end_time", day(3).to_string())]
}

fn good(world: &World) -> Request {
    let near = near();
    match world.binary {
        Binary::CheckAvailability => {
            world.request().query(&near.each_ref().map(|(name, value)| (*name, &**value)))
        }
        _ => world.request(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_line_with_every_field_ends_a_request() {
    for binary in Binary::ALL {
        let world = Setup::of(binary).start().await;
        for (index, (request, status, code)) in [
            (good(&world), 200, Value::Null),
            (good(&world), 200, Value::Null),
            (Request::get("/x"), 401, json!("token_missing")),
        ]
        .into_iter()
        .enumerate()
        {
            let answer = world.send(&request).await;
            let line = world.end_line(&answer.request_id).await;
            for field in FIELDS {
                assert!(line.get(field).is_some(), "{field}: {line}");
            }
            assert_eq!((&line["status"], &line["code"]), (&json!(status), &code), "{line}");
            assert_eq!(line["function"], binary.name());
            assert_eq!(line["FunctionName"], binary.name(), "the one that Lambda has");
            assert_eq!(line["cold_start"], index == 0);
            assert!(line["xray_trace_id"].as_str().unwrap().starts_with("Root=1-6b0e9398"), "{line}");
            assert!(line["duration_ms"].as_f64().unwrap() > 0.0, "{line}");
            assert!(line["duration_ms"].as_f64() >= line["calendly_ms"].as_f64(), "{line}");
            let written = DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
            assert!((Utc::now() - written.to_utc()).num_seconds().abs() < 60, "{line}");
            assert_eq!((&line["level"], &line["version"]), (&json!("INFO"), &json!("$LATEST")));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_says_which_caches_held_what_was_needed() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    let cold = world.send(&good(&world)).await;
    let cold = world.end_line(&cold.request_id).await["cache"].clone();
    let warm = world.send(&good(&world)).await;
    let warm = world.end_line(&warm.request_id).await["cache"].clone();
    assert_eq!(warm, json!({"keys": true, "pat": true, "event_type": true}), "{warm}");
    assert_eq!((&cold["event_type"], &cold["user"]), (&json!(false), &json!(false)), "{cold}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_event_types_all_must_have_been_at_hand() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    let (start, end) = (day(2).to_string(), day(3).to_string());
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    for (event_types, were_at_hand) in [
        (vec!["demo"], json!(false)),
        (vec!["demo", "mentoring"], json!(false)),
        (vec!["catch-up", "demo"], json!(false)),
        (vec!["demo", "mentoring", "catch-up"], json!(true)),
        (vec![&*uri], Value::Null),
    ] {
        let event_types: Vec<_> = event_types.into_iter().map(|asked| ("event_type", asked)).collect();
        let range = [("start_time", &*start), ("end_time", &*end)];
        let answer = world.ask(&[&range[..], &event_types].concat()).await;
        let line = world.end_line(&answer.request_id).await;
        assert_eq!((&line["status"], &line["cache"]["event_type"]), (&json!(200), &were_at_hand), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_in_the_embedded_metric_format() {
    let world = Setup::of(Binary::User).start().await;
    let answer = world.ask(&[]).await;
    let line = world.end_line(&answer.request_id).await;
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        assert!(directive["Namespace"].is_string());
        for dimension in
            directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
        {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}: {line}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_is_lambdas() {
    for (level, good_is_logged, bad_is_logged) in [
        ("INFO", true, true),
        ("info", true, true),
        ("DEBUG", true, true),
        ("WARN", false, true),
        ("ERROR", false, true),
        ("FATAL", false, false),
    ] {
        let world = Setup::of(Binary::User).with("AWS_LAMBDA_LOG_LEVEL", level).start().await;
        let good = world.ask(&[]).await;
        let world_down = Setup::of(Binary::User)
            .with("AWS_LAMBDA_LOG_LEVEL", level)
            .with("CALENDLY_BASE_URL", "http://127.0.0.1:9")
            .start()
            .await;
        let bad = world_down.ask(&[]).await;
        assert_eq!((good.status, bad.status), (200, 502));
        for (world, answer, is_logged) in
            [(&world, &good, good_is_logged), (&world_down, &bad, bad_is_logged)]
        {
            world.function.kill().await;
            let lines = world.function.log();
            let found = lines.iter().any(|line| line["request_id"] == *answer.request_id);
            assert_eq!(found, is_logged, "{level}: {lines:?}");
            let metrics = lines.iter().find(|line| line.get("CalendlyCalls").is_some()).unwrap();
            assert!(metrics["timestamp"].is_string(), "{metrics}");
            if !is_logged {
                assert_eq!(metrics["level"], level, "Lambda lets it through");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_is_an_error_in_the_log() {
    let world = Setup::of(Binary::User).with("CALENDLY_BASE_URL", "http://127.0.0.1:9").start().await;
    let answer = world.ask(&[]).await;
    let line = world.end_line(&answer.request_id).await;
    assert_eq!((&line["level"], &line["code"]), (&json!("ERROR"), &json!("calendly_unreachable")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_can_be_split_or_forged() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    let forged = "x\n{\"level\":\"INFO\",\"request_id\":\"forged\",\"status\":200}\n";
    let bad = |name: &'static str| {
        let near = near();
        let mut pairs: Vec<(&str, String)> = near.to_vec();
        pairs.retain(|(other, _)| *other != name);
        pairs.push((name, forged.to_owned()));
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, &**value)).collect();
        world.request().query(&pairs)
    };
    let mut requests = vec![
        Request::get("/x").bearer(forged),
        Request::get(forged).header("X-Request-Id", forged),
        world.request_with_claims(json!({"sub": forged, "iss": forged})),
        good(&world).header("User-Agent", forged),
    ];
    requests.extend(["start_time", "end_time", "timezone", "event_type"].map(bad));
    let body = json!({"title": forged, "message": forged}).to_string();
    for gateway in Gateway::BOTH {
        for request in &requests {
            let fault = Fault::Status { status: 403, body: body.clone(), headers: [].into() };
            world.sandbox.clear_faults();
            world.sandbox.fault("/event_type_available_times", 1, fault);
            let answer = world.send_through(gateway, request).await;
            world.end_line(&answer.request_id).await;
        }
    }
    world.function.kill().await;
    // Every line is JSON, or this panics.
    let log = world.function.log();
    assert!(log.iter().all(|line| line["request_id"] != "forged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_any_output_or_answer() {
    const PAT: &str = "very-secret-personal-access-token";
    const OTHER_PAT: &str = "very-secret-rotated-token";
    const JWT_SECRET: &str = "very-secret-shared-secret-of-the-issuer";
    let with_secret =
        |mint: Mint| Mint { algorithm: Algorithm::Hs256, secret: JWT_SECRET.to_owned(), ..mint };
    for binary in Binary::ALL {
        let published = Setup::of(binary).secret(Some(PAT)).with("CALENDLY_MAX_RETRIES", "0");
        let shared = Setup::of(binary)
            .secret(Some(PAT))
            .without("JWT_ISSUER")
            .with("JWT_SECRET_ID", "{secret}/jwt")
            .with("CALENDLY_MAX_RETRIES", "0");
        for (setup, is_shared) in [(published, false), (shared, true)] {
            let world = setup.start().await;
            world.sandbox.add_account(PAT);
            world.secrets.store(&format!("{}/jwt", world.secret_id), JWT_SECRET).await;
            let mint = |mint: Mint| world.sandbox.mint(if is_shared { with_secret(mint) } else { mint });
            let with = |claims: Value| match claims {
                Value::Object(claims) => Mint { claims, ..Mint::default() },
                other => panic!("{other}"),
            };
            let mut tokens = vec![
                mint(Mint::default()),
                mint(with(json!({"exp": 1}))),
                mint(with(json!({"iss": "x", "aud": "y"}))),
                format!("{}x", mint(Mint::default())),
            ];
            let mut answers = Vec::new();
            let path = match binary {
                Binary::User => "/users/me",
                Binary::UserEventTypes => "/event_types",
                Binary::CheckAvailability => "/event_type_available_times",
            };
            for token in &tokens {
                let request = good(&world).without_header("Authorization").bearer(token);
                for fault in [None, Some(Fault::status(401)), Some(Fault::Reset), Some(Fault::status(500))] {
                    world.sandbox.clear_faults();
                    if let Some(fault) = fault {
                        world.sandbox.fault(path, 1, fault);
                    }
                    answers.push(world.send(&request).await);
                }
            }
            assert_eq!(answers[0].status, 200, "{}", answers[0].body);
            world.secrets.store(&world.secret_id, OTHER_PAT).await;
            world.sandbox.revoke_pat(PAT);
            answers.push(world.send(&good(&world).without_header("Authorization").bearer(&tokens[0])).await);
            world.secrets.trouble(Trouble::Down);
            answers.push(world.send(&good(&world).without_header("Authorization").bearer(&tokens[0])).await);
            // As what it is not: a parameter, a header, an event.
            world.invoke(&json!({"warmer": true})).await.result.unwrap();
            let strange = json!({"headers": {"authorization": format!("Bearer {}", tokens[0])}});
            let error = world.invoke(&strange).await.result.unwrap_err();
            world.function.kill().await;

            let signatures: Vec<String> =
                tokens.iter().map(|token| token.rsplit('.').next().unwrap().to_owned()).collect();
            tokens.extend(signatures);
            let mut secrets: Vec<String> =
                [PAT, OTHER_PAT, JWT_SECRET, "wJalrXUtnFEMI", "session-token-of-the"]
                    .map(str::to_owned)
                    .into();
            secrets.extend(tokens);
            let mut output = world.function.raw_output();
            output.push_str(&error.to_string());
            for answer in &answers {
                output.push_str(&format!("{:?}{}", answer.headers, answer.body));
            }
            assert!(output.len() > 1_000);
            for secret in secrets {
                assert!(!output.contains(&*secret), "{binary:?}: {secret} is in the output");
            }
        }
    }
}
