//! Which event type `check-availability` asks about (contract, sections 1.3 and 8).
#![cfg(test)]

use end_to_end::{Answer, Binary, Setup, World, day};
use sandbox::{Account, Catalogue, DEFAULT_PAT, Fault};

const TIMES: &str = "/event_type_available_times";
const LIST: &str = "/event_types";
const ME: &str = "/users/me";

async fn world() -> World {
    Setup::of(Binary::CheckAvailability).start().await
}

async fn with_catalogue(catalogue: Catalogue) -> World {
    let account = Account::new(DEFAULT_PAT).with_catalogue(catalogue);
    Setup::of(Binary::CheckAvailability).sandbox(|sandbox| sandbox.pats = vec![account]).start().await
}

/// About a fortnight that begins in two days.
async fn ask(world: &World, event_type: Option<&str>) -> Answer {
    let (start, end) = (day(2).to_string(), day(16).to_string());
    let mut query = vec![("start_time", &*start), ("end_time", &end)];
    query.extend(event_type.map(|event_type| ("event_type", event_type)));
    world.ask(&query).await
}

fn uri(world: &World, slug: &str) -> String {
    world.sandbox.event_type_uri(DEFAULT_PAT, slug).unwrap()
}

fn no_event_type() -> (u16, String) {
    (404, "no_event_type".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn uri_uuid_and_slug_name_the_same() {
    let world = world().await;
    let uri = uri(&world, "mentoring");
    let uuid = uri.rsplit('/').next().unwrap();
    let mut bodies = Vec::new();
    for event_type in [&*uri, uuid, "mentoring"] {
        let answer = ask(&world, Some(event_type)).await;
        assert_eq!(answer.status, 200, "{event_type}: {}", answer.body);
        assert_eq!(answer.json()["event_type"], *uri);
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert!(bodies[0].contains("\"available\":true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uri_or_a_uuid_goes_to_calendly_as_it_is_also_one_that_the_list_lacks() {
    let world = world().await;
    let uri = uri(&world, "team-pool");
    for event_type in [&*uri, uri.rsplit('/').next().unwrap()] {
        world.sandbox.forget_calls();
        let answer = ask(&world, Some(event_type)).await;
        assert_eq!((answer.status, &answer.json()["available"]), (200, &true.into()), "{}", answer.body);
        assert_eq!(world.calendly_paths(), [TIMES]);
    }
    assert_eq!(ask(&world, Some("team-pool")).await.verdict(), no_event_type());
}

#[tokio::test(flavor = "multi_thread")]
async fn local_times_of_a_uri_have_their_start() {
    let world = world().await;
    let uri = uri(&world, "code-review");
    let query = [
        ("start_time", &*day(2).to_string()),
        ("end_time", &day(9).to_string()),
        ("event_type", &uri),
        ("timezone", "Europe/Lisbon"),
    ];
    let slots = world.ask(&query).await.json();
    let slots = slots["collection"].as_array().unwrap();
    assert!(!slots.is_empty());
    assert!(slots.iter().all(|slot| slot["local_start_time"].is_string()), "{slots:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_is_the_first_bookable_one_by_name() {
    let world = world().await;
    let answer = ask(&world, None).await;
    assert_eq!(answer.json()["event_type"], uri(&world, "catch-up"), "{}", answer.body);
    let list: Vec<_> = world.calendly_calls().into_iter().filter(|call| call.path == LIST).collect();
    assert_eq!(list.len(), 1);
    let query = list[0].query.clone().unwrap();
    assert!(query.contains("sort=name%3Aasc") || query.contains("sort=name:asc"), "{query}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_looks_through_pages_only_until_it_finds_one() {
    let world = with_catalogue(Catalogue::Sample { generated: 240 }).await;
    assert_eq!(ask(&world, None).await.status, 200);
    assert_eq!(world.calendly_paths(), [ME, LIST, TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_is_looked_up_over_all_pages() {
    let world = with_catalogue(Catalogue::Sample { generated: 240 }).await;
    let answer = ask(&world, Some("workshop")).await;
    assert_eq!(answer.json()["event_type"], uri(&world, "workshop"), "{}", answer.body);
    assert!(world.calendly_paths().iter().filter(|path| *path == LIST).count() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_that_names_none_or_one_that_is_not_bookable_is_not_found() {
    let world = world().await;
    for slug in [
        "no-such-slug",
        "alumni-call",
        "annual-review",
        "architecture-vote",
        "winter-school",
        "INTRO-CALL",
        "intro",
        "../users/me",
    ] {
        let answer = ask(&world, Some(slug)).await;
        if slug.contains('/') {
            assert_eq!(answer.status, 400, "{slug}: {}", answer.body);
        } else {
            assert_eq!(answer.verdict(), no_event_type(), "{slug}");
        }
    }
    assert!(!world.calendly_paths().contains(&TIMES.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_bookable_is_not_found() {
    for catalogue in [Catalogue::NothingBookable, Catalogue::Empty] {
        let world = with_catalogue(catalogue).await;
        assert_eq!(ask(&world, None).await.verdict(), no_event_type(), "{catalogue:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_uuid_is_calendlys_404() {
    let world = world().await;
    let answer = ask(&world, Some("00000000-0000-4000-8000-000000000000")).await;
    assert_eq!(answer.verdict(), (404, "calendly_error".to_owned()));
    assert_eq!(answer.json()["calendly"]["status"], 404);
    assert_eq!(world.calendly_paths(), [TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_event_type_is_calendlys_403() {
    let world = world().await;
    world.sandbox.add_account("another-pat");
    let theirs = world.sandbox.event_type_uri("another-pat", "intro-call").unwrap();
    let answer = ask(&world, Some(&theirs)).await;
    assert_eq!(answer.verdict(), (403, "calendly_error".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_choice_that_calendly_no_longer_knows_is_made_afresh() {
    let world = world().await;
    for event_type in [None, Some("demo")] {
        assert_eq!(ask(&world, event_type).await.status, 200);
        world.sandbox.forget_calls();
        world.sandbox.fault(TIMES, 1, Fault::status(404));
        let answer = ask(&world, event_type).await;
        assert_eq!(answer.status, 200, "{event_type:?}: {}", answer.body);
        assert_eq!(world.calendly_paths(), [TIMES, LIST, TIMES], "{event_type:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_afresh_once_and_then_the_404_is_reflected() {
    let world = world().await;
    assert_eq!(ask(&world, None).await.status, 200);
    world.sandbox.forget_calls();
    world.sandbox.fault(TIMES, 5, Fault::status(404));
    assert_eq!(ask(&world, None).await.verdict(), (404, "calendly_error".to_owned()));
    assert_eq!(world.calendly_paths(), [TIMES, LIST, TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_just_made_is_not_made_twice_for_a_404() {
    let world = world().await;
    world.sandbox.fault(TIMES, 5, Fault::status(404));
    assert_eq!(ask(&world, None).await.verdict(), (404, "calendly_error".to_owned()));
    assert_eq!(world.calendly_paths(), [ME, LIST, TIMES]);
}
