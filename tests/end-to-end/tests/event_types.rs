//! `GET /calendly/user-event-types` (contract, section 1.2).
#![cfg(test)]

use end_to_end::{Answer, Binary, Gateway, Setup, World, raw_collection};
use sandbox::{Account, Catalogue, Config, DEFAULT_PAT, Fault};
use serde_json::{Value, json};

const PATH: &str = "/event_types";

async fn world() -> World {
    Setup::of(Binary::UserEventTypes).start().await
}

/// Over several pages of a hundred.
fn many(sandbox: &mut Config, generated: usize) {
    let catalogue = Catalogue::Sample { generated };
    sandbox.pats = vec![Account::new(DEFAULT_PAT).with_catalogue(catalogue)];
}

/// Every object as the sandbox writes it, page by page, in its order.
async fn everything(world: &World, active: Option<&str>) -> Vec<String> {
    let me: Value = serde_json::from_str(&world.calendly_says("/users/me", &[]).await).unwrap();
    let user = me["resource"]["uri"].as_str().unwrap().to_owned();
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut query = vec![("user", &*user), ("count", "100")];
        query.extend(active.map(|active| ("active", active)));
        if let Some(token) = &token {
            query.push(("page_token", token));
        }
        let page = world.calendly_says(PATH, &query).await;
        all.extend(raw_collection(&page));
        let page: Value = serde_json::from_str(&page).unwrap();
        match page["pagination"]["next_page_token"].as_str() {
            Some(next) => token = Some(next.to_owned()),
            None => return all,
        }
    }
}

