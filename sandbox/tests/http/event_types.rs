//! `GET /event_types` and `GET /event_types/{id}`.

use std::collections::HashSet;

use sandbox::{Account, Catalogue, Config, DEFAULT_PAT, Fault};
use serde_json::{Value, json};

use crate::support::{Harness, column, fixed, path, text};

const PATH: &str = "/event_types";

#[tokio::test]
async fn pages_contain_every_row_once() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let all = harness.event_types(DEFAULT_PAT).await;
    let uris: HashSet<_> = column(&all, "uri").into_iter().collect();
    assert_eq!(uris.len(), all.len());

    let default = harness.pages(DEFAULT_PAT, &[("user", &user)]).await;
    assert_eq!((default[0].len(), default.concat()), (20, all.clone()));
    let seven = harness.pages(DEFAULT_PAT, &[("user", &user), ("count", "7")]).await;
    assert_eq!((seven.len(), seven.concat()), (all.len().div_ceil(7), all));
}

#[tokio::test]
async fn pages_link_to_their_neighbors() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let first = harness.read(PATH, &[("user", &user)]).await;
    assert_eq!(first["pagination"]["previous_page_token"], Value::Null);
    let next_page = text(&first["pagination"]["next_page"]);
    let second = harness.read(path(&next_page), &[]).await;
    let token = text(&first["pagination"]["next_page_token"]);
    assert_eq!(token.len(), 32);
    assert_eq!(harness.read(PATH, &[("user", &user), ("page_token", &token)]).await, second);
    let previous = text(&second["pagination"]["previous_page_token"]);
    assert_eq!(harness.read(PATH, &[("user", &user), ("page_token", &previous)]).await, first);

    for other in [("active", "true"), ("sort", "name:desc"), ("count", "10")] {
        let error = harness.error(PATH, &[("user", &user), other, ("page_token", &token)]).await;
        assert_eq!(error, (400, "page_token is invalid".to_owned()), "{other:?}");
    }
}

#[tokio::test]
async fn rows_are_sorted() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let sorted = async |sort| harness.pages(DEFAULT_PAT, &[("user", &*user), ("sort", sort)]).await.concat();
    let ascending = column(&sorted("updated_at:asc").await, "updated_at");
    assert!(ascending.is_sorted());
    let descending = column(&sorted("created_at:desc").await, "created_at");
    assert!(descending.is_sorted_by(|one, other| one >= other));

    // By name is the default; `null` is last.
    let rows = harness.event_types(DEFAULT_PAT).await;
    let mut names: Vec<_> = rows.iter().map(|row| row["name"].as_str().map(str::to_lowercase)).collect();
    assert_eq!(names.pop(), Some(None));
    assert!(names.is_sorted());
    let ties = sorted("name:asc,position:desc").await;
    let slugs: Vec<_> =
        ties.iter().filter(|row| row["name"] == "Intro call").map(|row| &row["slug"]).collect();
    assert_eq!(slugs, ["intro-call-team", "intro-call"]);
}

#[tokio::test]
async fn flags_filter_the_list() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let all = harness.event_types(DEFAULT_PAT).await;
    for field in ["active", "admin_managed"] {
        for value in [true, false] {
            let query = [("user", &*user), (field, if value { "true" } else { "false" })];
            let expected: Vec<_> = all.iter().filter(|row| row[field] == value).cloned().collect();
            assert!(!expected.is_empty());
            assert_eq!(harness.pages(DEFAULT_PAT, &query).await.concat(), expected);
        }
    }
}

#[tokio::test]
async fn invalid_queries_are_errors() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    assert_eq!(harness.error(PATH, &[]).await, (400, "user or organization is required".to_owned()));
    for invalid in [
        ("count", "0"),
        ("count", "101"),
        ("count", "many"),
        ("active", "yes"),
        ("sort", "name"),
        ("sort", "color:asc"),
        ("sort", "name:up"),
        ("page_token", "nonsense"),
    ] {
        assert_eq!(harness.error(PATH, &[("user", &user), invalid]).await.0, 400, "{invalid:?}");
    }
}

#[tokio::test]
async fn the_sample_has_every_kind_of_event_type() {
    let harness = Harness::start().await;
    let rows = harness.event_types(DEFAULT_PAT).await;
    for (member, value) in [
        ("active", json!(false)),
        ("secret", json!(true)),
        ("booking_method", json!("poll")),
        ("kind", json!("group")),
        ("is_paid", json!(true)),
        ("duration_options", json!([15, 30])),
        ("pooling_type", json!("collective")),
        ("pooling_type", json!("round_robin")),
        ("type", json!("AdhocEventType")),
        ("name", Value::Null),
        ("slug", Value::Null),
    ] {
        assert!(rows.iter().any(|row| row[member] == value), "{member} {value}");
    }
    assert!(rows.iter().any(|row| row["deleted_at"].is_string() && row["active"] == true));
    // Clients must look beyond the first row for a default.
    assert!(rows[..3].iter().all(|row| !is_bookable(row)));
}

