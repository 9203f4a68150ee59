//! Users, PATs, scopes, organizations and rate limits.

use std::collections::BTreeSet;

use sandbox::{Account, Catalogue, Config, DEFAULT_PAT, KIM_PAT, NOOR_PAT, Scope};
use serde_json::{Value, json};

use crate::support::{Harness, column, fixed, path, text};

const TIMES: &str = "/event_type_available_times";
const RANGE: [(&str, &str); 2] =
    [("start_time", "2026-03-16T00:00:00Z"), ("end_time", "2026-03-28T00:00:00Z")];

#[tokio::test]
async fn invalid_and_revoked_pats_are_unauthenticated() {
    let harness = Harness::start().await;
    let unauthenticated =
        (401, json!({ "title": "Unauthenticated", "message": "The access token is invalid" }));
    assert_eq!(harness.get_as("wrong", "/users/me", &[]).await, unauthenticated);
    let without_header = harness.http.get(harness.url("/users/me")).send().await.unwrap();
    assert_eq!(without_header.status(), 401);
    assert_eq!(harness.status("/users/me").await, 200);
    harness.sandbox.revoke_pat(DEFAULT_PAT);
    assert_eq!(harness.get_as(DEFAULT_PAT, "/users/me", &[]).await, unauthenticated);
}

#[tokio::test]
async fn unknown_resources_are_not_found() {
    let harness = Harness::start().await;
    assert_eq!(harness.error("/users/unknown", &[]).await.0, 404);
    let not_found = (404, "The server could not find the requested resource.".to_owned());
    assert_eq!(harness.error("/unknown", &[]).await, not_found);
}

#[tokio::test]
async fn pats_with_the_same_user_name_share_a_user() {
    let harness = Harness::start().await;
    harness.sandbox.add_account(Account::new("renewed").of_user("Robin Sample"));
    harness.sandbox.add_account("another");
    let user = harness.user(DEFAULT_PAT).await;
    assert_eq!(harness.user("renewed").await, user);
    assert_ne!(harness.user("another").await, user);

    // The user and their event types remain when the PAT is revoked.
    let catalogue = Catalogue::Sample { generated: 1 };
    harness.sandbox.add_account(Account::new("old").of_user("Kit").with_catalogue(catalogue));
    let uri = |pat| harness.sandbox.event_type_uri(pat, "session-00001");
    let before = uri("old");
    assert!(before.is_some());
    harness.sandbox.revoke_pat("old");
    assert_eq!(uri("old"), None);
    harness.sandbox.add_account(Account::new("new").of_user("Kit"));
    assert_eq!(uri("new"), before);
}

