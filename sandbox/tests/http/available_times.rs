//! `GET /event_type_available_times`.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Europe::Lisbon;
use sandbox::{Config, DEFAULT_PAT, Fault, KIM_PAT, NOOR_PAT};
use serde_json::{Value, json};

use crate::support::{Harness, NOW, column, fixed, text};

const PATH: &str = "/event_type_available_times";
/// 31 days, the longest range.
const MARCH: (&str, &str) = ("2026-03-03T00:00:00Z", "2026-04-03T00:00:00Z");

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn event_type_uri(harness: &Harness, slug: &str) -> String {
    harness.sandbox.event_type_uri(DEFAULT_PAT, slug).unwrap()
}

async fn slots(harness: &Harness, slug: &str, (start, end): (&str, &str)) -> Vec<Value> {
    let uri = event_type_uri(harness, slug);
    let body = harness.read(PATH, &[("event_type", &uri), ("start_time", start), ("end_time", end)]).await;
    assert_eq!(body.as_object().unwrap().len(), 1, "no pagination");
    body["collection"].as_array().unwrap().clone()
}

async fn starts(harness: &Harness, slug: &str, range: (&str, &str)) -> Vec<DateTime<Utc>> {
    let slots = slots(harness, slug, range).await;
    column(&slots, "start_time").iter().map(|start| time(start)).collect()
}

#[tokio::test]
async fn slots_are_ascending_and_within_local_working_hours() {
    let harness = Harness::start().await;
    // Includes the change to daylight saving time.
    let starts = starts(&harness, "demo", ("2026-03-16T00:00:00Z", "2026-04-11T00:00:00Z")).await;
    assert!(starts.is_sorted_by(|one, other| one < other));
    for start in &starts {
        let local = start.with_timezone(&Lisbon);
        assert!(!matches!(local.weekday(), Weekday::Sat | Weekday::Sun));
        assert!((9..17).contains(&local.hour()));
        assert_eq!((local.minute() % 30, local.second()), (0, 0));
    }
    // Part of the 16 slots on each of the 20 days is busy.
    assert!((160..320).contains(&starts.len()), "{}", starts.len());
}

#[tokio::test]
async fn slots_have_the_documented_fields() {
    let harness = Harness::start().await;
    let slots = slots(&harness, "demo", ("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")).await;
    assert!(!slots.is_empty());
    for slot in &slots {
        let start = time(&text(&slot["start_time"]));
        let link = start.format("2026-03-03T%H:%M:00Z?month=2026-03&date=2026-03-03");
        let expected = json!({
            "status": "available",
            "invitees_remaining": 1,
            "start_time": start.format("2026-03-03T%H:%M:00.000000Z").to_string(),
            "scheduling_url": format!("https://calendly.com/robin-sample/demo/{link}"),
        });
        assert_eq!(slot, &expected);
    }
}

#[tokio::test]
async fn slots_follow_increment_and_duration() {
    let harness = Harness::start().await;
    for (slug, increment, last_start) in
        [("catch-up", 15, (16, 45)), ("lightning-talk", 5, (16, 55)), ("workshop", 30, (14, 0))]
    {
        let starts = starts(&harness, slug, ("2026-03-03T00:00:00Z", "2026-03-28T00:00:00Z")).await;
        let minutes: BTreeSet<_> = starts.iter().map(Timelike::minute).collect();
        assert_eq!(minutes, (0..60).step_by(increment).collect(), "{slug}");
        let last = starts.iter().map(|start| (start.hour(), start.minute())).max();
        assert_eq!(last, Some(last_start), "{slug}");
    }
}

#[tokio::test]
async fn group_event_types_have_several_seats() {
    let harness = Harness::start().await;
    let slots = slots(&harness, "first-steps", MARCH).await;
    let seats: BTreeSet<_> = slots.iter().map(|slot| slot["invitees_remaining"].as_u64().unwrap()).collect();
    assert!(seats.len() > 1);
    assert!(seats.iter().all(|seats| (1..=20).contains(seats)));
}

#[tokio::test]
async fn both_ends_of_the_range_are_inclusive() {
    let harness = Harness::start().await;
    let (start, end) = MARCH;
    let all = starts(&harness, "demo", MARCH).await;
    let shared = all[all.len() / 2];
    let middle = shared.format("%FT%TZ").to_string();
    let before = starts(&harness, "demo", (start, &middle)).await;
    let after = starts(&harness, "demo", (&middle, end)).await;
    assert_eq!((before.last(), after.first()), (Some(&shared), Some(&shared)));
    assert_eq!(before.len() + after.len(), all.len() + 1);
}

#[tokio::test]
async fn slots_lie_between_minimum_notice_and_booking_horizon() {
    let notice = TimeDelta::hours(28);
    let horizon = TimeDelta::days(10);
    let harness =
        Harness::start_with(Config { minimum_notice: notice, booking_horizon: horizon, ..fixed() }).await;
    let starts = starts(&harness, "demo", ("2026-03-02T08:01:00Z", "2026-04-01T00:00:00Z")).await;
    let bounds = time(NOW) + notice..=time(NOW) + horizon;
    assert!(starts.iter().all(|start| bounds.contains(start)));
    assert!(starts.len() > 50);
    let beyond = slots(&harness, "demo", ("2026-03-20T00:00:00Z", "2026-04-01T00:00:00Z")).await;
    assert_eq!(beyond, Vec::<Value>::new());
}

