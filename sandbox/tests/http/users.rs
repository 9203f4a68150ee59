//! Users, PATs, organizations and rate limits.

use chrono::{TimeDelta, Utc};
use sandbox::{Account, Config, DEFAULT_PAT, KIM_PAT, NOOR_PAT};
use serde_json::{Value, json};

use crate::support::{Harness, path, text};

/// Returns a valid request of each route about a user and their event type: path and query.
async fn requests(harness: &Harness, pat: &str) -> [(String, Vec<(&'static str, String)>); 3] {
    let user = text(&harness.user(pat).await["uri"]);
    // The list omits the pool type, which has the same permissions.
    let uri = harness.sandbox.event_type_uri(pat, "team-pool").unwrap();
    let time = |days| (Utc::now() + TimeDelta::days(days)).format("%FT%TZ").to_string();
    let times = vec![("event_type", uri.clone()), ("start_time", time(1)), ("end_time", time(2))];
    [
        ("/event_types".to_owned(), vec![("user", user)]),
        (path(&uri).to_owned(), Vec::new()),
        ("/event_type_available_times".to_owned(), times),
    ]
}

#[tokio::test]
async fn invalid_pats_are_unauthenticated() {
    let harness = Harness::start().await;
    let unauthenticated =
        (401, json!({ "title": "Unauthenticated", "message": "The access token is invalid" }));
    assert_eq!(harness.get_as("wrong", "/users/me", &[]).await, unauthenticated);
    let without_header = harness.http.get(harness.url("/users/me")).send().await.unwrap();
    assert_eq!(without_header.status(), 401);
}

#[tokio::test]
async fn only_owners_of_an_organization_read_other_users() {
    let harness = Harness::start().await;
    harness.sandbox.add_account("stranger");
    let pats = [DEFAULT_PAT, KIM_PAT, NOOR_PAT, "stranger"];
    for (owner, pat_of_owner) in pats.iter().enumerate() {
        let requests = requests(&harness, pat_of_owner).await;
        for (caller, pat) in pats.iter().enumerate() {
            let expected = if caller == owner || (caller == 0 && owner < 3) { 200 } else { 403 };
            for (path, query) in &requests {
                let response = harness.request(pat, path).query(query).send().await.unwrap();
                assert_eq!(response.status(), expected, "{pat} {path}");
                let body: Value = response.json().await.unwrap();
                if expected == 403 {
                    assert_eq!(body["message"], "You do not have permission to access this resource.");
                }
            }
        }
    }
}

#[tokio::test]
async fn rate_limits_are_counted_per_user() {
    let harness = Harness::start_with(Config { rate_limit: 2, ..Config::default() }).await;
    harness.sandbox.add_account(Account::new("renewed").with_user("Robin Sample"));
    for (pat, status, remaining) in
        [(DEFAULT_PAT, 200, "1"), ("renewed", 200, "0"), (DEFAULT_PAT, 429, "0"), (KIM_PAT, 200, "1")]
    {
        let response = harness.request(pat, "/users/me").send().await.unwrap();
        assert_eq!(response.status(), status, "{pat}");
        let headers = response.headers();
        assert_eq!(headers["x-ratelimit-remaining"], remaining);
        let reset: u64 = headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&reset), "{reset}");
    }
}

#[tokio::test]
async fn pats_of_a_user_are_added_and_revoked() {
    let harness = Harness::start().await;
    let user = harness.user(DEFAULT_PAT).await;
    harness.sandbox.add_account(Account::new("renewed").with_user("Robin Sample"));
    harness.sandbox.revoke_pat(DEFAULT_PAT);
    assert_eq!(harness.get_as(DEFAULT_PAT, "/users/me", &[]).await.0, 401);
    assert_eq!(harness.user("renewed").await, user);
    harness.sandbox.add_account("own");
    assert_ne!(harness.user("own").await["uri"], user["uri"]);
}