#[tokio::test]
async fn missing_scopes_are_named() {
    let harness = Harness::start().await;
    let user = harness.user_uri(DEFAULT_PAT).await;
    let uri = harness.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let times = [("event_type", &*uri), RANGE[0], RANGE[1]];
    let requests = [
        ("users:read", "/users/me", &[][..]),
        ("users:read", path(&user), &[]),
        ("event_types:read", "/event_types", &[("user", &*user)]),
        ("event_types:read", path(&uri), &[]),
        ("availability:read", TIMES, &times),
    ];
    for scope in [Scope::Users, Scope::EventTypes, Scope::Availability] {
        let granted = text(&json!(scope));
        harness.sandbox.add_account(Account::new(&*granted).of_user("Robin Sample").with_scopes([scope]));
        for (required, path, query) in requests {
            let response = harness.get_as(&granted, path, query).await;
            if required == granted {
                assert_eq!(response.0, 200, "{path}");
            } else {
                let body = json!({
                    "title": "Insufficient scope",
                    "message": "This operation requires the scopes listed in the 'required_scopes' array.",
                    "required_scopes": [required],
                });
                assert_eq!(response, (403, body), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn only_owners_of_an_organization_read_other_users() {
    let harness = Harness::start().await;
    harness.sandbox.add_account("stranger");
    let pats = [DEFAULT_PAT, KIM_PAT, NOOR_PAT, "stranger"];
    let mut users = Vec::new();
    for pat in pats {
        users.push(harness.user(pat).await);
    }
    let organizations: BTreeSet<_> = column(&users, "current_organization").into_iter().collect();
    assert_eq!(organizations.len(), 2);
    for (owner, user) in users.iter().enumerate() {
        let user = text(&user["uri"]);
        // The list omits the pool type, which has the same permissions.
        let uri = harness.sandbox.event_type_uri(pats[owner], "team-pool").unwrap();
        let times = [("event_type", &*uri), RANGE[0], RANGE[1]];
        for (caller, pat) in pats.into_iter().enumerate() {
            let expected = if caller == owner || (caller == 0 && owner < 3) { 200 } else { 403 };
            for (path, query) in [
                (path(&user), &[][..]),
                ("/event_types", &[("user", &*user)]),
                (path(&uri), &[]),
                (TIMES, &times),
            ] {
                let (status, body) = harness.get_as(pat, path, query).await;
                assert_eq!(status, expected, "{pat} {path}");
                if status == 403 {
                    assert_eq!(body["message"], "You do not have permission to access this resource.");
                }
            }
        }
    }
}

#[tokio::test]
async fn only_owners_list_the_event_types_of_their_organization() {
    let harness = Harness::start().await;
    let organization = text(&harness.user(DEFAULT_PAT).await["current_organization"]);
    let mut expected = Vec::new();
    for pat in [DEFAULT_PAT, KIM_PAT, NOOR_PAT] {
        expected.extend(column(&harness.event_types(pat).await, "uri"));
    }
    let query = [("organization", &*organization)];
    let mut all = column(&harness.pages(DEFAULT_PAT, &query).await.concat(), "uri");
    expected.sort();
    all.sort();
    assert_eq!(all, expected);

    let (status, body) = harness.get_as(KIM_PAT, "/event_types", &query).await;
    assert_eq!((status, &body["message"]), (403, &json!("You do not have permission")));
    let noor = harness.user_uri(NOOR_PAT).await;
    let both = [("user", &*noor), query[0]];
    assert_eq!(harness.get_as(KIM_PAT, "/event_types", &both).await.0, 403);
    assert_eq!(harness.get_as(DEFAULT_PAT, "/event_types", &both).await.0, 200);
}

#[tokio::test]
async fn rate_limits_are_counted_per_user() {
    let harness = Harness::start_with(Config { rate_limit: 2, ..fixed() }).await;
    harness.sandbox.add_account(Account::new("renewed").of_user("Robin Sample"));
    harness.sandbox.add_account("another");
    for (pat, status, remaining) in
        [(DEFAULT_PAT, 200, "1"), ("renewed", 200, "0"), (DEFAULT_PAT, 429, "0"), ("another", 200, "1")]
    {
        let response = harness.request(pat, "/users/me").send().await.unwrap();
        assert_eq!(response.status(), status, "{pat}");
        let headers = response.headers();
        assert_eq!(headers["x-ratelimit-limit"], "2");
        assert_eq!(headers["x-ratelimit-remaining"], remaining);
        let reset: u64 = headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&reset), "{reset}");
    }
}

#[tokio::test]
async fn responses_have_calendlys_headers() {
    let harness = Harness::start().await;
    let mut request_ids = BTreeSet::new();
    for path in ["/users/me", "/event_types", "/unknown"] {
        let response = harness.get(path).await;
        let headers = response.headers();
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(headers["cache-control"], "max-age=0, private, must-revalidate");
        assert_eq!(headers["x-ratelimit-limit"], "500");
        request_ids.insert(headers["x-request-id"].to_str().unwrap().to_owned());
    }
    assert_eq!(request_ids.len(), 3);
}

#[tokio::test]
async fn pats_are_controlled_over_http() {
    let harness = Harness::start().await;
    let renewed = json!({ "pat": "renewed", "user": "Robin Sample", "revoke": DEFAULT_PAT });
    assert_eq!(harness.post("/sandbox/pats", renewed).await.0, 204);
    assert_eq!(harness.get_as(DEFAULT_PAT, "/users/me", &[]).await.0, 401);
    assert_eq!(harness.user("renewed").await["name"], "Robin Sample");
    assert_eq!(harness.post("/sandbox/pats", json!({ "pat": "own" })).await.0, 204);
    assert_ne!(harness.user("own").await["name"], "Robin Sample");

    let narrow = |scope: &str| json!({ "pat": "narrow", "scopes": [scope] });
    assert_eq!(harness.post("/sandbox/pats", narrow("users:write")).await.0, 422);
    assert_eq!(harness.post("/sandbox/pats", narrow("users:read")).await.0, 204);
    let user: Value = harness.user("narrow").await;
    let query = [("user", user["uri"].as_str().unwrap())];
    assert_eq!(harness.get_as("narrow", "/event_types", &query).await.0, 403);
}
