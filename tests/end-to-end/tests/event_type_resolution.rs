//! How `event_type` is resolved to an event type (docs/contract.md, sections 1.3 and 8).

use end_to_end::{AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, ME, Setup, World, day};
use sandbox::{Account, Catalogue, DEFAULT_PAT, Fault};

async fn world_with(catalogue: Catalogue) -> World {
    let account = Account::new(DEFAULT_PAT).with_catalogue(catalogue);
    Setup::new(Binary::CheckAvailability).sandbox(|sandbox| sandbox.pats = vec![account]).start().await
}

async fn world() -> World {
    Setup::new(Binary::CheckAvailability).start().await
}

async fn get(world: &World, event_type: Option<&str>) -> Answer {
    let (start, end) = (day(2).to_string(), day(16).to_string());
    let mut query = vec![("start_time", &*start), ("end_time", &*end)];
    query.extend(event_type.map(|event_type| ("event_type", event_type)));
    world.get(&query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn uri_uuid_and_slug_give_the_same_answer() {
    let world = world().await;
    let uri = world.event_type_uri("mentoring");
    let by_uri = get(&world, Some(&uri)).await;
    by_uri.assert_ok("");
    assert_eq!(by_uri.json()["event_type"], *uri);
    for event_type in [uri.rsplit('/').next().unwrap(), "mentoring"] {
        assert_eq!(get(&world, Some(event_type)).await.body, by_uri.body, "{event_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uri_and_uuid_need_no_list() {
    let world = world().await;
    let uri = world.event_type_uri("team-pool");
    for event_type in [&*uri, uri.rsplit('/').next().unwrap()] {
        world.sandbox.forget_calls();
        let answer = get(&world, Some(event_type)).await;
        assert_eq!((answer.status, &answer.json()["available"]), (200, &true.into()), "{}", answer.body);
        assert_eq!(world.calendly_paths(), [AVAILABLE_TIMES]);
    }
    get(&world, Some("team-pool")).await.assert_error(404, "no_event_type", "it is not in the list");
}

#[tokio::test(flavor = "multi_thread")]
async fn default_is_the_first_bookable_event_type_by_name() {
    let world = world_with(Catalogue::Sample { generated: 240 }).await;
    let answer = get(&world, None).await;
    assert_eq!(answer.json()["event_type"], world.event_type_uri("catch-up"), "{}", answer.body);
    assert_eq!(world.calendly_paths(), [ME, EVENT_TYPES, AVAILABLE_TIMES], "no more pages than needed");
    let query = world.calls_of(EVENT_TYPES)[0].query.clone().unwrap();
    assert!(query.contains("sort=name%3Aasc") || query.contains("sort=name:asc"), "{query}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slug_is_searched_on_all_pages() {
    let world = world_with(Catalogue::Sample { generated: 240 }).await;
    let answer = get(&world, Some("workshop")).await;
    assert_eq!(answer.json()["event_type"], world.event_type_uri("workshop"), "{}", answer.body);
    assert!(world.calls_of(EVENT_TYPES).len() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_or_unbookable_event_types_are_not_found() {
    let world = world().await;
    for slug in ["no-such-slug", "alumni-call", "annual-review", "architecture-vote", "INTRO-CALL"] {
        get(&world, Some(slug)).await.assert_error(404, "no_event_type", slug);
    }
    assert_eq!(world.calls_of(AVAILABLE_TIMES), []);
    for catalogue in [Catalogue::NothingBookable, Catalogue::Empty] {
        get(&world_with(catalogue).await, None).await.assert_error(404, "no_event_type", catalogue);
    }
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
