//! `GET /calendly/user-event-types` (docs/contract.md, section 1.2).

use end_to_end::{
    Answer, Binary, EVENT_TYPES, Gateway, ME, Setup, World, json_fault, list_page, raw_collection,
};
use sandbox::{Account, Catalogue, DEFAULT_PAT, Fault};
use serde_json::{Value, json};

async fn world_with(catalogue: Catalogue) -> World {
    let account = Account::new(DEFAULT_PAT).with_catalogue(catalogue);
    let setup = Setup::new(Binary::UserEventTypes).with("CALENDLY_MAX_RETRIES", "0");
    setup.sandbox(|sandbox| sandbox.pats = vec![account]).start().await
}

/// Every object as the sandbox writes it, page by page.
async fn all_objects(world: &World, active: Option<&str>) -> Vec<String> {
    let me: Value = serde_json::from_str(&world.calendly_text(ME, &[]).await).unwrap();
    let user = me["resource"]["uri"].as_str().unwrap().to_owned();
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut query = vec![("user", &*user), ("count", "100")];
        query.extend(active.map(|active| ("active", active)));
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let page = world.calendly_text(EVENT_TYPES, &query).await;
        all.extend(raw_collection(&page));
        let page: Value = serde_json::from_str(&page).unwrap();
        match page["pagination"]["next_page_token"].as_str() {
            Some(next) => token = Some(next.to_owned()),
            None => return all,
        }
    }
}

fn members(answer: &Answer, name: &str) -> Vec<Value> {
    answer.json().as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_all_pages_are_passed_through_byte_for_byte() {
    let world = world_with(Catalogue::Sample { generated: 240 }).await;
    let expected = all_objects(&world, None).await;
    let text = expected.join("\n");
    for needle in ["\"duration\":30.0", "123456789012345678901234567890", "sandbox_future_object"] {
        assert!(text.contains(needle), "the sandbox no longer sends {needle}");
    }
    for gateway in Gateway::BOTH {
        world.sandbox.forget_calls();
        let answer = world.send_through(gateway, &world.request()).await;
        answer.assert_ok(gateway);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.raw_items(), expected);
        assert_eq!(world.calls_of(EVENT_TYPES).len(), expected.len().div_ceil(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn active_filters_the_list() {
    let world = world_with(Catalogue::default()).await;
    let all = world.get(&[]).await;
    for (is_active, spellings, slug) in
        [(true, ["true", "True", "1"], "intro-call"), (false, ["false", "False", "0"], "alumni-call")]
    {
        let expected = all_objects(&world, Some(spellings[0])).await;
        for spelling in spellings {
            let answer = world.get(&[("active", spelling)]).await;
            assert_eq!(answer.raw_items(), expected, "{spelling}");
            assert!(members(&answer, "active").iter().all(|active| *active == is_active));
            assert!(members(&answer, "slug").contains(&json!(slug)));
        }
        assert!(expected.len() < all.raw_items().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_active_is_refused_before_any_call() {
    let world = world_with(Catalogue::default()).await;
    let reads = world.secrets.reads().len();
    for query in ["active=yes", "active=TRUE", "active=2", "active=", "active=true&active=true"] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &world.request().raw_query(query)).await;
            answer.assert_error(400, "invalid_parameter", query);
            assert_eq!(answer.json()["parameter"], "active", "{query}");
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads().len(), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn error_on_a_later_page_is_the_answer() {
    let world = world_with(Catalogue::Sample { generated: 240 }).await;
    world.sandbox.fault(EVENT_TYPES, 1, Fault::Delay { milliseconds: 1 });
    world.sandbox.fault(EVENT_TYPES, 1, Fault::status(500));
    world.get(&[]).await.assert_error(500, "calendly_error", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_page_with_a_token_is_followed() {
    let world = world_with(Catalogue::default()).await;
    world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[], Some("more"))));
    world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[json!({"uri": "urn:x"})], None)));
    assert_eq!(world.get(&[]).await.json(), json!([{"uri": "urn:x"}]));
    let calls = world.calls_of(EVENT_TYPES);
    let queries: Vec<_> = calls.iter().filter_map(|call| call.query.as_deref()).collect();
    assert!(!queries[0].contains("page_token") && queries[1].contains("page_token=more"), "{queries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_fields_and_secret_event_types_are_filtered() {
    let setup = Setup::new(Binary::UserEventTypes).with("EVENT_TYPE_FIELDS", "name, duration");
    let world = setup.with("INCLUDE_SECRET_EVENT_TYPES", "false").start().await;
    let all: Vec<Value> =
        all_objects(&world, None).await.iter().map(|object| serde_json::from_str(object).unwrap()).collect();
    let expected: Vec<Value> = all
        .iter()
        .filter(|row| row["secret"] != true)
        .map(|row| json!({"uri": row["uri"], "name": row["name"], "duration": row["duration"]}))
        .collect();
    assert!(expected.len() < all.len(), "the sandbox has secret event types");
    assert_eq!(world.get(&[]).await.json(), json!(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_list_is_an_empty_array() {
    assert_eq!(world_with(Catalogue::Empty).await.get(&[]).await.body, "[]");
}
