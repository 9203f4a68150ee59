//! The list of event types, and one event type.

use std::collections::HashSet;

use sandbox::{Account, Catalogue, Config, DEFAULT_PAT};
use serde_json::Value;

use crate::caller::{Caller, column, fixed, text};

const PATH: &str = "/event_types";

/// All rows of a query, by following the tokens.
async fn walk(caller: &Caller, query: &[(&str, &str)]) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut query = query.to_vec();
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let page = caller.read(PATH, &query).await;
        let rows = page["collection"].as_array().unwrap().clone();
        assert_eq!(page["pagination"]["count"], rows.len());
        pages.push(rows);
        match &page["pagination"]["next_page_token"] {
            Value::String(next) => token = Some(next.clone()),
            other => {
                assert!(other.is_null() && page["pagination"]["next_page"].is_null());
                return pages;
            }
        }
    }
}

#[tokio::test]
async fn the_pages_hold_every_row_once() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let whole = walk(&caller, &[("user", &user), ("count", "100")]).await.concat();
    assert!(whole.len() >= 30);
    let unique: HashSet<_> = column(&whole, "uri").into_iter().collect();
    assert_eq!(unique.len(), whole.len());

    let by_default = walk(&caller, &[("user", &user)]).await;
    assert_eq!(by_default[0].len(), 20);
    assert_eq!(by_default.concat(), whole);
    let by_seven = walk(&caller, &[("user", &user), ("count", "7")]).await;
    assert_eq!(by_seven.len(), whole.len().div_ceil(7));
    assert_eq!(by_seven.concat(), whole);
}

#[tokio::test]
async fn the_list_of_the_organization_is_that_of_its_only_user() {
    let alone = vec![Account::new(DEFAULT_PAT).of_user("Robin Sample")];
    let caller = Caller::start(Config { pats: alone, ..fixed() }).await;
    let me = caller.read("/users/me", &[]).await;
    let organization = text(&me["resource"]["current_organization"]);
    let user = text(&me["resource"]["uri"]);
    assert_eq!(
        walk(&caller, &[("organization", &organization)]).await,
        walk(&caller, &[("user", &user)]).await
    );
}

#[tokio::test]
async fn a_page_leads_to_its_neighbours() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let first = caller.read(PATH, &[("user", &user)]).await;
    assert!(first["pagination"]["previous_page_token"].is_null());
    let token = text(&first["pagination"]["next_page_token"]);
    assert_eq!(token.len(), 32);
    let next_page = text(&first["pagination"]["next_page"]);
    let path = next_page.strip_prefix("https://api.calendly.com").unwrap();
    let second = caller.read(path, &[]).await;
    assert_ne!(second["collection"], first["collection"]);

    let previous = text(&second["pagination"]["previous_page_token"]);
    let query = [("user", &*user), ("page_token", &*previous)];
    assert_eq!(caller.read(PATH, &query).await, first);
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_query_only() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let first = caller.read(PATH, &[("user", &user)]).await;
    let token = text(&first["pagination"]["next_page_token"]);
    for other in [("active", "true"), ("sort", "name:desc"), ("count", "10")] {
        let query = [("user", &*user), other, ("page_token", &token)];
        let refusal = caller.refused(PATH, &query).await;
        assert_eq!(refusal, (400, "page_token is invalid".to_owned()));
    }
}

#[tokio::test]
async fn rows_are_sorted_as_asked() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    for field in ["created_at", "updated_at"] {
        for direction in ["asc", "desc"] {
            let sort = format!("{field}:{direction}");
            let rows = walk(&caller, &[("user", &user), ("sort", &sort)]).await;
            let rows = column(&rows.concat(), field);
            assert!(rows.is_sorted_by(|one, other| match direction {
                "asc" => one <= other,
                _ => one >= other,
            }));
        }
    }
    let positions = |rows: Vec<Vec<Value>>| -> Vec<u64> {
        let rows = rows.concat();
        rows.iter().map(|row| row["position"].as_u64().unwrap()).collect()
    };
    let sort = ("sort", "position:desc");
    let descending = positions(walk(&caller, &[("user", &user), sort]).await);
    assert!(descending.is_sorted_by(|one, other| one > other));

    let names = |rows: Vec<Vec<Value>>| -> Vec<Option<String>> {
        let rows = rows.concat();
        let names = rows.iter().map(|row| row["name"].as_str());
        names.map(|name| name.map(str::to_lowercase)).collect()
    };
    let mut by_name = names(walk(&caller, &[("user", &user)]).await);
    assert_eq!(by_name.pop(), Some(None));
    assert!(by_name.is_sorted());
    // Where names are alike, the next field decides.
    let sort = ("sort", "name:asc,position:desc");
    let rows = walk(&caller, &[("user", &user), sort]).await.concat();
    let slugs: Vec<_> =
        rows.iter().filter(|row| row["name"] == "Intro call").map(|row| text(&row["slug"])).collect();
    assert_eq!(slugs, ["intro-call-team", "intro-call"]);
}

#[tokio::test]
async fn active_and_admin_managed_divide_the_list() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let whole = walk(&caller, &[("user", &user)]).await.concat();
    for field in ["active", "admin_managed"] {
        for wanted in [true, false] {
            let rows = walk(&caller, &[("user", &user), (field, &wanted.to_string())]).await;
            let expected: Vec<_> = whole.iter().filter(|row| row[field] == wanted).cloned().collect();
            assert!(!expected.is_empty());
            assert_eq!(rows.concat(), expected);
        }
    }
}

