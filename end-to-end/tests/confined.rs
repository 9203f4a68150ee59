//! The largest answers with the memory and the processor that Lambda gives its smallest functions: never killed,
//! and answered within the deadline, if only to say that time ran out.
#![cfg(test)]

use std::time::Duration;

use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, Confinement, Gateway, Invocation, Request, SMALLEST_MEMORY, Setup,
    World, large_page, large_window, list_of, midnight, utc, window_of_small_slots,
};
use sandbox::{DEFAULT_PAT, Fault};

const MIB: usize = 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

fn body(body: String) -> Fault {
    Fault::Body { content_type: "application/json; charset=utf-8".to_owned(), body }
}

/// A function that is confined, or where that cannot be had is not.
async fn world(binary: Binary) -> (World, Option<Confinement>) {
    // Without optimization there is some ten times as much to do.
    let confinement = if cfg!(debug_assertions) { Confinement::of_memory() } else { Confinement::new() };
    let confinement = confinement.map_err(|error| println!("not confined: {error}")).ok();
    let setup = Setup::of(binary).with("CALENDLY_TIMEOUT_MS", "9000");
    let setup = match &confinement {
        Some(confinement) => setup.program(confinement.confine(binary.program())),
        None => setup,
    };
    (setup.start().await, confinement)
}

async fn send(world: &World, request: &Request) -> Answer {
    let event = request.clone().header("accept-encoding", "gzip").through(Gateway::HttpApi);
    let invocation = Invocation::new(&event).within(DEADLINE);
    let deadline = invocation.deadline;
    let answer = Answer::of(world.function.invoke(invocation).await);
    let left = deadline.duration_since(answer.arrived).unwrap_or_default();
    assert!(left >= Duration::from_millis(250), "only {left:?} were left");
    let verdicts = [(200, ""), (500, "answer_too_large"), (504, "deadline_exceeded")];
    let (status, code) = answer.verdict();
    assert!(verdicts.contains(&(status, &*code)), "{:.300}", answer.body);
    answer
}

async fn is_alive_and_was_not_killed(world: &World, request: &Request, confinement: Option<Confinement>) {
    world.sandbox.clear_faults();
    assert_eq!(send(world, request).await.status, 200);
    let peak = world.function.peak_memory().await;
    assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
    world.function.kill().await;
    assert_eq!(confinement.map_or(0, |confinement| confinement.killed()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_types() {
    let (world, confinement) = world(Binary::UserEventTypes).await;
    let request = world.request();
    for (pages, bytes) in [(1, 5 * MIB), (2, 15 * MIB), (4, 15 * MIB)] {
        for page in 1..=pages {
            let next = (page < pages).then(|| format!("page-{page}"));
            world.sandbox.fault("/event_types", 1, body(large_page(bytes, next.as_deref())));
        }
        send(&world, &request).await;
        world.sandbox.clear_faults();
    }
    world.sandbox.fault("/event_types", 1, body(list_of("{}", 30 * MIB)));
    send(&world, &request).await;
    is_alive_and_was_not_killed(&world, &request, confinement).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn available_times() {
    let (world, confinement) = world(Binary::CheckAvailability).await;
    let uri = world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let (start, end) = (utc(midnight(2)), utc(midnight(2 + 365)));
    let year = world.request().query(&[("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)]);
    for bytes in [MIB / 3, 5 * MIB / 2, 15 * MIB] {
        for padding in [0, 10_000] {
            for number in 0..12 {
                world.sandbox.fault(AVAILABLE_TIMES, 1, body(large_window(bytes, number, padding)));
            }
            send(&world, &year).await;
            world.sandbox.clear_faults();
        }
    }
    for number in 0..12 {
        world.sandbox.fault(AVAILABLE_TIMES, 1, body(window_of_small_slots(5 * MIB / 2, number)));
    }
    send(&world, &year).await;
    is_alive_and_was_not_killed(&world, &year, confinement).await;
}
