//! Colleagues: what the owner of an organization may read of theirs, and what they may read.

use std::collections::BTreeSet;

use sandbox::{Account, Config, DEFAULT_PAT, KIM_PAT, NOOR_PAT};
use serde_json::{Value, json};

use crate::caller::{Caller, column, fixed, path, text};

const TIMES: &str = "/event_type_available_times";
const FORBIDDEN: &str = "You do not have permission to access this resource.";

async fn me(caller: &Caller, pat: &str) -> Value {
    let (status, body) = caller.get_as(pat, "/users/me", &[]).await;
    assert_eq!(status, 200);
    body["resource"].clone()
}

/// Every row of a list.
async fn rows(caller: &Caller, pat: &str, by: (&str, &str)) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut token = None;
    loop {
        let mut query = vec![by, ("count", "100")];
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let (status, page) = caller.get_as(pat, "/event_types", &query).await;
        assert_eq!(status, 200, "{page}");
        rows.extend(page["collection"].as_array().unwrap().iter().cloned());
        match &page["pagination"]["next_page_token"] {
            Value::String(next) => token = Some(next.clone()),
            _ => return rows,
        }
    }
}

/// The starts of two working weeks, in UTC.
async fn starts(caller: &Caller, pat: &str, uri: &str) -> BTreeSet<String> {
    // Clocks go forward in New York on 8 March 2026 and in Europe on the 29th.
    let range = [("start_time", "2026-03-16T00:00:00Z"), ("end_time", "2026-03-28T00:00:00Z")];
    let query = [("event_type", uri), range[0], range[1]];
    let (status, body) = caller.get_as(pat, TIMES, &query).await;
    assert_eq!(status, 200, "{body}");
    column(body["collection"].as_array().unwrap(), "start_time").into_iter().collect()
}

#[tokio::test]
async fn colleagues_share_an_organization_and_nothing_else() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.add_account("stranger");
    let mut users = Vec::new();
    for pat in [DEFAULT_PAT, KIM_PAT, NOOR_PAT, "stranger"] {
        users.push(me(&caller, pat).await);
    }
    let distinct = |member: &str| column(&users, member).into_iter().collect::<BTreeSet<_>>().len();
    for member in ["uri", "name", "slug", "email"] {
        assert_eq!(distinct(member), 4, "{member}");
    }
    assert_eq!(distinct("current_organization"), 2);
    assert_eq!(distinct("timezone"), 3);
    assert_ne!(users[0]["current_organization"], users[3]["current_organization"]);
}

#[tokio::test]
async fn the_owner_reads_colleagues_and_they_read_themselves() {
    let caller = Caller::start(fixed()).await;
    let mut uris = Vec::new();
    for pat in [DEFAULT_PAT, KIM_PAT, NOOR_PAT] {
        uris.push(text(&me(&caller, pat).await["uri"]));
    }
    for uri in &uris {
        let (status, body) = caller.get_as(DEFAULT_PAT, path(uri), &[]).await;
        assert_eq!((status, text(&body["resource"]["uri"])), (200, uri.clone()));
        let (status, body) = caller.get_as(KIM_PAT, path(uri), &[]).await;
        match status {
            200 => assert_eq!(*uri, uris[1]),
            _ => assert_eq!((status, &*text(&body["message"])), (403, FORBIDDEN)),
        }
    }
}

#[tokio::test]
async fn the_owner_asks_for_a_colleagues_event_type_by_its_uri() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.add_account("stranger");
    // The pool type, which is in no list, among them.
    for slug in ["mentoring", "team-pool"] {
        let uri = caller.sandbox.event_type_uri(KIM_PAT, slug).unwrap();
        let own = caller.get_as(KIM_PAT, path(&uri), &[]).await;
        assert_eq!((own.0, text(&own.1["resource"]["uri"])), (200, uri.clone()));
        assert_eq!(caller.get_as(DEFAULT_PAT, path(&uri), &[]).await, own);
        let times = starts(&caller, KIM_PAT, &uri).await;
        assert!(!times.is_empty());
        assert_eq!(starts(&caller, DEFAULT_PAT, &uri).await, times);

        let range = [("start_time", "2026-03-16T00:00:00Z"), ("end_time", "2026-03-28T00:00:00Z")];
        for other in [NOOR_PAT, "stranger"] {
            let query = [("event_type", &*uri), range[0], range[1]];
            for (path, query) in [(path(&uri), &[][..]), (TIMES, &query)] {
                let (status, body) = caller.get_as(other, path, query).await;
                assert_eq!((status, &*text(&body["message"])), (403, FORBIDDEN), "{other} {path}");
            }
        }
    }
    // What belongs to the owner is not for colleagues.
    let uri = caller.sandbox.event_type_uri(DEFAULT_PAT, "mentoring").unwrap();
    assert_eq!(caller.get_as(KIM_PAT, path(&uri), &[]).await.0, 403);
}

