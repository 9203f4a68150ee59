//! Open times.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Europe::Lisbon;
use sandbox::{Config, DEFAULT_PAT};
use serde_json::{Value, json};

use crate::caller::{Caller, NOW, column, fixed, text};

const PATH: &str = "/event_type_available_times";

fn event_type(caller: &Caller, slug: &str) -> String {
    caller.sandbox.event_type_uri(DEFAULT_PAT, slug).unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn slots(caller: &Caller, slug: &str, start: &str, end: &str) -> Vec<Value> {
    let event_type = event_type(caller, slug);
    let query = [("event_type", &*event_type), ("start_time", start), ("end_time", end)];
    let body = caller.read(PATH, &query).await;
    assert_eq!(body.as_object().unwrap().len(), 1);
    body["collection"].as_array().unwrap().clone()
}

async fn starts(caller: &Caller, slug: &str, start: &str, end: &str) -> Vec<DateTime<Utc>> {
    let slots = slots(caller, slug, start, end).await;
    let starts = column(&slots, "start_time");
    starts.iter().map(|start| moment(start)).collect()
}

#[tokio::test]
async fn slots_keep_local_hours_when_the_clocks_change() {
    let caller = Caller::start(fixed()).await;
    // Lisbon's clocks go forward on Sunday, 29 March 2026.
    let start = "2026-03-16T00:00:00Z";
    let end = "2026-04-11T00:00:00Z";
    let starts = starts(&caller, "demo", start, end).await;
    assert!(starts.is_sorted_by(|one, other| one < other));
    let change = moment("2026-03-29T01:00:00Z");
    let hours = |after: bool| -> BTreeSet<u32> {
        starts.iter().filter(|start| (**start >= change) == after).map(|start| start.hour()).collect()
    };
    assert_eq!(hours(false), (9..17).collect());
    assert_eq!(hours(true), (8..16).collect());
    for start in &starts {
        let local = start.with_timezone(&Lisbon);
        assert!(!matches!(local.weekday(), Weekday::Sat | Weekday::Sun));
        assert!((9..17).contains(&local.hour()));
        assert_eq!((local.minute() % 30, local.second()), (0, 0));
    }
    // Some of the twenty days' slots are taken.
    let offered = 20 * 16;
    assert!((offered / 2..offered).contains(&starts.len()));
}

#[tokio::test]
async fn a_slot_has_the_documented_fields() {
    let caller = Caller::start(fixed()).await;
    let start = "2026-03-03T00:00:00Z";
    let slots = slots(&caller, "demo", start, "2026-03-04T00:00:00Z").await;
    for slot in &slots {
        let start = moment(slot["start_time"].as_str().unwrap());
        let link = start.format("2026-03-03T%H:%M:00Z?month=2026-03&date=2026-03-03");
        let expected = json!({
            "status": "available",
            "invitees_remaining": 1,
            "start_time": start.format("2026-03-03T%H:%M:00.000000Z").to_string(),
            "scheduling_url": format!("https://calendly.com/robin-sample/demo/{link}"),
        });
        assert_eq!(slot, &expected);
    }
    assert!(!slots.is_empty());
}

#[tokio::test]
async fn starts_follow_increment_and_duration() {
    let caller = Caller::start(fixed()).await;
    let (start, end) = ("2026-03-03T00:00:00Z", "2026-03-28T00:00:00Z");
    for (slug, increment, last_start) in
        [("catch-up", 15, (16, 45)), ("lightning-talk", 5, (16, 55)), ("workshop", 30, (14, 0))]
    {
        let starts = starts(&caller, slug, start, end).await;
        let minutes: BTreeSet<_> = starts.iter().map(|start| start.minute()).collect();
        assert_eq!(minutes, (0..60).step_by(increment).collect(), "{slug}");
        let last = starts.iter().map(|start| (start.hour(), start.minute())).max();
        assert_eq!(last, Some(last_start), "{slug}");
    }
}

#[tokio::test]
async fn a_user_is_busy_for_all_event_types_alike() {
    let caller = Caller::start(fixed()).await;
    let (start, end) = ("2026-03-03T00:00:00Z", "2026-03-28T00:00:00Z");
    let short = starts(&caller, "demo", start, end).await;
    let half_hour = TimeDelta::minutes(30);
    // An hour is free where both of its halves are.
    let hours: Vec<_> =
        short.iter().filter(|start| short.contains(&(**start + half_hour))).copied().collect();
    assert_eq!(starts(&caller, "kick-off", start, end).await, hours);
    // With a quarter of an hour before and after, the halves around it must be free too. Before
    // nine and after five nobody is offered, so those are left out.
    let padded = starts(&caller, "contract-review", start, end).await;
    let inner = |start: &DateTime<Utc>| (10..15).contains(&start.hour());
    let expected: Vec<_> = hours
        .iter()
        .filter(|start| inner(start))
        .filter(|start| short.contains(&(**start - half_hour)) && short.contains(&(**start + half_hour * 2)))
        .copied()
        .collect();
    let padded: Vec<_> = padded.into_iter().filter(inner).collect();
    assert_eq!(padded, expected);
    assert!(!padded.is_empty());
}

#[tokio::test]
async fn a_group_has_several_seats() {
    let caller = Caller::start(fixed()).await;
    let (start, end) = ("2026-03-03T00:00:00Z", "2026-04-03T00:00:00Z");
    let slots = slots(&caller, "first-steps", start, end).await;
    let seats: BTreeSet<_> = slots.iter().map(|slot| slot["invitees_remaining"].as_u64().unwrap()).collect();
    assert!(seats.len() > 1);
    assert!(seats.iter().all(|seats| (1..=20).contains(seats)));
}

#[tokio::test]
async fn ranges_that_meet_share_the_slot_between_them() {
    let caller = Caller::start(fixed()).await;
    let (start, end) = ("2026-03-03T00:00:00Z", "2026-03-06T00:00:00Z");
    let all = starts(&caller, "demo", start, end).await;
    let shared = all[all.len() / 2];
    let middle = text(&json!(shared.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    let before = starts(&caller, "demo", start, &middle).await;
    let after = starts(&caller, "demo", &middle, end).await;
    assert_eq!(before.last(), Some(&shared));
    assert_eq!(after.first(), Some(&shared));
    assert_eq!(before.len() + after.len(), all.len() + 1);
}

#[tokio::test]
async fn notice_and_horizon_bound_what_is_offered() {
    let caller = Caller::start(Config {
        minimum_notice: TimeDelta::hours(28),
        booking_horizon: TimeDelta::days(10),
        ..fixed()
    })
    .await;
    let starts = starts(&caller, "demo", "2026-03-02T08:01:00Z", "2026-04-01T00:00:00Z").await;
    let now = moment(NOW);
    assert!(starts.iter().all(|start| *start >= now + TimeDelta::hours(28)));
    assert!(starts.iter().all(|start| *start <= now + TimeDelta::days(10)));
    let days: BTreeSet<_> = starts.iter().map(DateTime::date_naive).collect();
    // From Tuesday noon to Wednesday of the week after: the horizon ends on Thursday at eight.
    assert_eq!(days.len(), 7);
    let past = slots(&caller, "demo", "2026-03-20T00:00:00Z", "2026-04-01T00:00:00Z").await;
    assert_eq!(past, Vec::<Value>::new());
}

#[tokio::test]
async fn every_month_of_a_year_has_slots() {
    let caller = Caller::start(fixed()).await;
    let mut start = moment("2026-03-03T00:00:00Z");
    for _ in 0..12 {
        let end = start + TimeDelta::days(31);
        let (from, until) = (start.format("%FT%TZ"), end.format("%FT%TZ"));
        let found = starts(&caller, "intro-call", &from.to_string(), &until.to_string()).await;
        assert!(found.len() > 50, "{from}");
        start = end;
    }
}

#[tokio::test]
async fn what_cannot_be_booked_has_no_slots() {
    let caller = Caller::start(fixed()).await;
    let (start, end) = ("2026-03-03T00:00:00Z", "2026-04-03T00:00:00Z");
    for slug in ["alumni-call", "annual-review", "architecture-vote"] {
        assert_eq!(slots(&caller, slug, start, end).await, Vec::<Value>::new());
    }
    for slug in ["team-pool", "exit-interview", "interview-panel", "tertulia"] {
        assert!(!slots(&caller, slug, start, end).await.is_empty(), "{slug}");
    }
}

#[tokio::test]
async fn a_one_off_is_offered_on_its_own_dates() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let list = [("user", &*user), ("count", "100")];
    let list = caller.read("/event_types", &list).await;
    let rows = list["collection"].as_array().unwrap();
    let one_off = rows.iter().find(|row| row["type"] == "AdhocEventType");
    let query = [
        ("event_type", one_off.unwrap()["uri"].as_str().unwrap()),
        ("start_time", "2026-03-03T00:00:00Z"),
        ("end_time", "2026-04-03T00:00:00Z"),
    ];
    let body = caller.read(PATH, &query).await;
    let days: BTreeSet<_> = column(body["collection"].as_array().unwrap(), "start_time")
        .iter()
        .map(|start| moment(start).date_naive() - moment(NOW).date_naive())
        .collect();
    assert_eq!(days, (7..10).map(TimeDelta::days).collect());
}

#[tokio::test]
async fn refusals_have_calendlys_texts() {
    let caller = Caller::start(fixed()).await;
    let known = event_type(&caller, "demo");
    let refused = async |event_type: &str, start: &str, end: &str| {
        let query = [("event_type", event_type), ("start_time", start), ("end_time", end)];
        caller.refused(PATH, &query).await
    };
    let end = "2026-03-20T00:00:00Z";
    let future = (400, "start_time must be in the future".to_owned());
    assert_eq!(refused(&known, NOW, end).await, future);
    assert_eq!(refused(&known, "2026-03-02T07:59:59Z", end).await, future);
    let (start, late) = ("2026-03-03T00:00:00Z", "2026-04-03T00:00:00.000001Z");
    let long = (400, "date range can be no greater than 31 days".to_owned());
    assert_eq!(refused(&known, start, late).await, long);
    assert_eq!(refused(&known, end, end).await.0, 400);
    assert_eq!(refused(&known, "tomorrow", end).await.0, 400);
    assert_eq!(refused("demo", start, end).await.0, 400);
    let unknown = "https://api.calendly.com/event_types/00000000-0000-4000-8000-000000000000";
    assert_eq!(refused(unknown, start, end).await.0, 404);
    caller.sandbox.add_account("other-pat");
    let others = caller.sandbox.event_type_uri("other-pat", "demo").unwrap();
    assert_eq!(refused(&others, start, end).await.0, 403);
    for missing in ["event_type", "start_time", "end_time"] {
        let query = [("event_type", &*known), ("start_time", start), ("end_time", end)];
        let query: Vec<_> = query.into_iter().filter(|(name, _)| *name != missing).collect();
        let (status, message) = caller.refused(PATH, &query).await;
        assert_eq!(status, 400);
        assert!(message.contains(missing), "{message}");
    }
}

#[tokio::test]
async fn bookings_change_as_often_as_configured() {
    let caller = Caller::start(Config { bookings_change: Some(TimeDelta::seconds(10)), ..fixed() }).await;
    let (start, end) = ("2026-03-16T00:00:00Z", "2026-03-28T00:00:00Z");
    let uri = event_type(&caller, "demo");
    let range = (moment(start), moment(end));
    let starts_at =
        |seconds| caller.sandbox.starts(DEFAULT_PAT, &uri, range, moment(NOW) + TimeDelta::seconds(seconds));
    assert_eq!(starts(&caller, "demo", start, end).await, starts_at(0));
    assert_eq!(starts_at(9), starts_at(0));
    assert_ne!(starts_at(10), starts_at(0));
    assert!(caller.sandbox.starts("nobody's", &uri, range, moment(NOW)).is_empty());
}