fn is_bookable(row: &Value) -> bool {
    row["active"] == true && row["deleted_at"].is_null() && row["booking_method"] == "instant"
}

#[tokio::test]
async fn the_sample_has_a_shared_slug_a_legacy_id_and_duration_options() {
    let harness = Harness::start().await;
    let rows = harness.event_types(DEFAULT_PAT).await;
    let with_slug = |slug: &str| -> Vec<_> { rows.iter().filter(|row| row["slug"] == slug).collect() };
    let [one, other] = with_slug("studio-visit")[..] else {
        panic!("two event types share the slug");
    };
    assert!(is_bookable(one) && is_bookable(other));
    assert_eq!(one["scheduling_url"], "https://calendly.com/robin-sample/studio-visit");
    assert_eq!(other["scheduling_url"], "https://calendly.com/sample-team/studio-visit");

    let uri = text(&with_slug("walk-in")[0]["uri"]);
    let id = path(&uri).strip_prefix("/event_types/").unwrap();
    assert_eq!(id.len(), 16);
    assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{id}");
    assert_eq!(harness.read(path(&uri), &[]).await["resource"]["uri"], uri);

    let session = with_slug("strategy-session")[0];
    assert_eq!((&session["duration"], &session["duration_options"]), (&json!(30), &json!([15, 30, 60])));
}

#[tokio::test]
async fn faults_leave_out_the_next_page_token() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let mut real = harness.read(PATH, &[("user", &user)]).await;
    harness.sandbox.fault(PATH, 1, Fault::NoNextPageToken);
    let page = harness.read(PATH, &[("user", &user)]).await;
    assert!(page["pagination"]["next_page"].is_string());
    real["pagination"].as_object_mut().unwrap().remove("next_page_token");
    assert_eq!(page, real);
}

#[tokio::test]
async fn faults_make_a_page_token_stale_once() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    harness.sandbox.fault(PATH, 1, Fault::StalePageToken);
    let first = harness.read(PATH, &[("user", &user)]).await;
    let token = text(&first["pagination"]["next_page_token"]);
    let query = [("user", &*user), ("page_token", &*token)];
    assert_eq!(harness.error(PATH, &query).await, (400, "page_token is invalid".to_owned()));
    harness.read(PATH, &query).await;
}

#[tokio::test]
async fn number_formats_vary() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let request = harness.request(DEFAULT_PAT, PATH).query(&[("user", &*user), ("count", "100")]);
    let body = request.send().await.unwrap().text().await.unwrap();
    for expected in [
        r#""duration":30.0,"#,
        r#""duration":30,"#,
        r#""sandbox_future_number":123456789012345678901234567890"#,
        r#""ratio":1e-7,"zero":0.0"#,
    ] {
        assert!(body.contains(expected), "{expected}");
    }
}

#[tokio::test]
async fn single_reads_equal_the_rows_of_the_list() {
    let harness = Harness::start().await;
    let rows = harness.event_types(DEFAULT_PAT).await;
    for row in &rows {
        assert_eq!(&harness.read(path(&text(&row["uri"])), &[]).await["resource"], row);
    }
    assert_eq!(harness.error("/event_types/none", &[]).await.0, 404);
    // The list omits pool types, which can be read.
    let pool = harness.sandbox.event_type_uri(DEFAULT_PAT, "team-pool").unwrap();
    assert!(!column(&rows, "uri").contains(&pool));
    let pool = &harness.read(path(&pool), &[]).await["resource"];
    assert_eq!((&pool["pooling_type"], &pool["profile"]), (&json!("multi_pool"), &Value::Null));
}

#[tokio::test]
async fn the_seed_determines_responses() {
    let one = Harness::start().await;
    let same = Harness::start().await;
    let other = Harness::start_with(Config { seed: 2, ..fixed() }).await;
    assert_eq!(same.event_types(DEFAULT_PAT).await, one.event_types(DEFAULT_PAT).await);
    assert_ne!(other.user_uri(DEFAULT_PAT).await, one.user_uri(DEFAULT_PAT).await);
}

#[tokio::test]
async fn catalogs_have_the_configured_size() {
    let account = |pat: &str, catalogue| Account::new(pat).with_catalogue(catalogue);
    let pats = vec![
        account("sample", Catalogue::default()),
        account("generated", Catalogue::Sample { generated: 300 }),
        account("plain", Catalogue::Plain { count: 120 }),
        account("empty", Catalogue::Empty),
        account("nothing-bookable", Catalogue::NothingBookable),
    ];
    let harness = Harness::start_with(Config { pats, ..fixed() }).await;
    let sample = harness.event_types("sample").await;
    assert_eq!(harness.event_types("generated").await.len(), sample.len() + 300);
    let plain = harness.event_types("plain").await;
    assert_eq!((plain.len(), &plain[119]["slug"]), (120, &json!("session-00120")));
    assert_eq!(harness.event_types("empty").await, Vec::<Value>::new());
    let unbookable = harness.event_types("nothing-bookable").await;
    assert_eq!(unbookable.len(), sample.iter().filter(|row| !is_bookable(row)).count());
    assert!(!unbookable.iter().any(is_bookable));
}
