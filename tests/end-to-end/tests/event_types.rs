//! `GET /calendly/user-event-types` (docs/contract.md, section 1.2).

use end_to_end::{Binary, EVENT_TYPES, Gateway, Setup, World, json_fault, list_page, sandbox_event_types};
use sandbox::{Account, Catalog, DEFAULT_PAT, Fault};
use serde_json::{Value, json};

const THREE_PAGES: Catalog = Catalog::Sample { generated: 240 };

async fn world_with(catalog: Catalog) -> World {
    let account = Account::new(DEFAULT_PAT).with_catalog(catalog);
    let setup = Setup::new(Binary::UserEventTypes).with("CALENDLY_MAX_RETRIES", "0");
    setup.sandbox(|sandbox| sandbox.pats = vec![account]).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_all_pages_are_passed_through_byte_for_byte() {
    let world = world_with(THREE_PAGES).await;
    let expected = sandbox_event_types(&world.sandbox, &[]).await;
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
    let world = world_with(Catalog::default()).await;
    let all = world.get(&[]).await;
    for spellings in [["true", "True", "1"], ["false", "False", "0"]] {
        let expected = sandbox_event_types(&world.sandbox, &[("active", spellings[0])]).await;
        for spelling in spellings {
            let answer = world.get(&[("active", spelling)]).await;
            assert_eq!(answer.raw_items(), expected, "{spelling}");
        }
        assert!(!expected.is_empty() && expected.len() < all.raw_items().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_active_is_refused_before_any_call() {
    let world = world_with(Catalog::default()).await;
    let reads = world.secrets.reads();
    for query in ["active=TRUE", "active=true&active=true"] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &world.request().raw_query(query)).await;
            answer.assert_error(400, "invalid_parameter", query);
            assert_eq!(answer.json()["parameter"], "active", "{query}");
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads(), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_fields_and_secret_event_types_are_filtered() {
    let setup = Setup::new(Binary::UserEventTypes).with("EVENT_TYPE_FIELDS", "name, duration");
    let world = setup.with("INCLUDE_SECRET_EVENT_TYPES", "false").start().await;
    let all: Vec<Value> = sandbox_event_types(&world.sandbox, &[])
        .await
        .iter()
        .map(|object| serde_json::from_str(object).unwrap())
        .collect();
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
    assert_eq!(world_with(Catalog::Plain { count: 0 }).await.get(&[]).await.body, "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_page_token_is_invalid() {
    let world = Setup::new(Binary::UserEventTypes).start().await;
    for token in ["a", "b", "c"].iter().cycle().take(30) {
        world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[], Some(token))));
    }
    world.get(&[]).await.assert_error(502, "calendly_invalid_response", "");
    assert_eq!(world.calls_of(EVENT_TYPES).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_page_token_restarts_the_list_once() {
    let world = world_with(THREE_PAGES).await;
    let whole = world.get(&[]).await.raw_items();
    let pages = whole.len().div_ceil(100);
    assert!(pages >= 3);
    world.sandbox.forget_calls();
    // The third page is refused, after two pages that are read twice.
    let (sent, refused) = (Fault::Delay { milliseconds: 1 }, Fault::status(400));
    world.sandbox.fault(EVENT_TYPES, 2, sent.clone());
    world.sandbox.fault(EVENT_TYPES, 1, refused.clone());
    let answer = world.get(&[]).await;
    answer.assert_ok("");
    assert_eq!(answer.raw_items(), whole, "each event type once");
    assert_eq!(world.calls_of(EVENT_TYPES).len(), 2 + 1 + pages);
    // A second refusal, and one of the first page, which has no token.
    for faults in [&[&sent, &refused, &sent, &refused][..], &[&refused]] {
        world.sandbox.forget_calls();
        for fault in faults {
            world.sandbox.fault(EVENT_TYPES, 1, (*fault).clone());
        }
        world.get(&[]).await.assert_error(400, "calendly_error", faults);
        assert_eq!(world.calls_of(EVENT_TYPES).len(), faults.len(), "{faults:?}");
    }
}

/// Unit tests cover the limits.
#[tokio::test(flavor = "multi_thread")]
async fn answer_over_6_mb_is_gzipped_or_refused() {
    let world = Setup::new(Binary::UserEventTypes).start().await;
    let row = json!({"uri": "https://api.calendly.com/event_types/x", "name": "x".repeat(6_500_000)});
    let page = json_fault(&list_page(std::slice::from_ref(&row), None));
    world.sandbox.fault(EVENT_TYPES, 1, page.clone());
    let answer = world.send(&world.request().header("accept-encoding", "gzip;q=0")).await;
    answer.assert_error(500, "answer_too_large", "not compressed");
    assert!(answer.detail().contains("gzip"), "{}", answer.detail());
    for gateway in Gateway::BOTH {
        world.sandbox.fault(EVENT_TYPES, 1, page.clone());
        let request = world.request().header("Accept-Encoding", "br, gzip;q=0.8");
        let answer = world.send_through(gateway, &request).await;
        answer.assert_ok(gateway);
        assert!(answer.is_gzipped);
        assert_eq!(answer.raw_items(), [row.to_string()]);
    }
}