fn slugs(answer: &Answer) -> Vec<String> {
    let rows = answer.json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["slug"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_byte_for_byte_calendlys_in_its_order_through_both_gateways() {
    let world = world().await;
    let expected = everything(&world, None).await;
    assert!(expected.len() >= 25, "the sandbox has {} event types", expected.len());
    for gateway in Gateway::BOTH {
        let answer = world.send_through(gateway, &world.request()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.raw_items(), expected);
    }
    let text = expected.join("\n");
    for needle in ["\"duration\":30.0", "123456789012345678901234567890", "sandbox_future_object"] {
        assert!(text.contains(needle), "the sandbox no longer sends {needle}, so this test proves less");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_by_token() {
    let world = Setup::of(Binary::UserEventTypes).sandbox(|sandbox| many(sandbox, 240)).start().await;
    let answer = world.ask(&[]).await;
    let calls = world.calendly_calls();
    assert_eq!(answer.status, 200);
    let pages: Vec<_> = calls.iter().filter(|call| call.path == PATH).collect();
    assert_eq!(pages.len(), answer.raw_items().len().div_ceil(100));
    assert!(pages.len() >= 3, "{} pages", pages.len());
    for page in pages {
        assert!(page.query.as_ref().unwrap().contains("count=100"), "{:?}", page.query);
    }
    assert_eq!(answer.raw_items(), everything(&world, None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn active_picks_and_its_absence_means_all() {
    let world = world().await;
    let all = world.ask(&[]).await;
    let active = world.ask(&[("active", "true")]).await;
    let inactive = world.ask(&[("active", "false")]).await;
    assert_eq!(active.raw_items(), everything(&world, Some("true")).await);
    assert_eq!(inactive.raw_items(), everything(&world, Some("false")).await);
    assert_eq!(all.raw_items().len(), active.raw_items().len() + inactive.raw_items().len());
    assert!(slugs(&active).contains(&"intro-call".to_owned()));
    assert!(slugs(&inactive).contains(&"alumni-call".to_owned()));
    assert!(active.json().as_array().unwrap().iter().all(|row| row["active"] == true));
    assert!(inactive.json().as_array().unwrap().iter().all(|row| row["active"] == false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_active_is_refused_and_named_before_any_upstream_call() {
    let world = world().await;
    let reads = world.secrets.reads().len();
    for query in ["active=yes", "active=TRUE", "active=2", "active=", "active=true&active=true"] {
        for gateway in Gateway::BOTH {
            let answer = world.send_through(gateway, &world.request().raw_query(query)).await;
            assert_eq!(answer.verdict(), (400, "invalid_parameter".to_owned()), "{query}");
            assert_eq!(answer.json()["parameter"], "active", "{query}");
        }
    }
    assert_eq!(world.calendly_paths(), Vec::<String>::new());
    assert_eq!(world.secrets.reads().len(), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_event_types_gets_an_empty_array() {
    let empty = |sandbox: &mut Config| {
        sandbox.pats = vec![Account::new(DEFAULT_PAT).with_catalogue(Catalogue::Empty)];
    };
    let world = Setup::of(Binary::UserEventTypes).sandbox(empty).start().await;
    let answer = world.ask(&[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_on_a_later_page_fails_the_whole() {
    let world = Setup::of(Binary::UserEventTypes)
        .sandbox(|sandbox| many(sandbox, 240))
        .with("CALENDLY_MAX_RETRIES", "0")
        .start()
        .await;
    world.sandbox.fault(PATH, 1, Fault::Delay { milliseconds: 1 });
    world.sandbox.fault(PATH, 1, Fault::status(500));
    let answer = world.ask(&[]).await;
    assert_eq!(answer.verdict(), (500, "calendly_error".to_owned()), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_empty_but_not_the_last_is_followed() {
    let world = world().await;
    let page = json!({"collection": [], "pagination": {"next_page_token": "more"}}).to_string();
    let last = json!({"collection": [{"uri": "urn:x"}], "pagination": {"next_page_token": null}}).to_string();
    for body in [page, last] {
        world.sandbox.fault(PATH, 1, Fault::Body { content_type: "application/json".to_owned(), body });
    }
    let answer = world.ask(&[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"[{"uri":"urn:x"}]"#));
    let queries: Vec<_> =
        world.calendly_calls().into_iter().filter(|call| call.path == PATH).filter_map(|c| c.query).collect();
    assert_eq!(queries.len(), 2);
    assert!(!queries[0].contains("page_token"), "{queries:?}");
    assert!(queries[1].contains("page_token=more"), "{queries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn white_space_and_spelling_inside_an_object_stay() {
    let world = world().await;
    let object = "{ \"uri\" : \"urn:x\",\n\t\"n\": 1.50e+1, \"dup\": 1, \"dup\": 2, \"s\": \"\\u00e9\\/\" }";
    let body = format!(r#"{{"collection":[{object}],"pagination":{{"next_page_token":null}}}}"#);
    world.sandbox.fault(PATH, 1, Fault::Body { content_type: "application/json".to_owned(), body });
    let answer = world.ask(&[]).await;
    assert_eq!(answer.raw_items(), [object]);
}

#[tokio::test(flavor = "multi_thread")]
async fn true_and_1_are_understood_as_python_spells_them() {
    let world = world().await;
    for (query, expected) in [("true", ["True", "1"]), ("false", ["False", "0"])] {
        let plain = world.ask(&[("active", query)]).await;
        for other in expected {
            assert_eq!(world.ask(&[("active", other)]).await.body, plain.body, "{other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_chooses_what_callers_see() {
    let all = world().await.ask(&[]).await.json();
    let all = all.as_array().unwrap();
    let setup = Setup::of(Binary::UserEventTypes).with("EVENT_TYPE_FIELDS", "name, duration");
    let world = setup.with("INCLUDE_SECRET_EVENT_TYPES", "false").start().await;
    let seen = world.ask(&[]).await;
    let expected: Vec<Value> = all
        .iter()
        .filter(|row| row["secret"] != true)
        .map(|row| json!({"uri": row["uri"], "name": row["name"], "duration": row["duration"]}))
        .collect();
    assert!(expected.len() < all.len(), "the sandbox has secret event types");
    assert_eq!(seen.json(), Value::Array(expected));
}