#[tokio::test]
async fn only_bookable_event_types_have_slots() {
    let harness = Harness::start().await;
    for slug in ["alumni-call", "annual-review", "architecture-vote"] {
        assert_eq!(slots(&harness, slug, MARCH).await, Vec::<Value>::new(), "{slug}");
    }
    for slug in ["team-pool", "exit-interview", "interview-panel", "tertulia"] {
        assert!(!slots(&harness, slug, MARCH).await.is_empty(), "{slug}");
    }
    let rows = harness.event_types(DEFAULT_PAT).await;
    let one_off = text(&rows.iter().find(|row| row["type"] == "AdhocEventType").unwrap()["uri"]);
    let starts = harness.sandbox.starts(DEFAULT_PAT, &one_off, (time(MARCH.0), time(MARCH.1)), time(NOW));
    let days: BTreeSet<_> = starts.iter().map(|start| start.date_naive() - time(NOW).date_naive()).collect();
    assert_eq!(days, (7..10).map(TimeDelta::days).collect());
}

#[tokio::test]
async fn working_hours_of_colleagues_overlap_in_part() {
    let harness = Harness::start().await;
    let [lisbon, helsinki, new_york] = [DEFAULT_PAT, KIM_PAT, NOOR_PAT].map(|pat| {
        let uri = harness.sandbox.event_type_uri(pat, "support-call").unwrap();
        let range = (time(MARCH.0), time(MARCH.1));
        BTreeSet::from_iter(harness.sandbox.starts(pat, &uri, range, time(NOW)))
    });
    for (one, other) in [(&lisbon, &helsinki), (&lisbon, &new_york), (&helsinki, &new_york)] {
        let common = one.intersection(other).count();
        assert!(0 < common && common < one.len().min(other.len()), "{common}");
    }
}

#[tokio::test]
async fn invalid_requests_get_calendlys_errors() {
    let harness = Harness::start().await;
    harness.sandbox.add_account("other-pat");
    let known = event_type_uri(&harness, "demo");
    let unknown = "https://api.calendly.com/event_types/00000000-0000-4000-8000-000000000000";
    let foreign = harness.sandbox.event_type_uri("other-pat", "demo").unwrap();
    let (start, end) = MARCH;
    let past = "start_time must be in the future";
    let long = "date range can be no greater than 31 days";
    for (event_type, start, end, status, message) in [
        (&*known, NOW, end, 400, past),
        (&known, "2026-03-02T07:59:59Z", end, 400, past),
        (&known, start, "2026-04-03T00:00:00.000001Z", 400, long),
        (&known, end, end, 400, "end_time must be after start_time"),
        (&known, "tomorrow", end, 400, "start_time is invalid"),
        (&known, "2026-03-03", end, 400, "start_time is invalid"),
        (&known, "2026-03-03T00:00:00+00:00", end, 400, "start_time is invalid"),
        ("demo", start, end, 400, "event_type is invalid"),
        (unknown, start, end, 404, "The server could not find the requested resource."),
        (&foreign, start, end, 403, "You do not have permission to access this resource."),
    ] {
        let query = [("event_type", event_type), ("start_time", start), ("end_time", end)];
        assert_eq!(harness.error(PATH, &query).await, (status, message.to_owned()), "{query:?}");
    }
    for missing in ["event_type", "start_time", "end_time"] {
        let mut query = vec![("event_type", &*known), ("start_time", start), ("end_time", end)];
        query.retain(|(name, _)| *name != missing);
        assert_eq!(harness.error(PATH, &query).await, (400, format!("{missing} is missing")));
    }
}

#[tokio::test]
async fn busy_times_change_at_the_configured_interval() {
    let interval = TimeDelta::seconds(10);
    let harness = Harness::start_with(Config { bookings_change: Some(interval), ..fixed() }).await;
    let uri = event_type_uri(&harness, "demo");
    let range = (time(MARCH.0), time(MARCH.1));
    let starts_after =
        |seconds| harness.sandbox.starts(DEFAULT_PAT, &uri, range, time(NOW) + TimeDelta::seconds(seconds));
    assert_eq!(starts(&harness, "demo", MARCH).await, starts_after(0));
    assert_eq!(starts_after(9), starts_after(0));
    assert_ne!(starts_after(10), starts_after(0));
}

#[tokio::test]
async fn faults_add_slots_outside_the_range() {
    let harness = Harness::start().await;
    let range = ("2026-03-03T09:00:00Z", "2026-03-03T17:00:00Z");
    let real = slots(&harness, "demo", range).await;
    harness.sandbox.fault(PATH, 1, Fault::SlotsOutsideRange { minutes: 30 });
    let slots = slots(&harness, "demo", range).await;
    let [first, inside @ .., last] = &slots[..] else {
        panic!("{slots:?}");
    };
    assert_eq!(inside, real);
    assert_eq!(first["start_time"], "2026-03-03T08:30:00.000000Z");
    assert_eq!(last["start_time"], "2026-03-03T17:30:00.000000Z");
    assert_eq!(first["status"], "available");
}

#[tokio::test]
async fn faults_list_slots_twice() {
    let harness = Harness::start().await;
    let real = slots(&harness, "demo", MARCH).await;
    harness.sandbox.fault(PATH, 1, Fault::DuplicateSlots);
    let slots = slots(&harness, "demo", MARCH).await;
    assert_eq!(slots.len(), 2 * real.len());
    for (pair, slot) in slots.chunks(2).zip(&real) {
        assert_eq!(
            (&pair[0]["status"], &pair[0]["start_time"]),
            (&json!("unavailable"), &slot["start_time"])
        );
        assert_eq!(&pair[1], slot);
    }
}
