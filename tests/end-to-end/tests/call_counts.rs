//! The calls of Calendly and reads of secrets that a request causes, cold and warm (docs/contract.md, sections 4 and 5).

use std::time::Duration;

use end_to_end::{AVAILABLE_TIMES, Binary, EVENT_TYPES, FakeClock, ME, Request, Setup, World, wait_until};
use sandbox::Account;
use serde_json::json;

/// Sends a good request and returns the paths called for it, which the log line has to agree with.
async fn paths(world: &World, request: Request) -> Vec<String> {
    world.sandbox.forget_calls();
    let answer = world.send(&request).await;
    answer.assert_ok("a good request");
    let paths = world.calendly_paths();
    let line = world.log_line(&answer.request_id).await;
    assert_eq!(
        (&line["calendly_calls"], &line["calendly_retries"]),
        (&json!(paths.len()), &json!(0)),
        "{line}"
    );
    paths
}

fn range(world: &World, days: u64, event_type: Option<&str>) -> Request {
    let request = world.request().days(2, 1 + days);
    event_type.into_iter().fold(request, |request, event_type| request.event_type(event_type))
}

#[tokio::test(flavor = "multi_thread")]
async fn event_types_are_not_cached() {
    let world = Setup::new(Binary::UserEventTypes).start().await;
    assert_eq!(paths(&world, world.request()).await, [ME, EVENT_TYPES]);
    assert_eq!(paths(&world, world.request()).await, [EVENT_TYPES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_calls_three_times_cold_and_once_per_window_warm() {
    let world = Setup::new(Binary::CheckAvailability).start().await;
    let uri = world.event_type_uri("demo");
    assert_eq!(paths(&world, range(&world, 7, Some(&uri))).await, [AVAILABLE_TIMES], "by URI");
    assert_eq!(paths(&world, range(&world, 7, None)).await, [ME, EVENT_TYPES, AVAILABLE_TIMES]);
    let calls = wait_until("the ends of the calls", || {
        let calls = world.calendly_calls();
        calls.iter().all(|call| call.finished_at.is_some()).then_some(calls)
    })
    .await;
    assert!(calls.windows(2).all(|pair| pair[0].finished_at.unwrap() <= pair[1].started_at));
    assert_eq!(paths(&world, range(&world, 62, None)).await, [AVAILABLE_TIMES; 2]);
    assert_eq!(paths(&world, range(&world, 7, Some("demo"))).await, [EVENT_TYPES, AVAILABLE_TIMES]);
    assert_eq!(paths(&world, range(&world, 7, Some("demo"))).await, [AVAILABLE_TIMES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_values_live_as_long_as_configured() {
    let clock = FakeClock::new();
    let setup = Setup::new(Binary::CheckAvailability).with("EVENT_TYPE_CACHE_SECONDS", "60");
    let world = setup.with("PAT_CACHE_SECONDS", "300").with_all(clock.variables(true)).start().await;
    paths(&world, range(&world, 7, None)).await;
    clock.set_offset(Duration::from_secs(61));
    assert_eq!(paths(&world, range(&world, 7, None)).await, [EVENT_TYPES, AVAILABLE_TIMES]);
    let reads = world.secrets.reads();
    clock.set_offset(Duration::from_secs(301));
    assert_eq!(paths(&world, range(&world, 7, None)).await, [ME, EVENT_TYPES, AVAILABLE_TIMES]);
    assert_eq!(world.secrets.reads(), reads + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_values_of_one_pat_are_not_used_with_another() {
    let setup = Setup::new(Binary::CheckAvailability).with_pat_per_caller();
    let world = setup.with("PAT_CACHE_SECONDS", "60").start().await;
    let uri = |pat: &str| world.sandbox.event_type_uri(pat, "catch-up").unwrap();
    let store = |caller: &str, pat: &str| world.secrets.store(&format!("{}/{caller}", world.secret_id), pat);
    for caller in ["ann", "ben"] {
        let pat = format!("pat-of-{caller}");
        world.sandbox.add_account(Account::new(&pat).with_user(caller));
        store(caller, &pat);
    }
    let get = async |caller: &str| {
        world.sandbox.forget_calls();
        let request = world.request_with_claims(json!({"sub": caller}));
        world.send(&request.days(2, 9)).await
    };
    for calls in [3, 1] {
        for caller in ["ann", "ben"] {
            let pat = format!("pat-of-{caller}");
            assert_eq!(get(caller).await.json()["event_type"], uri(&pat), "{caller}");
            let bearers: Vec<_> = world.calendly_calls().into_iter().filter_map(|call| call.bearer).collect();
            assert_eq!(bearers, vec![pat; calls], "{caller}");
        }
    }
    // One caller's PAT is replaced by another user's.
    store("ann", "pat-of-ben");
    world.sandbox.revoke_pat("pat-of-ann");
    assert_eq!(get("ann").await.json()["event_type"], uri("pat-of-ben"));
}
