//! A Calendly that is hostile or broken, and what is tried again.
#![cfg(test)]

use std::time::Duration;

use end_to_end::{Answer, Binary, Gateway, Invocation, Setup, World, day};
use sandbox::{Config, DEFAULT_PAT, Fault, Sandbox};
use serde_json::{Value, json};

const ME: &str = "/users/me";
const LIST: &str = "/event_types";
const TIMES: &str = "/event_type_available_times";

/// The path that each function calls last.
fn path(binary: Binary) -> &'static str {
    match binary {
        Binary::User => ME,
        Binary::UserEventTypes => LIST,
        Binary::CheckAvailability => TIMES,
    }
}

fn query(world: &World) -> Vec<(&'static str, String)> {
    match world.binary {
        Binary::CheckAvailability => vec![
            ("start_time", day(2).to_string()),
            ("end_time", day(9).to_string()),
            ("event_type", world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap()),
        ],
        _ => Vec::new(),
    }
}

async fn ask(world: &World) -> Answer {
    let query = query(world);
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, &**value)).collect();
    world.ask(&query).await
}

async fn ask_within(world: &World, time: Duration) -> (Answer, Duration) {
    let query = query(world);
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, &**value)).collect();
    let event = world.request().query(&query).through(Gateway::HttpApi);
    let invocation = Invocation::new(&event).within(time);
    let deadline = invocation.deadline;
    let answer = Answer::of(world.function.invoke(invocation).await);
    let left = deadline.duration_since(answer.arrived).unwrap_or_default();
    (answer, left)
}

fn json_body(body: &Value) -> Fault {
    Fault::Body { content_type: "application/json; charset=utf-8".to_owned(), body: body.to_string() }
}

fn status(status: u16, headers: &[(&str, &str)]) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fault::Status { status, body: String::new(), headers: headers.collect() }
}

fn calls_of(world: &World, path: &str) -> usize {
    world.calendly_paths().iter().filter(|other| *other == path).count()
}

