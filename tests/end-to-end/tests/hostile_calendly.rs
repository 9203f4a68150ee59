//! Responses of Calendly that are invalid, oversized or hostile (docs/contract.md, sections 2 and 8).

use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, EVENT_TYPES, Gateway, ME, Setup, World, body_fault, day, json_fault,
    list_page,
};
use sandbox::{Config, Fault, Sandbox};
use serde_json::json;

/// The last call of each function.
fn path(binary: Binary) -> &'static str {
    match binary {
        Binary::User => ME,
        Binary::UserEventTypes => EVENT_TYPES,
        Binary::CheckAvailability | Binary::Mcp => AVAILABLE_TIMES,
    }
}

/// Sends a good request that needs no list of event types.
async fn get(world: &World) -> Answer {
    let (start, end, uri) = (day(2).to_string(), day(9).to_string(), world.event_type_uri("demo"));
    match world.binary {
        Binary::CheckAvailability => {
            world.get(&[("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)]).await
        }
        _ => world.get(&[]).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undocumented_responses_are_invalid() {
    for binary in Binary::WITH_GET_ROUTE {
        let world = Setup::new(binary).start().await;
        let json = |body: &str| body_fault("application/json", body);
        for fault in [
            body_fault("text/html", "<!DOCTYPE html><html>Just a moment…</html>"),
            json(""),
            json("null"),
            json("[]"),
            json("{}"),
            json("{\"collection\":["),
            json("{\"resource\":5,\"collection\":{},\"pagination\":{}}"),
            json("{\"resource\":{},\"collection\":null,\"pagination\":{}}"),
            json(
                "{\"resource\":[\"https://api.calendly.com/users/x\"],\"collection\":[[\"urn:x\"]],\"pagination\":{\"next_page_token\":null}}",
            ),
            json("{\"resource\":{\"uri\":[]},\"collection\":[5],\"pagination\":{\"next_page_token\":null}}"),
            Fault::Oversized { bytes: 20 * 1024 * 1024 },
            Fault::status(204),
            Fault::status(304),
        ] {
            world.sandbox.fault(path(binary), 1, fault.clone());
            get(&world).await.assert_error(502, "calendly_invalid_response", (binary, fault));
            world.sandbox.clear_faults();
        }
        get(&world).await.assert_ok(binary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let elsewhere = Sandbox::start(Config::default()).await.unwrap();
    for binary in Binary::WITH_GET_ROUTE {
        let world = Setup::new(binary).start().await;
        let location = format!("{}{}", elsewhere.base_url(), path(binary));
        world.sandbox.fault(path(binary), 1, Fault::Redirect { location });
        get(&world).await.assert_error(502, "calendly_invalid_response", binary);
    }
    assert_eq!(elsewhere.connections(), 0, "the PAT went to another host");
}

#[tokio::test(flavor = "multi_thread")]
async fn next_page_is_fetched_by_token_and_not_by_url() {
    let elsewhere = Sandbox::start(Config::default()).await.unwrap();
    let world = Setup::new(Binary::UserEventTypes).start().await;
    let url = format!("{}/event_types?page_token=x", elsewhere.base_url());
    let rows = ["urn:1", "urn:2"].map(|uri| json!({"uri": uri}));
    let paginations = [
        json!({"next_page": url, "next_page_token": "x&user=y"}),
        json!({"next_page": null, "next_page_token": null}),
    ];
    for (row, pagination) in rows.iter().zip(paginations) {
        world.sandbox.fault(
            EVENT_TYPES,
            1,
            json_fault(&json!({"collection": [row], "pagination": pagination})),
        );
    }
    assert_eq!(get(&world).await.json(), json!(rows));
    assert_eq!(elsewhere.connections(), 0);
    let second = world.calls_of(EVENT_TYPES)[1].query.clone().unwrap();
    assert!(second.contains("page_token=x%26user%3Dy"), "the token is not encoded: {second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_page_token_is_invalid() {
    let world = Setup::new(Binary::UserEventTypes).start().await;
    for tokens in [&["a"][..], &["a", "b", "c"]] {
        world.sandbox.forget_calls();
        for token in tokens.iter().cycle().take(30) {
            world.sandbox.fault(EVENT_TYPES, 1, json_fault(&list_page(&[], Some(token))));
        }
        get(&world).await.assert_error(502, "calendly_invalid_response", tokens);
        assert!(world.calls_of(EVENT_TYPES).len() <= tokens.len() + 1, "{tokens:?}");
        world.sandbox.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_response_is_never_taken_for_whole() {
    for binary in Binary::WITH_GET_ROUTE {
        let world = Setup::new(binary).with("CALENDLY_MAX_RETRIES", "0").start().await;
        for after in [0, 1, 200, usize::MAX] {
            world.sandbox.clear_faults();
            world.sandbox.fault(path(binary), 100, Fault::Truncated { after });
            let answer = get(&world).await;
            let codes = ["calendly_unreachable", "calendly_invalid_response"];
            assert!(answer.status == 502 && codes.contains(&&*answer.code()), "{binary:?}: {}", answer.body);
        }
    }
}

/// Unit tests cover the limits.
#[tokio::test(flavor = "multi_thread")]
async fn answer_over_6_mb_is_gzipped_or_refused() {
    let world = Setup::new(Binary::UserEventTypes).start().await;
    let row = json!({"uri": "https://api.calendly.com/event_types/x", "name": "x".repeat(6_500_000)});
    let page = json_fault(&list_page(std::slice::from_ref(&row), None));
    world.sandbox.fault(EVENT_TYPES, 1, page.clone());
    let answer = world.send(&world.request().header("accept-encoding", "gzip;q=0")).await;
    answer.assert_error(500, "answer_too_large", "not compressed");
    assert!(answer.detail().contains("gzip"), "{}", answer.detail());
    for gateway in Gateway::BOTH {
        world.sandbox.fault(EVENT_TYPES, 1, page.clone());
        let request = world.request().header("Accept-Encoding", "br, gzip;q=0.8");
        let answer = world.send_through(gateway, &request).await;
        answer.assert_ok(gateway);
        assert!(answer.is_gzipped);
        assert_eq!(answer.raw_items(), [row.to_string()]);
    }
}
