//! `GET /calendly/check-availability` (contract, sections 1.3 and 8): which times and ranges are understood.
#![cfg(test)]

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Utc};
use end_to_end::{AVAILABLE_TIMES, Binary, Gateway, Setup, World, ask, day, midnight, time, utc, windows};
use sandbox::{DEFAULT_PAT, Fault};
use serde_json::json;

async fn world() -> World {
    Setup::of(Binary::CheckAvailability).start().await
}

/// The last Sunday of the next such month that is at least a day ahead: Europe's clock changes.
fn clock_change(month: u32) -> NaiveDate {
    let today = day(0);
    (today.year()..)
        .map(|year| NaiveDate::from_ymd_opt(year, month, 31).unwrap())
        .map(|last| last - Days::new(u64::from(last.weekday().num_days_from_sunday())))
        .find(|date| *date > today + Days::new(1))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_understood_as_documented() {
    let world = world().await;
    let day = day(20);
    let next = day + Days::new(1);
    for (query, start, end) in [
        (
            format!("start_time={day}T09:00:00Z&end_time={day}T10:00:00Z"),
            format!("{day}T09:00:00Z"),
            format!("{day}T10:00:00Z"),
        ),
        (
            format!("start_time={day}T09%3A00%3A00.000000Z&end_time={day}T10%3A00%3A00.000Z"),
            format!("{day}T09:00:00Z"),
            format!("{day}T10:00:00Z"),
        ),
        // An encoded plus, and one that the client forgot to encode.
        (
            format!("start_time={day}T09:00:00%2B02:00&end_time={day}T10:00:00-03:30"),
            format!("{day}T07:00:00Z"),
            format!("{day}T13:30:00Z"),
        ),
        (
            format!("start_time={day}T09:00:00+02:00&end_time={day}T10:00:00+02:00"),
            format!("{day}T07:00:00Z"),
            format!("{day}T08:00:00Z"),
        ),
        (
            format!("start_time={day}T09:00:00.5+02:00&end_time={day}T10:00:00Z"),
            format!("{day}T07:00:00.500Z"),
            format!("{day}T10:00:00Z"),
        ),
        // An offset counts for more than the zone.
        (
            format!("start_time={day}T09:00:00Z&end_time={day}T10:00:00Z&timezone=Asia/Tokyo"),
            format!("{day}T09:00:00Z"),
            format!("{day}T10:00:00Z"),
        ),
        // RFC 3339 takes small letters.
        (
            format!("start_time={day}t09:00:00z&end_time={day}T10:00:00z"),
            format!("{day}T09:00:00Z"),
            format!("{day}T10:00:00Z"),
        ),
        // Local, and a whole day.
        (
            format!("start_time={day}T09:00:00&end_time={day}T10:30:00&timezone=Asia/Tokyo"),
            format!("{day}T00:00:00Z"),
            format!("{day}T01:30:00Z"),
        ),
        (format!("start_time={day}&end_time={day}"), format!("{day}T00:00:00Z"), format!("{next}T00:00:00Z")),
        (
            format!("start_time={day}&end_time={day}&timezone=Asia/Kolkata"),
            format!("{}T18:30:00Z", day - Days::new(1)),
            format!("{day}T18:30:00Z"),
        ),
        (
            format!("start_time={day}T09:00:00Z&end_time={next}"),
            format!("{day}T09:00:00Z"),
            format!("{}T00:00:00Z", next + Days::new(1)),
        ),
    ] {
        for gateway in Gateway::BOTH {
            world.sandbox.forget_calls();
            let answer = world.send_through(gateway, &world.request().raw_query(&query)).await;
            assert_eq!(answer.status, 200, "{query}: {}", answer.body);
            let json = answer.json();
            assert_eq!(
                (&json["start_time"], time(&json["end_time"])),
                (&json!(start), time(&json!(end))),
                "{query}"
            );
            assert_eq!(windows(&world), [(time(&json["start_time"]), time(&json["end_time"]))]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_clocks_repeat_is_the_earlier_start_and_the_later_end() {
    let world = world().await;
    let autumn = clock_change(10);
    let local = format!("{autumn}T01:30:00");
    let answer = ask(&world, &local, &local, &[("timezone", "Europe/Lisbon")]).await.json();
    assert_eq!(answer["start_time"], format!("{autumn}T00:30:00Z"), "{answer}");
    assert_eq!(answer["end_time"], format!("{autumn}T01:30:00Z"));
    let day = autumn.to_string();
    let answer = ask(&world, &day, &day, &[("timezone", "Europe/Lisbon")]).await.json();
    assert_eq!(time(&answer["end_time"]) - time(&answer["start_time"]), TimeDelta::hours(25));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_clocks_skip_is_an_error() {
    let world = world().await;
    let spring = clock_change(3);
    let (skipped, late) = (format!("{spring}T01:30:00"), format!("{spring}T12:00:00"));
    let early = format!("{}T12:00:00", spring - Days::new(1));
    for (start, end, parameter) in [(&skipped, &late, "start_time"), (&early, &skipped, "end_time")] {
        let answer = ask(&world, start, end, &[("timezone", "Europe/Lisbon")]).await;
        assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()));
        assert_eq!(answer.json()["parameter"], parameter);
        assert!(answer.detail().contains("01:30"), "{}", answer.detail());
    }
    let day = spring.to_string();
    let answer = ask(&world, &day, &day, &[("timezone", "Europe/Lisbon")]).await.json();
    assert_eq!(time(&answer["end_time"]) - time(&answer["start_time"]), TimeDelta::hours(23));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_the_past_is_moved_to_a_minute_from_now() {
    let world = world().await;
    for start in ["2020-01-01T00:00:00Z".to_owned(), utc(Utc::now()), Utc::now().date_naive().to_string()] {
        world.sandbox.forget_calls();
        let before = Utc::now();
        let answer = ask(&world, &start, &utc(midnight(3)), &[]).await;
        let after = Utc::now();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let moved = time(&answer.json()["start_time"]);
        let minute = TimeDelta::seconds(60);
        assert!(
            moved >= before + minute && moved <= after + minute + TimeDelta::seconds(1),
            "{start}: {moved}"
        );
        assert_eq!(windows(&world)[0].0, moved);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_cannot_be_are_refused_and_named_before_any_upstream_call() {
    let world = world().await;
    let reads = world.secrets.reads().len();
    let now = Utc::now();
    let (one, two) = (utc(midnight(10)), utc(midnight(11)));
    for (start, end) in [
        (&*two, &*one),
        (&one, &one),
        ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        ("2020-01-01", "2020-01-02"),
        ("2020-01-01T00:00:00Z", &utc(now + TimeDelta::seconds(40))),
        (&one, &utc(midnight(10) + TimeDelta::days(366) + TimeDelta::seconds(1))),
        ("2020-01-01T00:00:00Z", &utc(now + TimeDelta::days(366) + TimeDelta::seconds(90))),
        (&one, "9999-12-31T23:59:59Z"),
    ] {
        let answer = ask(&world, start, end, &[]).await;
        assert_eq!(
            answer.verdict(),
            (400, "invalid_parameter".to_owned()),
            "{start} to {end}: {}",
            answer.body
        );
        assert_eq!(answer.json()["parameter"], "end_time", "{start} to {end}");
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads().len(), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_range_is_counted_after_a_past_start_was_moved() {
    let world = world().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let end = utc(Utc::now() + TimeDelta::days(366));
    assert_eq!(ask(&world, "2000-01-01T00:00:00Z", &end, &[("event_type", &uri)]).await.status, 200);
    let end = utc(midnight(10) + TimeDelta::days(366));
    assert_eq!(ask(&world, &utc(midnight(10)), &end, &[("event_type", &uri)]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_make_no_sense_are_refused_and_named_before_any_upstream_call() {
    let world = world().await;
    let reads = world.secrets.reads().len();
    let good = "start_time=2099-01-01T09:00:00Z&end_time=2099-01-02T09:00:00Z";
    for (query, parameter) in [
        ("end_time=2099-01-02T09:00:00Z", "start_time"),
        ("start_time=2099-01-01T09:00:00Z", "end_time"),
        ("start_time=&end_time=2099-01-02", "start_time"),
        ("start_time=tomorrow&end_time=2099-01-02", "start_time"),
        ("start_time=4070908800&end_time=2099-01-02", "start_time"),
        ("start_time=2099-02-30&end_time=2099-03-02", "start_time"),
        ("start_time=2099-01-01T25:00:00Z&end_time=2099-03-02", "start_time"),
        ("start_time=2099-01-01T09:00:00Z&end_time=2099-13-01", "end_time"),
        ("start_time=2099-01-01T09:00:00%2B25:00&end_time=2099-03-02", "start_time"),
        ("start_time=2099-01-01T09:00:00Zjunk&end_time=2099-03-02", "start_time"),
        ("start_time=2099-01-01&start_time=2099-01-01&end_time=2099-03-02", "start_time"),
        (&format!("{good}&end_time=2099-01-02T09:00:00Z"), "end_time"),
        (&format!("{good}&timezone=Mars/Olympus"), "timezone"),
        (&format!("{good}&timezone=europe/lisbon"), "timezone"),
        (&format!("{good}&timezone=%2B01:00"), "timezone"),
        (&format!("{good}&timezone="), "timezone"),
        (&format!("{good}&timezone=UTC&timezone=UTC"), "timezone"),
        (&format!("{good}{}", "&event_type=a".repeat(11)), "event_type"),
        (&format!("{good}&event_type="), "event_type"),
        (&format!("{good}&event_type=https://evil.example/event_types/x"), "event_type"),
        (&format!("{good}&event_type=http://api.calendly.com/event_types/x"), "event_type"),
        (&format!("{good}&event_type=https://api.calendly.com/users/x"), "event_type"),
        (&format!("{good}&event_type=https://api.calendly.com/event_types/"), "event_type"),
        (&format!("{good}&event_type=https://api.calendly.com/event_types/x/y"), "event_type"),
        (&format!("{good}&event_type=https://api.calendly.com/event_types/x%3Fy"), "event_type"),
        (&format!("{good}&event_type=https://api.calendly.com@evil.example/event_types/x"), "event_type"),
        (&format!("{good}&event_type=https://calendly.com/robin/intro-call"), "event_type"),
    ] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &world.request().raw_query(query)).await;
            assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()), "{query}: {}", answer.body);
            assert_eq!(answer.json()["parameter"], parameter, "{query}");
            assert!(answer.detail().contains(parameter), "{query}: {}", answer.detail());
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads().len(), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_with_neither_offset_nor_timezone_is_an_error_that_says_so() {
    let world = world().await;
    for query in [
        [("start_time", "2099-01-01T10:00"), ("end_time", "2099-01-02")],
        [("start_time", "2099-01-01T10:00:00.5"), ("end_time", "2099-01-02")],
        [("start_time", "2099-01-01T10:00:00"), ("end_time", "2099-01-02")],
    ] {
        let answer = world.ask(&query).await;
        assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()));
        let detail = answer.detail();
        for needle in [query[0].1, "offset", "timezone"] {
            assert!(detail.contains(needle), "{needle}: {detail}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_error_advises_is_accepted() {
    let world = world().await;
    let day = day(20);
    let end = format!("{day}T12:00:00Z");
    for (start, more) in [
        (format!("{day}T10:00Z"), &[][..]),
        (format!("{day}T10:00+01:00"), &[]),
        (format!("{day}T10:00"), &[("timezone", "Europe/Lisbon")]),
    ] {
        let answer = ask(&world, &start, &end, more).await;
        assert_eq!(answer.status, 200, "{start}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_may_begin_later_than_midnight() {
    let world = world().await;
    // In Lebanon the clocks go forward at midnight, on the same Sunday as in Europe.
    let spring = clock_change(3);
    let day = spring.to_string();
    let answer = ask(&world, &day, &day, &[("timezone", "Asia/Beirut")]).await.json();
    assert_eq!(answer["start_time"], format!("{}T22:00:00Z", spring - Days::new(1)), "{answer}");
    assert_eq!(time(&answer["end_time"]) - time(&answer["start_time"]), TimeDelta::hours(23));
}

/// Asks for a range that starts in this many seconds, while something takes longer than that, and looks at
/// every start that Calendly was asked about.
async fn calendly_is_never_asked_about_the_past(setup: Setup, path: &str, fault: Fault, slug: &str) {
    let world = setup.start().await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let event_type = if slug.is_empty() { &*uri } else { slug };
    world.sandbox.fault(path, 1, fault);
    let began = Utc::now();
    let start = began + TimeDelta::seconds(3);
    let answer = ask(&world, &utc(start), &utc(midnight(3)), &[("event_type", event_type)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let calls: Vec<_> =
        world.calendly_calls().into_iter().filter(|call| call.path == AVAILABLE_TIMES).collect();
    let last = calls.last().unwrap();
    // A start that was past when it was asked for is moved to a minute from then.
    let asked = windows(&world).into_iter().map(|(start, _)| start).max().unwrap();
    assert!(asked >= began + TimeDelta::seconds(3 + 60), "{asked}: {last:?}");
    assert!(asked <= Utc::now() + TimeDelta::seconds(61), "{asked}: {last:?}");
    assert_eq!(time(&answer.json()["start_time"]), asked, "the range that was asked of Calendly");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_becomes_past_while_a_call_is_tried_again_is_moved() {
    let setup = Setup::of(Binary::CheckAvailability).with("CALENDLY_TIMEOUT_MS", "3500");
    calendly_is_never_asked_about_the_past(setup, AVAILABLE_TIMES, Fault::Hang, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_becomes_past_while_the_event_type_is_looked_up_is_moved() {
    let setup = Setup::of(Binary::CheckAvailability);
    let slow = Fault::Delay { milliseconds: 3_500 };
    calendly_is_never_asked_about_the_past(setup, "/event_types", slow, "demo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_becomes_past_while_calendly_asks_to_wait_is_moved() {
    let wait = Fault::Status {
        status: 429,
        body: String::new(),
        headers: [("retry-after".to_owned(), "4".to_owned())].into(),
    };
    let setup = Setup::of(Binary::CheckAvailability);
    calendly_is_never_asked_about_the_past(setup, AVAILABLE_TIMES, wait, "").await;
}