fn bad_gateway(code: &str) -> (u16, String) {
    (502, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_calendly_does_not_document_is_an_invalid_response() {
    for binary in Binary::ALL {
        let world = Setup::of(binary).start().await;
        let text = |content_type: &str, body: &str| Fault::Body {
            content_type: content_type.to_owned(),
            body: body.to_owned(),
        };
        for fault in [
            text("text/html", "<!DOCTYPE html><html>Just a moment…</html>"),
            text("application/json", ""),
            text("application/json", "null"),
            text("application/json", "[]"),
            text("application/json", "{}"),
            text("application/json", "{\"collection\":["),
            text("application/json", "{\"resource\":5,\"collection\":{},\"pagination\":{}}"),
            text("application/json", "{\"resource\":{},\"collection\":null,\"pagination\":{}}"),
            text(
                "application/json",
                "{\"resource\":{\"uri\":[]},\"collection\":[5],\"pagination\":{\"next_page_token\":null}}",
            ),
            Fault::Oversized { bytes: 20 * 1024 * 1024 },
            Fault::status(204),
            Fault::status(304),
        ] {
            let what = format!("{fault:?}").chars().take(120).collect::<String>();
            world.sandbox.fault(path(binary), 1, fault);
            let answer = ask(&world).await;
            assert_eq!(answer.verdict(), bad_gateway("calendly_invalid_response"), "{binary:?}: {what}");
            world.sandbox.clear_faults();
        }
        assert_eq!(ask(&world).await.status, 200, "{binary:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_and_event_types_of_a_wrong_shape_are_an_invalid_response() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    let start = "2099-01-01T09:00:00.000000Z";
    for slot in [
        json!(5),
        json!(null),
        json!(start),
        json!([]),
        json!([start]),
        json!([start, "available"]),
        json!({}),
        json!({"start_time": null}),
        json!({"start_time": "soon"}),
        json!({"start_time": [start], "status": "available"}),
    ] {
        for zone in [None, Some(("timezone", "Europe/Lisbon"))] {
            world.sandbox.fault(TIMES, 1, json_body(&json!({"collection": [slot]})));
            let query = query(&world);
            let query = query.iter().map(|(name, value)| (*name, &**value)).chain(zone);
            let answer = world.ask(&query.collect::<Vec<_>>()).await;
            assert_eq!(answer.verdict(), bad_gateway("calendly_invalid_response"), "{slot}: {}", answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn event_types_and_users_that_are_no_objects_are_an_invalid_response() {
    let uri = "https://api.calendly.com/event_types/x";
    let rows =
        [json!(5), json!(null), json!("x"), json!([]), json!([uri]), json!([[]]), json!({"uri": [uri]})];
    let list = Setup::of(Binary::UserEventTypes).start().await;
    let choice = Setup::of(Binary::CheckAvailability).start().await;
    for row in &rows[..6] {
        let page = json!({"collection": [row], "pagination": {"next_page_token": null}});
        list.sandbox.fault(LIST, 1, json_body(&page));
        let answer = ask(&list).await;
        assert_eq!(answer.verdict(), bad_gateway("calendly_invalid_response"), "{row}: {}", answer.body);
    }
    let (start, end) = (day(2).to_string(), day(3).to_string());
    // Every member in turn as an array, which a struct can be read from too.
    let members = json!([uri, "x", true, null, "instant", 30]);
    for row in rows.into_iter().chain([members]) {
        for wanted in [None, Some(("event_type", "x"))] {
            let page = json!({"collection": [row], "pagination": {"next_page_token": null}});
            choice.sandbox.fault(LIST, 1, json_body(&page));
            let range = [("start_time", &*start), ("end_time", &end)];
            let answer = choice.ask(&range.into_iter().chain(wanted).collect::<Vec<_>>()).await;
            assert_eq!(answer.verdict(), bad_gateway("calendly_invalid_response"), "{row}: {}", answer.body);
        }
    }
    let user = Setup::of(Binary::User).start().await;
    for resource in [json!(["https://api.calendly.com/users/x"]), json!([]), json!("x"), json!(null)] {
        user.sandbox.fault(ME, 1, json_body(&json!({"resource": resource})));
        let answer = ask(&user).await;
        assert_eq!(answer.verdict(), bad_gateway("calendly_invalid_response"), "{resource}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let elsewhere = Sandbox::start(Config::default()).await.unwrap();
    for binary in Binary::ALL {
        let world = Setup::of(binary).start().await;
        let location = format!("{}{}", elsewhere.base_url(), path(binary));
        world.sandbox.fault(path(binary), 1, Fault::Redirect { location });
        assert_eq!(ask(&world).await.verdict(), bad_gateway("calendly_invalid_response"), "{binary:?}");
    }
    assert_eq!(elsewhere.connections(), 0, "the PAT went to another host");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_never_followed_by_url() {
    let elsewhere = Sandbox::start(Config::default()).await.unwrap();
    let world = Setup::of(Binary::UserEventTypes).start().await;
    let url = format!("{}/event_types?page_token=x", elsewhere.base_url());
    let event_types = ["urn:1", "urn:2"].map(|uri| json!({"uri": uri}));
    for (event_type, token) in event_types.iter().zip([Some("x&user=y"), None]) {
        let pagination = json!({"next_page": url, "next_page_token": token});
        let page = json!({"collection": [event_type], "pagination": pagination});
        world.sandbox.fault(LIST, 1, json_body(&page));
    }
    assert_eq!(ask(&world).await.json(), json!(event_types));
    assert_eq!(elsewhere.connections(), 0);
    let second = world.calendly_calls().into_iter().filter(|call| call.path == LIST).nth(1).unwrap();
    let second = second.query.unwrap();
    assert!(second.contains("page_token=x%26user%3Dy"), "the token is not encoded: {second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_is_an_error() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    let page = |token: &str| json_body(&json!({"collection": [], "pagination": {"next_page_token": token}}));
    for tokens in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        world.sandbox.forget_calls();
        for token in tokens.iter().cycle().take(30) {
            world.sandbox.fault(LIST, 1, page(token));
        }
        assert_eq!(ask(&world).await.verdict(), bad_gateway("calendly_invalid_response"), "{tokens:?}");
        assert!(calls_of(&world, LIST) <= tokens.len() + 1, "{tokens:?}: {}", calls_of(&world, LIST));
        world.sandbox.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_answer_is_never_passed_off_as_whole() {
    for binary in Binary::ALL {
        let world = Setup::of(binary).with("CALENDLY_MAX_RETRIES", "0").start().await;
        for after in [0, 1, 200, usize::MAX] {
            world.sandbox.clear_faults();
            world.sandbox.fault(path(binary), 100, Fault::Truncated { after });
            let answer = ask(&world).await;
            assert_eq!(answer.status, 502, "{binary:?}, {after}: {}", answer.body);
            assert!(
                ["calendly_unreachable", "calendly_invalid_response"].contains(&&*answer.code()),
                "{}",
                answer.body
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_tried_again_and_then_unreachable() {
    for fault in [Fault::Reset, Fault::Close] {
        let world = Setup::of(Binary::CheckAvailability).start().await;
        for (times, expected) in [(1, 200), (2, 200), (3, 502)] {
            world.sandbox.forget_calls();
            world.sandbox.fault(TIMES, times, fault.clone());
            let answer = ask(&world).await;
            assert_eq!(answer.status, expected, "{fault:?} {times} times: {}", answer.body);
            if expected == 502 {
                assert_eq!(answer.code(), "calendly_unreachable");
            }
            let line = world.end_line(&answer.request_id).await;
            assert_eq!(calls_of(&world, TIMES), 3.min(times as usize + 1), "{fault:?} {times} times: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unreachable() {
    let world = Setup::of(Binary::User).with("CALENDLY_BASE_URL", "http://127.0.0.1:9").start().await;
    assert_eq!(ask(&world).await.verdict(), bad_gateway("calendly_unreachable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_tried_again_and_then_unreachable() {
    let setup = Setup::of(Binary::CheckAvailability).with("CALENDLY_TIMEOUT_MS", "250");
    let world = setup.with("CALENDLY_MAX_RETRIES", "1").start().await;
    world.sandbox.fault(TIMES, 1, Fault::Hang);
    assert_eq!(ask(&world).await.status, 200);
    assert_eq!(calls_of(&world, TIMES), 2);
    world.sandbox.forget_calls();
    world.sandbox.fault(TIMES, 2, Fault::Hang);
    assert_eq!(ask(&world).await.verdict(), bad_gateway("calendly_unreachable"));
    assert_eq!(calls_of(&world, TIMES), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_error_is_tried_again_and_reflected_if_it_stands() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for wanted in [502, 503, 504] {
        for times in 1..=3_u32 {
            world.sandbox.forget_calls();
            world.sandbox.fault(TIMES, times, Fault::status(wanted));
            let answer = ask(&world).await;
            let line = world.end_line(&answer.request_id).await;
            if times <= 2 {
                assert_eq!(answer.status, 200, "{wanted}, {times} times: {}", answer.body);
            } else {
                assert_eq!(answer.verdict(), (wanted, "calendly_error".to_owned()));
            }
            let tries = (times + 1).min(3);
            assert_eq!(
                (&line["calendly_calls"], &line["calendly_retries"]),
                (&json!(tries), &json!(tries - 1))
            );
            assert_eq!(calls_of(&world, TIMES), tries as usize);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_statuses_are_never_tried_again() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for wanted in [400, 403, 404, 408, 409, 424, 500, 501, 505, 520] {
        world.sandbox.forget_calls();
        world.sandbox.fault(TIMES, 5, status(wanted, &[("retry-after", "0")]));
        assert_eq!(ask(&world).await.verdict(), (wanted, "calendly_error".to_owned()));
        assert_eq!(calls_of(&world, TIMES), 1, "{wanted}");
        world.sandbox.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn max_retries_zero_tries_once() {
    let world = Setup::of(Binary::CheckAvailability).with("CALENDLY_MAX_RETRIES", "0").start().await;
    world.sandbox.fault(TIMES, 1, Fault::status(503));
    assert_eq!(ask(&world).await.status, 503);
    assert_eq!(calls_of(&world, TIMES), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_is_waited_for_if_its_wait_fits() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for headers in [
        &[("retry-after", "1")][..],
        &[("x-ratelimit-reset", "1")],
        &[("retry-after", "0"), ("x-ratelimit-reset", "1")],
    ] {
        world.sandbox.forget_calls();
        world.sandbox.fault(TIMES, 1, status(429, headers));
        let answer = ask(&world).await;
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.body);
        let calls = world.calendly_calls();
        let waited = calls[1].started_at - calls[0].started_at;
        assert!(waited >= Duration::from_millis(990), "{headers:?}: {waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_whose_wait_does_not_fit_is_reflected_at_once() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for headers in [&[("retry-after", "4")][..], &[("retry-after", "1"), ("x-ratelimit-reset", "4")], &[]] {
        world.sandbox.forget_calls();
        world.sandbox.fault(TIMES, 1, status(429, headers));
        let (answer, left) = ask_within(&world, Duration::from_secs(3)).await;
        assert_eq!(answer.verdict(), (429, "calendly_error".to_owned()), "{headers:?}");
        assert!(left > Duration::from_secs(1), "{headers:?}: {left:?} left");
        assert_eq!(calls_of(&world, TIMES), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_window_that_every_answer_names_does_not_delay_another_try() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for wanted in [502, 503, 504] {
        let headers =
            [("x-ratelimit-limit", "500"), ("x-ratelimit-remaining", "400"), ("x-ratelimit-reset", "60")];
        world.sandbox.fault(TIMES, 1, status(wanted, &headers));
        let answer = ask(&world).await;
        assert_eq!(answer.status, 200, "{wanted}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_rate_limit_is_reflected() {
    let world = Setup::of(Binary::UserEventTypes).sandbox(|sandbox| sandbox.rate_limit = 3).start().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(&world).await.status);
    }
    // Two calls, then one, then none.
    assert_eq!(statuses, [200, 200, 429]);
}

/// One event type with a text this long, of which a byte holds this many bits.
fn large(bytes: usize, bits: u32) -> Value {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let alphabet = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    let text: String = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(alphabet[(state % (1 << bits)) as usize])
        })
        .collect();
    json!({"uri": "https://api.calendly.com/event_types/x", "name": text})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_too_large_is_gzipped_for_a_client_that_accepts_it_and_else_refused() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    let page =
        |row: &Value| json_body(&json!({"collection": [row], "pagination": {"next_page_token": null}}));
    let row = large(6_500_000, 2);
    for refuses in ["identity", "br", "gzip;q=0"] {
        world.sandbox.fault(LIST, 1, page(&row));
        let answer = world.send(&world.request().header("accept-encoding", refuses)).await;
        assert_eq!(answer.verdict(), (500, "answer_too_large".to_owned()), "{refuses}");
        assert!(answer.detail().contains("gzip"), "{}", answer.detail());
    }
    for (gateway, accepts) in [(Gateway::HttpApi, "br, gzip;q=0.8"), (Gateway::RestApi, "gzip")] {
        world.sandbox.fault(LIST, 1, page(&row));
        let request = world.request().header("Accept-Encoding", accepts);
        let answer = world.send_through(gateway, &request).await;
        assert_eq!(answer.status, 200, "{:.200}", answer.body);
        assert!(answer.is_gzipped);
        assert_eq!(answer.raw_items(), [row.to_string()]);
    }
    // Does not get small enough.
    world.sandbox.fault(LIST, 1, page(&large(7_000_000, 6)));
    let answer = world.send(&world.request().header("accept-encoding", "gzip")).await;
    assert_eq!(answer.verdict(), (500, "answer_too_large".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_just_fits_is_not_refused() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    let row = large(6_200_000, 2);
    let page = json!({"collection": [row], "pagination": {"next_page_token": null}});
    world.sandbox.fault(LIST, 1, json_body(&page));
    let answer = world.ask(&[]).await;
    assert_eq!((answer.status, answer.raw_items()), (200, vec![row.to_string()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_count_twice_because_a_body_travels_as_a_json_string() {
    let world = Setup::of(Binary::UserEventTypes).start().await;
    // As text: a third of these bytes are quotes.
    let rows = vec![r#"{"a":"b"}"#; 1_000].join(",");
    for (thousands, expected) in [(400, 200), (550, 500)] {
        let rows = vec![&*rows; thousands].join(",");
        assert!(rows.len() < 6_000_000);
        let body = format!(r#"{{"collection":[{rows}],"pagination":{{"next_page_token":null}}}}"#);
        let fault = Fault::Body { content_type: "application/json".to_owned(), body };
        world.sandbox.fault(LIST, 1, fault);
        assert_eq!(world.ask(&[]).await.status, expected, "{} bytes", rows.len());
    }
}
