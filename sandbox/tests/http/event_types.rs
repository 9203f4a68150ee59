//! `GET /event_types` and `GET /event_types/{id}`.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::{Harness, path, text};

const PATH: &str = "/event_types";

/// Returns the rows of a page.
fn rows(page: &Value) -> Vec<Value> {
    page["collection"].as_array().unwrap().clone()
}

/// Returns all event types of the default user.
async fn event_types(harness: &Harness) -> Vec<Value> {
    let user = harness.user_uri().await;
    let page = harness.read(PATH, &[("user", &user), ("count", "100")]).await;
    assert_eq!(page["pagination"]["next_page"], Value::Null);
    rows(&page)
}

#[tokio::test]
async fn pages_link_to_their_neighbors() {
    let harness = Harness::start().await;
    let user = harness.user_uri().await;
    let all = event_types(&harness).await;
    let first = harness.read(PATH, &[("user", &user)]).await;
    assert_eq!(rows(&first), all[..20]);
    assert_eq!(first["pagination"]["previous_page_token"], Value::Null);
    let second = harness.read(path(&text(&first["pagination"]["next_page"])), &[]).await;
    assert_eq!(rows(&second), all[20..]);
    assert_eq!(second["pagination"]["count"], all.len() - 20);
    assert_eq!(second["pagination"]["next_page_token"], Value::Null);

    let whole = harness.read(PATH, &[("user", &user), ("count", &all.len().to_string())]).await;
    assert_eq!(whole["pagination"]["next_page_token"], Value::Null);
    let token = text(&first["pagination"]["next_page_token"]);
    assert_eq!(token.len(), 32);
    assert_eq!(harness.read(PATH, &[("user", &user), ("page_token", &token)]).await, second);
    let previous = text(&second["pagination"]["previous_page_token"]);
    assert_eq!(harness.read(PATH, &[("user", &user), ("page_token", &previous)]).await, first);
    let other_query = [("user", &*user), ("count", "10"), ("page_token", &token)];
    assert_eq!(harness.error(PATH, &other_query).await, (400, "page_token is invalid".to_owned()));
}

#[tokio::test]
async fn rows_are_sorted_by_name_and_filtered() {
    let harness = Harness::start().await;
    let user = harness.user_uri().await;
    let all = event_types(&harness).await;
    let mut names: Vec<_> = all.iter().map(|row| row["name"].as_str().map(str::to_lowercase)).collect();
    assert_eq!(names.pop(), Some(None), "an event type without a name is last");
    assert!(names.is_sorted());
    let sorted = harness.read(PATH, &[("user", &user), ("count", "100"), ("sort", "name:asc")]).await;
    assert_eq!(rows(&sorted), all);
    for (text, value) in [("true", true), ("false", false)] {
        let page = harness.read(PATH, &[("user", &user), ("count", "100"), ("active", text)]).await;
        let expected: Vec<_> = all.iter().filter(|row| row["active"] == value).cloned().collect();
        assert!(!expected.is_empty());
        assert_eq!(rows(&page), expected);
    }
}

#[tokio::test]
async fn invalid_queries_are_errors() {
    let harness = Harness::start().await;
    let user = harness.user_uri().await;
    assert_eq!(harness.error(PATH, &[]).await, (400, "user or organization is required".to_owned()));
    for (name, value) in [
        ("count", "0"),
        ("count", "101"),
        ("count", "many"),
        ("active", "yes"),
        ("sort", "name:desc"),
        ("organization", "https://api.calendly.com/organizations/a"),
        ("page_token", "nonsense"),
    ] {
        let (status, _) = harness.error(PATH, &[("user", &user), (name, value)]).await;
        assert_eq!(status, 400, "{name}={value}");
    }
}

#[tokio::test]
async fn single_reads_equal_the_rows_of_the_list() {
    let harness = Harness::start().await;
    let rows = event_types(&harness).await;
    let uris: HashSet<_> = rows.iter().map(|row| text(&row["uri"])).collect();
    assert_eq!(uris.len(), rows.len());
    assert_eq!(harness.read(path(&text(&rows[7]["uri"])), &[]).await["resource"], rows[7]);
    // The list omits pool types, which can be read.
    let pool = harness.sandbox.event_type_uri(sandbox::DEFAULT_PAT, "team-pool").unwrap();
    assert!(!uris.contains(&pool));
    assert_eq!(harness.read(path(&pool), &[]).await["resource"]["profile"], Value::Null);
}