#[tokio::test]
async fn a_wrong_list_query_is_refused() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.add_account("other-pat");
    let user = caller.user_uri().await;
    assert_eq!(caller.refused(PATH, &[]).await.0, 400);
    for wrong in [
        ("count", "0"),
        ("count", "101"),
        ("count", "many"),
        ("active", "yes"),
        ("sort", "name"),
        ("sort", "color:asc"),
        ("sort", "name:up"),
        ("page_token", "nonsense"),
    ] {
        let (status, _) = caller.refused(PATH, &[("user", &user), wrong]).await;
        assert_eq!(status, 400, "{wrong:?}");
    }
    let stranger = ("user", "https://api.calendly.com/users/someone-else");
    assert_eq!(caller.refused(PATH, &[stranger]).await.0, 403);
}

#[tokio::test]
async fn the_sample_has_one_of_every_kind() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let rows = walk(&caller, &[("user", &user)]).await.concat();
    let is_there = |what: &str, is: &dyn Fn(&Value) -> bool| {
        assert!(rows.iter().any(is), "{what}");
    };
    is_there("inactive", &|row| row["active"] == false);
    is_there("deleted, yet active", &|row| row["deleted_at"].is_string() && row["active"] == true);
    is_there("secret", &|row| row["secret"] == true);
    is_there("poll", &|row| row["booking_method"] == "poll");
    is_there("group", &|row| row["kind"] == "group");
    is_there("paid", &|row| row["is_paid"] == true);
    is_there("several lengths", &|row| row["duration_options"].is_array());
    is_there("collective", &|row| row["pooling_type"] == "collective");
    is_there("round robin", &|row| row["pooling_type"] == "round_robin");
    is_there("one-off", &|row| row["type"] == "AdhocEventType");
    is_there("without a name", &|row| row["name"].is_null());
    is_there("without a slug", &|row| row["slug"].is_null());
    // What looks at the first row only picks one that cannot be booked.
    for row in &rows[..3] {
        let bookable =
            row["active"] == true && row["deleted_at"].is_null() && row["booking_method"] == "instant";
        assert!(!bookable, "{row}");
    }
}

#[tokio::test]
async fn numbers_are_written_as_a_careless_reader_would_not() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let query = [("user", &*user), ("count", "100")];
    let body = caller.get(PATH, &query).await.text().await.unwrap();
    for written in [
        r#""duration":30.0,"#,
        r#""duration":30,"#,
        r#""sandbox_future_number":123456789012345678901234567890"#,
        r#""ratio":1e-7,"zero":0.0"#,
    ] {
        assert!(body.contains(written), "{written}");
    }
}

#[tokio::test]
async fn a_pool_type_is_missing_from_the_list_and_readable() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    let pool = caller.sandbox.event_type_uri(DEFAULT_PAT, "team-pool");
    let pool = pool.unwrap();
    let rows = walk(&caller, &[("user", &user)]).await.concat();
    assert!(!column(&rows, "uri").contains(&pool));
    let path = pool.strip_prefix("https://api.calendly.com").unwrap();
    let read = caller.read(path, &[]).await;
    assert_eq!(read["resource"]["pooling_type"], "multi_pool");
    assert!(read["resource"]["profile"].is_null());
}

#[tokio::test]
async fn a_single_read_is_the_row_of_the_list() {
    let caller = Caller::start(fixed()).await;
    let user = caller.user_uri().await;
    for row in walk(&caller, &[("user", &user)]).await.concat() {
        let uri = text(&row["uri"]);
        let path = uri.strip_prefix("https://api.calendly.com").unwrap();
        assert_eq!(caller.read(path, &[]).await["resource"], row);
    }
    assert_eq!(caller.refused("/event_types/none", &[]).await.0, 404);
}

#[tokio::test]
async fn the_seed_decides() {
    let one = Caller::start(fixed()).await;
    let same = Caller::start(fixed()).await;
    let other = Caller::start(Config { seed: 2, ..fixed() }).await;
    let user = one.user_uri().await;
    assert_eq!(same.user_uri().await, user);
    assert_ne!(other.user_uri().await, user);
    let rows = walk(&one, &[("user", &user)]).await;
    assert_eq!(walk(&same, &[("user", &user)]).await, rows);
}

#[tokio::test]
async fn an_account_may_have_thousands_of_event_types_or_none() {
    let generated = Account::new("many").with_catalogue(Catalogue::Sample { generated: 5000 });
    let caller = Caller::start(Config {
        pats: vec![
            Account::new(DEFAULT_PAT).with_catalogue(Catalogue::Empty),
            generated,
            Account::new("nothing").with_catalogue(Catalogue::NothingBookable),
        ],
        ..fixed()
    })
    .await;
    let user = caller.user_uri().await;
    assert_eq!(walk(&caller, &[("user", &user)]).await, [Vec::<Value>::new()]);

    let me = |pat| caller.http.get(caller.url("/users/me")).bearer_auth(pat);
    let list = |pat, query: Vec<(&'static str, String)>| {
        let request = caller.http.get(caller.url(PATH)).bearer_auth(pat);
        let request = request.query(&query);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let many: Value = me("many").send().await.unwrap().json().await.unwrap();
    let many = text(&many["resource"]["uri"]);
    let mut uris = HashSet::new();
    let mut query = vec![("user", many), ("count", "100".to_owned())];
    loop {
        let page = list("many", query.clone()).await;
        uris.extend(column(page["collection"].as_array().unwrap(), "uri"));
        let Value::String(token) = &page["pagination"]["next_page_token"] else {
            break;
        };
        query.truncate(2);
        query.push(("page_token", token.clone()));
    }
    assert!(uris.len() > 5000);

    let nothing: Value = me("nothing").send().await.unwrap().json().await.unwrap();
    let nothing = text(&nothing["resource"]["uri"]);
    let page = list("nothing", vec![("user", nothing)]).await;
    let rows = page["collection"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(row["active"] == false || row["deleted_at"].is_string() || row["booking_method"] == "poll");
    }
}
