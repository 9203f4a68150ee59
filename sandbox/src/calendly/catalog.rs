//! The sample event types: one of every kind that clients must handle.

use serde_json::value::RawValue;

use super::event_type::{BookingMethod, EventType, Minutes, PoolingType, Profile};
use super::uri::resource_uri;
use super::user::User;
use crate::config::Catalog;
use crate::identifier::uuid;

/// A custom question. `answer_choices` is documented as an array, but null in Calendly's samples.
const TOPIC: &str = r#"{"name":"What shall we talk about?","type":"text","position":0,"enabled":true,"required":false,"answer_choices":null,"include_other":false}"#;

const FUTURE_OBJECT: &str =
    "{\"ratio\":1e-7,\"zero\":0.0,\"text\":\"\u{1F980} \u{7f}\",\"nothing\":null,\"list\":[3,1]}";

/// Wraps JSON text without changing it; `None` if it is invalid.
fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

/// Creates the event types of a user.
pub(super) fn event_types(user: &User, catalog: Catalog) -> Vec<EventType> {
    let drafts: Vec<EventType> = match catalog {
        Catalog::Plain { count } => sessions(count).collect(),
        Catalog::Sample { generated } => sample().into_iter().chain(sessions(generated)).collect(),
    };
    drafts.into_iter().enumerate().map(|(position, draft)| complete(user, position, draft)).collect()
}

/// Sets the fields that derive from the owner and the position.
fn complete(user: &User, position: usize, draft: EventType) -> EventType {
    let index = position.to_string();
    let key = ["event type", &user.id, &index];
    let id = uuid(&key);
    EventType {
        uri: resource_uri("event_types", &id),
        scheduling_url: match &draft.slug {
            Some(_) if !draft.scheduling_url.is_empty() => draft.scheduling_url,
            Some(slug) => format!("{}/{slug}", user.scheduling_url),
            None => format!("https://calendly.com/d/{id}"),
        },
        profile: (draft.pooling_type != Some(PoolingType::MultiPool)).then(|| Profile::from(user)),
        position,
        id,
        ..draft
    }
}

fn sessions(count: usize) -> impl Iterator<Item = EventType> {
    (1..=count).map(|index| plain(&format!("Session {index:05}"), &format!("session-{index:05}"), 30))
}

/// A bookable one-on-one event type.
fn plain(name: &str, slug: &str, minutes: u32) -> EventType {
    EventType {
        seats: 1,
        name: Some(name.to_owned()),
        active: true,
        slug: Some(slug.to_owned()),
        duration: Minutes::Integer(minutes),
        kind: "solo",
        event_type: "StandardEventType",
        color: "#8247f5",
        created_at: "2025-02-03T09:20:00.000000Z",
        updated_at: "2026-10-30T18:02:11.550901Z",
        locale: "en",
        start_time_increment: Some(30),
        ..EventType::default()
    }
}

fn inactive(name: &str, slug: &str, minutes: u32) -> EventType {
    EventType { active: false, ..plain(name, slug, minutes) }
}

/// Assumed: deleted event types stay in the list, and may still be active.
fn deleted(name: &str, slug: &str, minutes: u32) -> EventType {
    EventType { deleted_at: Some("2026-03-05T16:40:12.000481Z"), ..plain(name, slug, minutes) }
}

fn poll(name: &str, slug: &str, minutes: u32) -> EventType {
    EventType { booking_method: BookingMethod::Poll, ..plain(name, slug, minutes) }
}

fn group(name: &str, slug: &str, minutes: u32, seats: u32) -> EventType {
    EventType { kind: "group", seats, ..plain(name, slug, minutes) }
}

fn pooled(name: &str, slug: &str, minutes: u32, pooling_type: PoolingType) -> EventType {
    EventType { pooling_type: Some(pooling_type), ..plain(name, slug, minutes) }
}

fn secret(name: &str, slug: &str, minutes: u32) -> EventType {
    EventType { secret: true, ..plain(name, slug, minutes) }
}

