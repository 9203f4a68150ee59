//! How `event_type` is resolved to an event type (docs/contract.md, sections 1.3 and 8). The tables of accepted texts and
//! of bookable event types are unit tests.

use end_to_end::{AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, ME, Setup, World, raw_collection};
use sandbox::{Account, Catalog, DEFAULT_PAT, Fault};
use serde_json::{Value, json};

async fn world_with(catalog: Catalog) -> World {
    let account = Account::new(DEFAULT_PAT).with_catalog(catalog);
    Setup::new(Binary::CheckAvailability).sandbox(|sandbox| sandbox.pats = vec![account]).start().await
}

async fn world() -> World {
    Setup::new(Binary::CheckAvailability).start().await
}

async fn get(world: &World, event_type: Option<&str>) -> Answer {
    let request = world.request().days(2, 16);
    let request = event_type.into_iter().fold(request, |request, event_type| request.event_type(event_type));
    world.send(&request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn uri_uuid_and_slug_give_the_same_answer() {
    let world = world().await;
    let uri = world.event_type_uri("mentoring");
    let by_uri = get(&world, Some(&uri)).await;
    by_uri.assert_ok("");
    assert_eq!(by_uri.json()["event_type"], *uri);
    assert_eq!(get(&world, Some(uri.rsplit('/').next().unwrap())).await.body, by_uri.body);
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES; 2], "they need no list");
    assert_eq!(get(&world, Some("mentoring")).await.body, by_uri.body);
    // An event type that is not in the list.
    get(&world, Some(&world.event_type_uri("team-pool"))).await.assert_ok("by URI");
    get(&world, Some("team-pool")).await.assert_error(404, "no_event_type", "by slug");
}

#[tokio::test(flavor = "multi_thread")]
async fn default_is_the_first_bookable_event_type_by_name() {
    let world = world_with(Catalog::Sample { generated: 240 }).await;
    let answer = get(&world, None).await;
    assert_eq!(answer.json()["event_type"], world.event_type_uri("catch-up"), "{}", answer.body);
    assert_eq!(world.calendly_paths(), [ME, EVENT_TYPES, AVAILABLE_TIMES], "no more pages than needed");
    let query = world.calls_of(EVENT_TYPES)[0].query.clone().unwrap();
    assert!(query.contains("sort=name%3Aasc") || query.contains("sort=name:asc"), "{query}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_slug_is_refused_and_booking_links_tell_its_event_types_apart() {
    let world = world().await;
    let me: Value = serde_json::from_str(&world.calendly_text(ME, &[]).await).unwrap();
    let user = me["resource"]["uri"].as_str().unwrap();
    let list = world.calendly_text(EVENT_TYPES, &[("user", user), ("count", "100")]).await;
    let rows = raw_collection(&list).into_iter().map(|row| serde_json::from_str::<Value>(&row).unwrap());
    let studio_visits: Vec<Value> = rows.filter(|row| row["slug"] == "studio-visit").collect();
    assert_eq!(studio_visits.len(), 2);
    let shared = get(&world, Some("studio-visit")).await;
    shared.assert_error(400, "invalid_parameter", "a shared slug");
    assert_eq!(shared.json()["parameter"], "event_type");
    for row in &studio_visits {
        let answer = get(&world, row["scheduling_url"].as_str()).await;
        assert_eq!((answer.status, &answer.json()["event_type"]), (200, &row["uri"]), "{row}");
    }
    let unknown = get(&world, Some("https://calendly.com/no-such-owner/studio-visit")).await;
    unknown.assert_error(404, "no_event_type", "the slug is of other owners");
}

#[tokio::test(flavor = "multi_thread")]
async fn calendlys_errors_about_a_uri_are_passed_on() {
    let world = world().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    get(&world, Some(unknown)).await.assert_error(404, "calendly_error", unknown);
    world.sandbox.add_account("another-pat");
    let another_users = world.sandbox.event_type_uri("another-pat", "intro-call").unwrap();
    get(&world, Some(&another_users)).await.assert_error(403, "calendly_error", "of another user");
    assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_event_type_that_is_gone_is_resolved_again_once() {
    let world = world().await;
    world.sandbox.fault(AVAILABLE_TIMES, 1, Fault::status(404));
    get(&world, None).await.assert_error(404, "calendly_error", "just resolved");
    assert_eq!(world.calendly_paths(), [ME, EVENT_TYPES, AVAILABLE_TIMES]);
    for (times, status) in [(1, 200), (5, 404)] {
        world.sandbox.forget_calls();
        world.sandbox.fault(AVAILABLE_TIMES, times, Fault::status(404));
        assert_eq!(get(&world, None).await.status, status);
        assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES, EVENT_TYPES, AVAILABLE_TIMES]);
    }
}

/// The first page, which is read twice, has "catch-up", the last one "workshop".
#[tokio::test(flavor = "multi_thread")]
async fn search_starts_over_when_a_page_token_is_refused() {
    let world = world_with(Catalog::Sample { generated: 240 }).await;
    for slug in ["catch-up", "workshop"] {
        world.sandbox.forget_calls();
        world.sandbox.fault(EVENT_TYPES, 1, Fault::StalePageToken);
        let answer = get(&world, Some(slug)).await;
        answer.assert_ok(slug);
        assert_eq!(answer.json()["event_type"], json!(world.event_type_uri(slug)));
        let statuses: Vec<_> = world.calls_of(EVENT_TYPES).iter().filter_map(|call| call.status).collect();
        assert_eq!(statuses[..3], [200, 400, 200], "{slug}");
    }
}