#[tokio::test]
async fn a_colleagues_event_types_have_lengths_to_choose_from() {
    let caller = Caller::start(fixed()).await;
    let uri = text(&me(&caller, NOOR_PAT).await["uri"]);
    let rows = rows(&caller, DEFAULT_PAT, ("user", &uri)).await;
    let of = |slug: &str| rows.iter().find(|row| row["slug"] == slug).unwrap();
    assert_eq!(of("demo")["duration_options"], json!([15, 30]));
    assert!(of("code-review")["duration_options"].is_null());
    assert!(rows.iter().all(|row| row["profile"]["owner"] == *uri));
}

#[tokio::test]
async fn the_list_of_an_organization_is_everybodys_and_for_its_owner() {
    let caller = Caller::start(fixed()).await;
    let organization = text(&me(&caller, DEFAULT_PAT).await["current_organization"]);
    let mut expected = BTreeSet::new();
    for pat in [DEFAULT_PAT, KIM_PAT, NOOR_PAT] {
        let user = text(&me(&caller, pat).await["uri"]);
        let own = rows(&caller, pat, ("user", &user)).await;
        assert_eq!(rows(&caller, DEFAULT_PAT, ("user", &user)).await, own);
        expected.extend(column(&own, "uri"));
    }
    let all = column(&rows(&caller, DEFAULT_PAT, ("organization", &organization)).await, "uri");
    assert_eq!(all.len(), expected.len());
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), expected);

    let query = [("organization", &*organization)];
    let (status, body) = caller.get_as(KIM_PAT, "/event_types", &query).await;
    assert_eq!((status, &*text(&body["message"])), (403, "You do not have permission"));
    let colleague = text(&me(&caller, NOOR_PAT).await["uri"]);
    for query in [&[("user", &*colleague)][..], &[("user", &*colleague), query[0]]] {
        assert_eq!(caller.get_as(KIM_PAT, "/event_types", query).await.0, 403);
        assert_eq!(caller.get_as(DEFAULT_PAT, "/event_types", query).await.0, 200);
    }
}

#[tokio::test]
async fn free_times_of_colleagues_overlap_in_part() {
    let caller = Caller::start(fixed()).await;
    let mut free = Vec::new();
    for pat in [DEFAULT_PAT, KIM_PAT, NOOR_PAT] {
        let uri = caller.sandbox.event_type_uri(pat, "support-call").unwrap();
        free.push(starts(&caller, DEFAULT_PAT, &uri).await);
    }
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let common = free[one].intersection(&free[other]).count();
        assert!(common > 0, "{one} and {other} never meet");
        assert!(common < free[one].len() && common < free[other].len(), "{one} and {other}");
    }
    let of_two: BTreeSet<_> = free[0].intersection(&free[1]).cloned().collect();
    let of_three = of_two.intersection(&free[2]).count();
    assert!(0 < of_three && of_three < of_two.len(), "{of_three} of {}", of_two.len());
}

#[tokio::test]
async fn the_default_user_is_who_they_were_without_colleagues() {
    let with = Caller::start(fixed()).await;
    let alone = vec![Account::new(DEFAULT_PAT).of_user("Robin Sample")];
    let without = Caller::start(Config { pats: alone, ..fixed() }).await;
    let user = me(&with, DEFAULT_PAT).await;
    assert_eq!(user, me(&without, DEFAULT_PAT).await);
    let user = text(&user["uri"]);
    let own = rows(&with, DEFAULT_PAT, ("user", &user)).await;
    assert_eq!(own, rows(&without, DEFAULT_PAT, ("user", &user)).await);
    let uri = with.sandbox.event_type_uri(DEFAULT_PAT, "intro-call").unwrap();
    assert_eq!(starts(&with, DEFAULT_PAT, &uri).await, starts(&without, DEFAULT_PAT, &uri).await);
}
