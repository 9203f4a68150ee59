//! Between invocations Lambda freezes the environment, and connections die unnoticed.
#![cfg(test)]

use end_to_end::{Answer, Binary, Relay, Setup, World, day, until};
use sandbox::{Config, DEFAULT_PAT, Sandbox};
use serde_json::json;

/// Cuts every connection to Calendly while the environment is frozen, and answers the request that finds it
/// so: the event is there when the environment thaws, as on Lambda.
async fn ask_after_a_freeze(world: &World, relay: &Relay) -> Answer {
    world.function.freeze().await;
    assert!(relay.cut() > 0, "nothing was kept open, so this proves nothing");
    until("the cut connections to be gone", || (relay.cut() == 0).then_some(())).await;
    let asked = world.ask(&[]);
    tokio::join!(asked, world.function.thaw()).0
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_in_the_meantime_cost_a_request_nothing_but_time() {
    let calendly = Sandbox::start(Config::default()).await.unwrap();
    assert!(calendly.event_type_uri(DEFAULT_PAT, "demo").is_some());
    for retries in ["2", "0"] {
        let relay = Relay::to(&calendly.base_url()).await;
        let setup = Setup::of(Binary::UserEventTypes).with("CALENDLY_BASE_URL", &relay.url);
        let world = setup.with("CALENDLY_MAX_RETRIES", retries).start().await;
        assert_eq!(world.ask(&[]).await.status, 200);
        for round in 0..4 {
            let answer = ask_after_a_freeze(&world, &relay).await;
            assert_eq!(answer.status, 200, "round {round}, {retries} retries: {}", answer.body);
            let line = world.end_line(&answer.request_id).await;
            assert_eq!(
                (&line["calendly_calls"], &line["calendly_retries"]),
                (&json!(1), &json!(0)),
                "{line}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_init_that_died_in_the_meantime_is_nobodys_failure() {
    for binary in Binary::ALL {
        for retries in ["0", "2"] {
            let calendly = Sandbox::start(Config::default()).await.unwrap();
            let relay = Relay::to(&calendly.base_url()).await;
            let setup = Setup::of(binary).with("CALENDLY_BASE_URL", &relay.url);
            let world = setup.with("CALENDLY_MAX_RETRIES", retries).start().await;
            until("init's connection", || (relay.opened() == 1).then_some(())).await;
            let near = [day(2), day(3)].map(|day| day.to_string());
            let query = match binary {
                Binary::CheckAvailability => vec![("start_time", &*near[0]), ("end_time", &near[1])],
                _ => Vec::new(),
            };
            world.function.freeze().await;
            assert_eq!(relay.cut(), 1, "init's connection");
            until("the cut connection to be gone", || (relay.cut() == 0).then_some(())).await;
            let (answer, ()) = tokio::join!(world.ask(&query), world.function.thaw());
            assert_eq!(answer.status, 200, "{binary:?}, {retries} retries: {}", answer.body);
            let line = world.end_line(&answer.request_id).await;
            assert_eq!(line["calendly_calls"], calendly.calls().len(), "{binary:?}: {line}");
            assert_eq!(line["calendly_retries"], 0, "{line}");
            assert_eq!(line["CalendlyErrors"].as_f64(), Some(0.0), "{line}");
        }
    }
}
