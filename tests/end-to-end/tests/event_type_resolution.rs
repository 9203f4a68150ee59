//! How `event_type` is resolved to an event type (docs/contract.md, sections 1.3 and 8). The tables of accepted texts and
//! of bookable event types are unit tests.

use end_to_end::{AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, ME, Setup, World};
use sandbox::{Account, Catalog, DEFAULT_PAT, Fault};

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
    let account = Account::new(DEFAULT_PAT).with_catalog(Catalog::Sample { generated: 240 });
    let setup = Setup::new(Binary::CheckAvailability).sandbox(|sandbox| sandbox.pats = vec![account]);
    let world = setup.start().await;
    let answer = get(&world, None).await;
    assert_eq!(answer.json()["event_type"], world.event_type_uri("catch-up"), "{}", answer.body);
    assert_eq!(world.calendly_paths(), [ME, EVENT_TYPES, AVAILABLE_TIMES], "no more pages than needed");
    let query = world.calls_of(EVENT_TYPES)[0].query.clone().unwrap();
    assert!(query.contains("sort=name%3Aasc") || query.contains("sort=name:asc"), "{query}");
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