/// The first three by name cannot be booked, so that clients must look beyond the first row for a default.
fn sample() -> Vec<EventType> {
    let mut sample = vec![
        EventType {
            after_buffer: 15,
            custom_questions: raw(TOPIC).into_iter().collect(),
            ..plain("Intro call", "intro-call", 30)
        },
        // Same name, another slug.
        pooled("Intro call", "intro-call-team", 15, PoolingType::RoundRobin),
        inactive("Alumni call", "alumni-call", 30),
        deleted("Annual review", "annual-review", 60),
        poll("Architecture vote", "architecture-vote", 60),
        EventType { start_time_increment: Some(15), ..plain("Catch-up", "catch-up", 15) },
        plain("Code review", "code-review", 45),
        EventType { before_buffer: 15, after_buffer: 15, ..plain("Contract review", "contract-review", 60) },
        EventType { duration_options: Some(vec![15, 30]), ..plain("Demo", "demo", 30) },
        // Serialized as `30.0`.
        EventType { duration: Minutes::Decimal(30.0), ..plain("Discovery call", "discovery-call", 30) },
        secret("Exit interview", "exit-interview", 60),
        group("First steps", "first-steps", 90, 20),
        EventType { is_paid: true, ..plain("Founders' hour", "founders-hour", 60) },
        group("Growth workshop", "growth-workshop", 120, 8),
        pooled("Interview panel", "interview-panel", 60, PoolingType::Collective),
        EventType {
            internal_note: Some("Private: ask for the budget first."),
            ..plain("Kick-off", "kick-off", 60)
        },
        EventType { start_time_increment: Some(5), ..plain("Lightning talk", "lightning-talk", 5) },
        EventType { duration_options: Some(vec![30, 60, 90, 120]), ..plain("Mentoring", "mentoring", 60) },
        EventType {
            sandbox_future_object: raw(FUTURE_OBJECT),
            sandbox_future_number: Some(123_456_789_012_345_678_901_234_567_890),
            ..plain("Next generation", "next-generation", 30)
        },
        group("Office hours", "office-hours", 25, 5),
        EventType { admin_managed: true, ..plain("Onboarding", "onboarding", 45) },
        plain("Pairing session", "pairing-session", 120),
        EventType {
            // Calendly's samples show `phone_number` as a string and as a number.
            locations: raw(
                r#"[{"kind":"inbound_call","phone_number":351210000000,"additional_info":"Ring twice."}]"#,
            ),
            ..plain("Phone screening", "phone-screening", 20)
        },
        EventType { admin_managed: true, active: false, ..plain("Quarterly review", "quarterly-review", 60) },
        poll("Retrospective date", "retrospective-date", 45),
        pooled("Sales call", "sales-call", 30, PoolingType::RoundRobin),
        EventType {
            locations: raw(r#"[{"kind":"outbound_call"},{"kind":"google_conference"}]"#),
            ..plain("Support call", "support-call", 30)
        },
        // Not in the list: its profile is null.
        pooled("Team pool", "team-pool", 30, PoolingType::MultiPool),
        EventType {
            description_plain: Some("A task, then a talk about it."),
            description_html: Some("<p>A task, then a talk about it.</p>"),
            ..plain("Technical interview", "technical-interview", 90)
        },
        EventType {
            locale: "pt",
            description_plain: Some("Café \u{2615}, \"pastéis\" \\ e uma conversa\n"),
            ..plain("Tertúlia à tarde \u{2615}", "tertulia", 30)
        },
        group("Training day", "training-day", 480, 30),
        inactive("Vendor meeting", "vendor-meeting", 30),
        EventType { active: false, ..deleted("Winter school", "winter-school", 240) },
        plain("Workshop", "workshop", 180),
    ];
    sample.push(EventType { name: None, ..secret("", "unnamed", 30) });
    sample.push(EventType {
        slug: None,
        event_type: "AdhocEventType",
        start_time_increment: None,
        locations: raw(r#"[{"kind":"physical","location":"Room 4","additional_info":null}]"#),
        ..secret("Panel, one-off", "", 45)
    });
    // Two event types with the same slug, one on the user's page and one on a team's page.
    sample.push(plain("Studio visit", "studio-visit", 30));
    sample.push(EventType {
        scheduling_url: "https://calendly.com/sample-team/studio-visit".to_owned(),
        ..pooled("Studio visit with the team", "studio-visit", 45, PoolingType::RoundRobin)
    });
    sample.push(EventType {
        duration_options: Some(vec![15, 30, 60]),
        ..plain("Strategy session", "strategy-session", 30)
    });
    sample
}
