//! Users, PATs and rate limits.

use reqwest::StatusCode;
use sandbox::{Account, Catalogue, Config, DEFAULT_PAT};
use serde_json::{Value, json};

use crate::caller::{Caller, fixed, text};

async fn me(caller: &Caller, pat: &str) -> (StatusCode, Value) {
    let request = caller.http.get(caller.url("/users/me")).bearer_auth(pat);
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_user_reads_themselves_and_nobody_else() {
    let caller = Caller::start(fixed()).await;
    caller.sandbox.add_account("other-pat");
    let own = caller.read("/users/me", &[]).await;
    let uri = text(&own["resource"]["uri"]);
    let path = uri.strip_prefix("https://api.calendly.com").unwrap();
    assert_eq!(caller.read(path, &[]).await, own);

    let (_, other) = me(&caller, "other-pat").await;
    let other = text(&other["resource"]["uri"]);
    let path = other.strip_prefix("https://api.calendly.com").unwrap();
    let (status, message) = caller.refused(path, &[]).await;
    assert_eq!(status, 403);
    assert_eq!(message, "You do not have permission to access this resource.");
    assert_eq!(caller.refused("/users/nobody", &[]).await.0, 404);
    assert_eq!(caller.refused("/unheard-of", &[]).await.0, 404);
}

#[tokio::test]
async fn only_a_pat_that_is_known_and_not_revoked_is_taken() {
    let caller = Caller::start(fixed()).await;
    let refusal = json!({
        "title": "Unauthenticated",
        "message": "The access token is invalid"
    });
    let (status, body) = me(&caller, "wrong").await;
    assert_eq!((status, &body), (StatusCode::UNAUTHORIZED, &refusal));
    let bare = caller.http.get(caller.url("/users/me")).send().await;
    assert_eq!(bare.unwrap().status(), StatusCode::UNAUTHORIZED);

    assert_eq!(me(&caller, DEFAULT_PAT).await.0, StatusCode::OK);
    caller.sandbox.revoke_pat(DEFAULT_PAT);
    assert_eq!(me(&caller, DEFAULT_PAT).await, (status, refusal));
}

#[tokio::test]
async fn pats_of_the_same_name_have_the_same_user() {
    let caller = Caller::start(fixed()).await;
    let renewed = Account::new("renewed").of_user("Robin Sample");
    caller.sandbox.add_account(renewed);
    caller.sandbox.add_account("another");
    let first = me(&caller, DEFAULT_PAT).await;
    assert_eq!(me(&caller, "renewed").await, first);
    assert_ne!(me(&caller, "another").await, first);

    // Their user outlives them, event types included.
    let generated = Catalogue::Sample { generated: 1 };
    let kept = Account::new("old").of_user("Kit").with_catalogue(generated);
    caller.sandbox.add_account(kept);
    let of = |pat| caller.sandbox.event_type_uri(pat, "session-00001");
    let uri = of("old");
    assert!(uri.is_some());
    caller.sandbox.revoke_pat("old");
    assert_eq!(of("old"), None);
    caller.sandbox.add_account(Account::new("new").of_user("Kit"));
    assert_eq!(of("new"), uri);
}

#[tokio::test]
async fn the_rate_limit_is_counted_per_user() {
    let caller = Caller::start(Config { rate_limit: 2, ..fixed() }).await;
    caller.sandbox.add_account("another");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let response = caller.get("/users/me", &[]).await;
        let remaining = response.headers()["x-ratelimit-remaining"].clone();
        seen.push((response.status().as_u16(), remaining));
        assert_eq!(response.headers()["x-ratelimit-limit"], "2");
        let reset = &response.headers()["x-ratelimit-reset"];
        let reset: u64 = reset.to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&reset), "{reset}");
    }
    let seen: Vec<_> =
        seen.iter().map(|(status, remaining)| (*status, remaining.to_str().unwrap())).collect();
    assert_eq!(seen, [(200, "1"), (200, "0"), (429, "0")]);
    assert_eq!(me(&caller, "another").await.0, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_has_calendlys_headers() {
    let caller = Caller::start(fixed()).await;
    let mut request_ids = Vec::new();
    for path in ["/users/me", "/event_types", "/unheard-of"] {
        let response = caller.get(path, &[]).await;
        let headers = response.headers();
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(headers["cache-control"], "max-age=0, private, must-revalidate");
        assert_eq!(headers["x-ratelimit-limit"], "500");
        request_ids.push(headers["x-request-id"].clone());
    }
    let [one, two, three] = &request_ids[..] else {
        panic!("{request_ids:?}");
    };
    assert!(one != two && two != three && one != three);
}
