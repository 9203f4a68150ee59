//! `GET /event_type_available_times`.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, NaiveTime, SecondsFormat, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Europe::Lisbon;
use sandbox::{Config, DEFAULT_PAT};
use serde_json::{Value, json};

use crate::support::Harness;

const PATH: &str = "/event_type_available_times";

type Range = (DateTime<Utc>, DateTime<Utc>);

/// A Monday before working hours. Clocks go forward in Europe on 29 March 2026.
fn now() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// The longest range that can be requested, from the day after [`now`].
fn march() -> Range {
    (now() + TimeDelta::days(1), now() + TimeDelta::days(32))
}

/// The longest range that can be requested, from midnight in two days.
fn coming_month() -> Range {
    let start = (Utc::now() + Days::new(2)).with_time(NaiveTime::MIN).unwrap();
    (start, start + TimeDelta::days(31))
}

fn format(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn event_type_uri(harness: &Harness, slug: &str) -> String {
    harness.sandbox.event_type_uri(DEFAULT_PAT, slug).unwrap()
}

fn starts_as_of(now: DateTime<Utc>, harness: &Harness, slug: &str, range: Range) -> Vec<DateTime<Utc>> {
    harness.sandbox.starts(DEFAULT_PAT, &event_type_uri(harness, slug), range, now)
}

fn starts(harness: &Harness, slug: &str, range: Range) -> Vec<DateTime<Utc>> {
    starts_as_of(now(), harness, slug, range)
}

async fn slots(harness: &Harness, slug: &str, (start, end): Range) -> Vec<Value> {
    let query = [
        ("event_type", &*event_type_uri(harness, slug)),
        ("start_time", &format(start)),
        ("end_time", &format(end)),
    ];
    let mut body = harness.read(PATH, &query).await;
    assert_eq!(body.as_object().unwrap().len(), 1, "no pagination");
    serde_json::from_value(body["collection"].take()).unwrap()
}

#[tokio::test]
async fn starts_follow_local_working_hours_increment_and_duration() {
    let harness = Harness::start().await;
    for (slug, increment, last_start) in [
        ("demo", 30, (16, 30)),
        ("catch-up", 15, (16, 45)),
        ("lightning-talk", 5, (16, 55)),
        ("workshop", 30, (14, 0)),
    ] {
        let starts = starts(&harness, slug, march());
        assert!(starts.is_sorted_by(|one, other| one < other));
        let local: Vec<_> = starts.iter().map(|start| start.with_timezone(&Lisbon)).collect();
        assert!(local.iter().all(|start| !matches!(start.weekday(), Weekday::Sat | Weekday::Sun)));
        let minutes: BTreeSet<_> = local.iter().map(Timelike::minute).collect();
        assert_eq!(minutes, (0..60).step_by(increment).collect(), "{slug}");
        let times: BTreeSet<_> = local.iter().map(|start| (start.hour(), start.minute())).collect();
        assert_eq!((times.first(), times.last()), (Some(&(9, 0)), Some(&last_start)), "{slug}");
    }
    // Part of the 16 half hours on each of the 23 working days is busy.
    assert!((184..368).contains(&starts(&harness, "demo", march()).len()));
}

#[tokio::test]
async fn slots_have_the_documented_fields() {
    let harness = Harness::start().await;
    let range = coming_month();
    let slots = slots(&harness, "demo", range).await;
    let starts = starts_as_of(Utc::now(), &harness, "demo", range);
    let expected: Vec<_> = starts
        .iter()
        .map(|start| {
            let link = start.format("%FT%TZ?month=%Y-%m&date=%F");
            json!({
                "status": "available",
                "invitees_remaining": 1,
                "start_time": start.format("%FT%T.000000Z").to_string(),
                "scheduling_url": format!("https://calendly.com/robin-sample/demo/{link}"),
            })
        })
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(slots, expected);
    let of_group = self::slots(&harness, "first-steps", range).await;
    assert!(of_group.iter().all(|slot| (1..=20).contains(&slot["invitees_remaining"].as_u64().unwrap())));
    assert!(of_group.iter().any(|slot| slot["invitees_remaining"] != of_group[0]["invitees_remaining"]));
}

#[tokio::test]
async fn both_ends_of_the_range_are_inclusive() {
    let harness = Harness::start().await;
    let (start, end) = march();
    let all = starts(&harness, "demo", (start, end));
    let (before, after) = all.split_at(all.len() / 2);
    assert_eq!(starts(&harness, "demo", (after[0], end)), after);
    assert_eq!(starts(&harness, "demo", (start, before[before.len() - 1])), before);
}

#[tokio::test]
async fn starts_lie_between_minimum_notice_and_booking_horizon() {
    let harness = Harness::start().await;
    let starts = starts(&harness, "lightning-talk", (now(), now() + TimeDelta::days(500)));
    let bounds = now() + TimeDelta::hours(4)..=now() + TimeDelta::days(400);
    assert!(starts.iter().all(|start| bounds.contains(start)));
    assert!(starts[0] < now() + TimeDelta::hours(6));
    assert!(starts[starts.len() - 1] > now() + TimeDelta::days(396));
}

#[tokio::test]
async fn only_bookable_event_types_have_slots() {
    let harness = Harness::start().await;
    for slug in ["alumni-call", "annual-review", "architecture-vote"] {
        assert!(starts(&harness, slug, march()).is_empty(), "{slug}");
    }
    for slug in ["team-pool", "exit-interview", "interview-panel", "tertulia"] {
        assert!(!starts(&harness, slug, march()).is_empty(), "{slug}");
    }
}

#[tokio::test]
async fn invalid_requests_get_calendlys_errors() {
    let harness = Harness::start().await;
    harness.sandbox.add_account("other-pat");
    let known = event_type_uri(&harness, "demo");
    let unknown = "https://api.calendly.com/event_types/00000000-0000-4000-8000-000000000000";
    let foreign = harness.sandbox.event_type_uri("other-pat", "demo").unwrap();
    let (start, end) = coming_month();
    let too_late = format(end + TimeDelta::microseconds(1));
    let offset = format(start).replace('Z', "+00:00");
    let (now, start, end) = (format(Utc::now()), format(start), format(end));
    let invalid_start = "start_time is missing or invalid";
    for (event_type, start, end, status, message) in [
        (&*known, &*now, &*end, 400, "start_time must be in the future"),
        (&known, &start, &too_late, 400, "date range can be no greater than 31 days"),
        (&known, &end, &end, 400, "end_time must be after start_time"),
        (&known, "tomorrow", &end, 400, invalid_start),
        (&known, "2126-03-03", &end, 400, invalid_start),
        (&known, &offset, &end, 400, invalid_start),
        (&known, &start, "Z", 400, "end_time is missing or invalid"),
        ("demo", &start, &end, 400, "event_type is missing or invalid"),
        (unknown, &start, &end, 404, "The server could not find the requested resource."),
        (&foreign, &start, &end, 403, "You do not have permission to access this resource."),
    ] {
        let query = [("event_type", event_type), ("start_time", start), ("end_time", end)];
        assert_eq!(harness.error(PATH, &query).await, (status, message.to_owned()), "{query:?}");
    }
}

#[tokio::test]
async fn busy_times_change_at_the_configured_interval() {
    let interval = Some(TimeDelta::seconds(10));
    let harness = Harness::start_with(Config { bookings_change: interval, ..Config::default() }).await;
    let after = |seconds| starts_as_of(now() + TimeDelta::seconds(seconds), &harness, "demo", march());
    assert_eq!(after(9), after(0));
    assert_ne!(after(10), after(0));
}
