//! What a PAT may be used for.

use sandbox::{Account, Scope};
use serde_json::{Value, json};

use crate::caller::{Caller, fixed, path};

const RANGE: [(&str, &str); 2] =
    [("start_time", "2026-03-16T00:00:00Z"), ("end_time", "2026-03-28T00:00:00Z")];

/// What a PAT is answered on each path, with the scope that this path needs.
async fn answers(caller: &Caller, pat: &str) -> Vec<(&'static str, u16, Value)> {
    let user = caller.user_uri().await;
    let event_type = caller.sandbox.event_type_uri(sandbox::DEFAULT_PAT, "demo").unwrap();
    let times = [("event_type", &*event_type), RANGE[0], RANGE[1]];
    let mut answers = Vec::new();
    for (scope, path, query) in [
        ("users:read", "/users/me", &[][..]),
        ("users:read", path(&user), &[]),
        ("event_types:read", "/event_types", &[("user", &*user)]),
        ("event_types:read", path(&event_type), &[]),
        ("availability:read", "/event_type_available_times", &times),
    ] {
        let (status, body) = caller.get_as(pat, path, query).await;
        answers.push((scope, status, body));
    }
    answers
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let caller = Caller::start(fixed()).await;
    for (granted, scope) in [
        ("users:read", Scope::Users),
        ("event_types:read", Scope::EventTypes),
        ("availability:read", Scope::Availability),
    ] {
        let pat = Account::new(granted).of_user("Robin Sample").with_scopes([scope]);
        caller.sandbox.add_account(pat);
        for (needed, status, body) in answers(&caller, granted).await {
            if needed == granted {
                assert_eq!(status, 200, "{body}");
            } else {
                let refusal = json!({
                    "title": "Insufficient scope",
                    "message": "This operation requires the scopes listed in the 'required_scopes' array.",
                    "required_scopes": [needed],
                });
                assert_eq!((status, body), (403, refusal));
            }
        }
    }
}

#[tokio::test]
async fn a_pat_without_scopes_of_its_own_may_do_everything() {
    let caller = Caller::start(fixed()).await;
    for (needed, status, body) in answers(&caller, sandbox::DEFAULT_PAT).await {
        assert_eq!(status, 200, "{needed}: {body}");
    }
}

#[tokio::test]
async fn pats_get_their_scopes_over_http() {
    let caller = Caller::start(fixed()).await;
    let order = async |scopes: Value| {
        let body = json!({"pat": "narrow", "user": "Robin Sample", "scopes": scopes});
        let request = caller.http.post(caller.url("/sandbox/pats")).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(order(json!(["users:write"])).await, 422);
    assert_eq!(order(json!(["users:read", "event_types:read"])).await, 204);
    let answers = answers(&caller, "narrow").await;
    let statuses: Vec<u16> = answers.iter().map(|(_, status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 403]);
}
