//! What an environment keeps, for how long, and what is never answered with it.

use std::time::{Duration, Instant};

use chrono::{DateTime, Timelike, Utc};
use end_to_end::{AVAILABLE_TIMES, Binary, Setup, day};
use sandbox::{DEFAULT_PAT, Fault};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    LONG, ME, age, good, patiently, request, send, setup, some_days, without_as_of, world_and_table,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_variable_nothing_is_kept() {
    let world = Setup::of(Binary::CheckAvailability).start().await;
    for _ in 0..2 {
        let answer = world.send(&some_days(&world)).await;
        assert_eq!((answer.header("age"), answer.json().get("as_of")), (None, None));
    }
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES, AVAILABLE_TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn apart_from_age_an_answer_is_what_it_would_be_without_a_cache() {
    let world = setup(LONG).start().await;
    let plain = world.another(Binary::CheckAvailability, &[("AVAILABILITY_CACHE_SECONDS", "0")]).await;
    let at = |days: u64, time: &str| format!("{}T{time}", day(days));
    for (start, end) in [
        (day(2).to_string(), day(5).to_string()),
        (at(2, "09:10:00Z"), at(2, "16:40:00Z")),
        (at(3, "09:30:00Z"), at(3, "09:30:01Z")),
        (at(3, "23:59:59.5Z"), at(40, "00:00:00Z")),
        (at(1, "00:00:00Z"), at(300, "12:00:00Z")),
        ("2020-01-01".to_owned(), at(3, "10:00:00Z")),
    ] {
        for more in [&[][..], &[("timezone", "Asia/Kathmandu")], &[("limit", "7")], &[("match", "all")]] {
            let request = request(&world, &start, &end).query(more);
            let expected = good(&plain, &request).await;
            for time in 0..2 {
                let mut answer = without_as_of(good(&world.function, &request).await);
                // Where it is the present, the two were not asked in the same second.
                if start == "2020-01-01" {
                    answer["start_time"] = expected["start_time"].clone();
                }
                assert!(
                    answer == expected,
                    "{start} to {end} {more:?}, {time}: {answer:.500} and {expected:.500}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn near_ranges_share_what_calendly_said() {
    let world = setup(LONG).start().await;
    let at = |hours: i64| {
        let noon = Utc::now().date_naive().and_hms_opt(12, 7, 30).unwrap().and_utc();
        (noon + chrono::TimeDelta::days(10) + chrono::TimeDelta::hours(hours)).to_rfc3339()
    };
    let first = world.send(&request(&world, &at(0), &at(5))).await;
    assert_eq!(age(&first), 0);
    for (start, end) in [(at(1), at(2)), (at(0), at(30)), (at(2), at(200))] {
        world.sandbox.forget_calls();
        let answer = world.send(&request(&world, &start, &end)).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, 0), "{start} to {end}");
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["cache"]["availability"], true, "{line}");
        assert_eq!(line["AvailabilityFromMemory"].as_f64(), Some(1.0), "{line}");
        assert_eq!(line["calendly_calls"], 0);
    }
    let answer = world.send(&request(&world, &at(0), &at(24 * 60))).await;
    let line = world.end_line(&answer.request_id).await;
    assert_eq!(line["AvailabilityFromCalendly"].as_f64(), Some(2.0), "{line}");
    for call in world.calendly_calls() {
        let query = call.query.unwrap();
        let asked: std::collections::BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        let [start, end] = ["start_time", "end_time"]
            .map(|name| DateTime::parse_from_rfc3339(&asked[name]).unwrap().to_utc());
        assert_eq!((start.minute(), start.second(), end.minute(), end.second()), (0, 0, 0, 0), "{query}");
        assert!(end - start <= chrono::TimeDelta::days(31), "{query}");
    }
}

/// Nobody knows what was free earlier in the present hour.
#[tokio::test(flavor = "multi_thread")]
async fn what_begins_now_serves_no_earlier_start() {
    let world = setup(LONG).start().await;
    let in_seconds = |seconds: i64| {
        (Utc::now() + chrono::TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let end = in_seconds(7_200);
    for (start, calls) in [("2020-01-01", 1), ("2020-01-01", 1), (&*in_seconds(20), 2), (&*in_seconds(40), 2)]
    {
        let answer = world.send(&request(&world, start, &end)).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, calls), "{start}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_again_when_it_is_too_old() {
    patiently(async || {
        let (world, _table, _alone) = world_and_table("1").await;
        let request = some_days(&world);
        good(&world.function, &request).await;
        good(&world.function, &request).await;
        sleep(Duration::from_millis(1_050)).await;
        let before = world.calendly_calls().len();
        assert_eq!(age(&send(&world.function, &request).await), 0);
        assert_eq!(world.calendly_calls().len(), before + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_look_is_answered_by_calendly_and_refreshes_what_is_kept() {
    patiently(async || {
        let (world, _table, _alone) = world_and_table(LONG).await;
        let request = some_days(&world);
        good(&world.function, &request).await;
        let gone = json!({"collection": []}).to_string();
        let empty = || Fault::Body { content_type: "application/json".to_owned(), body: gone.clone() };
        world.sandbox.fault(AVAILABLE_TIMES, 1, empty());
        let fresh = request.clone().header("cache-control", "max-age=0, No-Cache");
        assert_eq!(good(&world.function, &fresh).await["collection"], json!([]));
        let other = world.another(Binary::CheckAvailability, &[]).await;
        for function in [&world.function, &other] {
            assert_eq!(good(function, &request).await["collection"], json!([]));
        }
        assert_eq!(world.calendly_calls().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_answer_serves_while_calendly_refuses_or_fails() {
    // A connection that breaks may have died while the environment was frozen: another one is tried.
    for (fault, most) in [
        (Fault::status(429), 1),
        (Fault::status(500), 1),
        (Fault::status(503), 1),
        (Fault::Reset, 2),
        (Fault::Hang, 1),
    ] {
        let setup = setup("1").with("AVAILABILITY_STALE_SECONDS", "60").with("CALENDLY_MAX_RETRIES", "0");
        let world = setup.start().await;
        let request = some_days(&world);
        let first = good(&world.function, &request).await;
        sleep(Duration::from_millis(1_050)).await;
        world.sandbox.fault(AVAILABLE_TIMES, 1_000, fault.clone());
        world.sandbox.forget_calls();
        let answer = world.send(&request).await;
        assert!(answer.status == 200 && answer.json() == first, "{fault:?}: {:.300}", answer.body);
        assert!(age(&answer) >= 1);
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["AvailabilityStale"].as_f64(), Some(1.0), "{line}");
        assert!(line["AnswerAge"].as_f64().unwrap() >= 1.0, "{line}");
        // Nobody waits for it a second time.
        let began = Instant::now();
        assert!(world.send(&request).await.json() == first);
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!((1..=most).contains(&world.calendly_calls().len()), "{fault:?}");
        // A fresh look is never answered with it.
        let fresh = request.clone().header("cache-control", "no-cache");
        assert_ne!(world.send(&fresh).await.status, 200, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_answer_never_stands_in_for_an_answer_of_calendlys() {
    let setup = setup("1").with("AVAILABILITY_STALE_SECONDS", "60");
    let world = setup.start().await;
    let request = some_days(&world);
    good(&world.function, &request).await;
    sleep(Duration::from_millis(1_050)).await;
    let nonsense = Fault::Body { content_type: "application/json".to_owned(), body: "{}".to_owned() };
    for (fault, status, code) in [
        (Fault::status(404), 404, "calendly_error"),
        (Fault::status(403), 403, "calendly_error"),
        (nonsense, 502, "calendly_invalid_response"),
    ] {
        world.sandbox.fault(AVAILABLE_TIMES, 1, fault.clone());
        let answer = world.send(&request).await;
        assert_eq!(answer.verdict(), (status, code.to_owned()), "{fault:?}");
    }
    assert_eq!(world.send(&request).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_older_than_that_does_not_serve() {
    let setup = setup("1").with("AVAILABILITY_STALE_SECONDS", "1").with("CALENDLY_MAX_RETRIES", "0");
    let world = setup.start().await;
    let request = some_days(&world);
    good(&world.function, &request).await;
    sleep(Duration::from_millis(2_050)).await;
    world.sandbox.fault(AVAILABLE_TIMES, 1_000, Fault::status(503));
    assert_eq!(world.send(&request).await.verdict(), (503, "calendly_error".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_names_the_user_saves_the_question() {
    let uri = "https://api.calendly.com/users/62b55958-672c-46bc-9d4d-fac861cf2b00";
    let secret = json!({"pat": DEFAULT_PAT, "user": uri}).to_string();
    for binary in Binary::ALL {
        let world = Setup::of(binary).secret(Some(&secret)).start().await;
        let (start, end) = (day(2).to_string(), day(5).to_string());
        let query = [("start_time", &*start), ("end_time", &*end)];
        let answer = world.ask(if binary == Binary::CheckAvailability { &query } else { &[] }).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!world.calendly_paths().contains(&ME.to_owned()), "{binary:?}");
        if binary == Binary::User {
            assert_eq!(answer.json(), json!({"uri": uri}));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_asked_about_each_time() {
    let world = setup(LONG).start().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let at = format!("{}T10:00:00Z", day(3));
    good(&world.function, &some_days(&world)).await;
    for calls in 2..5 {
        let answer = world.ask(&[("at", &at), ("event_type", &uri)]).await;
        assert_eq!((answer.status, world.calendly_calls().len()), (200, calls));
        assert_eq!((answer.json().get("as_of"), answer.header("age")), (None, None));
    }
}

/// The allowance is nearly spent: what would be too old serves on, so that some is left for what nobody has asked yet.
#[tokio::test(flavor = "multi_thread")]
async fn when_few_calls_are_left_an_older_answer_serves() {
    let setup =
        setup("1").with("AVAILABILITY_STALE_SECONDS", "300").sandbox(|sandbox| sandbox.rate_limit = 5);
    let world = setup.start().await;
    let request = some_days(&world);
    for round in 0..4 {
        let answer = world.send(&request).await;
        assert_eq!((answer.status, age(&answer)), (200, 0), "{round}");
        sleep(Duration::from_millis(1_050)).await;
    }
    let asked = world.calendly_calls().len();
    // One of five is left: not few yet. The last one is.
    assert_eq!(age(&world.send(&request).await), 0);
    for _ in 0..3 {
        sleep(Duration::from_millis(1_050)).await;
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 200);
        assert!(age(&answer) >= 1);
        let line = world.end_line(&answer.request_id).await;
        assert_eq!(line["AvailabilityFromMemory"].as_f64(), Some(1.0), "{line}");
    }
    assert_eq!(world.calendly_calls().len(), asked + 1);
}
