//! The largest answers with the memory and the processor that Lambda gives its smallest functions: never killed,
//! and answered within the deadline, if only to say that time ran out.
#![cfg(test)]

use std::{collections::BTreeMap, time::Duration};

use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, Confinement, Gateway, Invocation, Request, SMALLEST_MEMORY, Seen, Setup,
    World, large_page, large_window, list_of, midnight, utc, window_of_small_slots, write_page,
};
use sandbox::{DEFAULT_PAT, Fault};

const MIB: usize = 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

fn body(body: String) -> Fault {
    Fault::Body { content_type: "application/json; charset=utf-8".to_owned(), body }
}

/// A function that is confined, or where that cannot be had is not; and what was seen of it.
struct Smallest {
    world: World,
    confinement: Option<Confinement>,
    seen: Seen,
    /// How often each answer was given.
    verdicts: BTreeMap<String, u32>,
}

impl Smallest {
    async fn start(binary: Binary) -> Self {
        // Without optimization there is some ten times as much to do.
        let confinement = if cfg!(debug_assertions) { Confinement::of_memory() } else { Confinement::new() };
        let confinement = confinement.map_err(|error| println!("not confined: {error}")).ok();
        let setup = Setup::of(binary).with("CALENDLY_TIMEOUT_MS", "9000");
        let setup = match &confinement {
            Some(confinement) => setup.program(confinement.confine(binary.program())),
            None => setup,
        };
        Self { world: setup.start().await, confinement, seen: Seen::default(), verdicts: BTreeMap::new() }
    }

    async fn send(&mut self, request: &Request) -> Answer {
        let event = request.clone().header("accept-encoding", "gzip").through(Gateway::HttpApi);
        let invocation = Invocation::new(&event).within(DEADLINE);
        let deadline = invocation.deadline;
        let answer = Answer::of(self.world.function.invoke(invocation).await);
        let left = deadline.duration_since(answer.arrived).unwrap_or_default();
        assert!(left >= Duration::from_millis(250), "only {left:?} were left");
        self.seen.left(left);
        let verdicts = [(200, ""), (500, "answer_too_large"), (504, "deadline_exceeded")];
        let (status, code) = answer.verdict();
        assert!(verdicts.contains(&(status, &*code)), "{:.300}", answer.body);
        let verdict = if code.is_empty() { status.to_string() } else { format!("{status} `{code}`") };
        *self.verdicts.entry(verdict).or_default() += 1;
        answer
    }

    /// Ends it, which was alive and was not killed, and says what was seen as a row of a table.
    async fn end(mut self, name: &str, request: &Request) -> String {
        self.world.sandbox.clear_faults();
        assert_eq!(self.send(request).await.status, 200);
        let peak = self.world.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
        self.seen.memory(peak);
        self.world.function.kill().await;
        assert_eq!(self.confinement.map_or(0, |confinement| confinement.killed()), 0);
        let verdicts: Vec<_> =
            self.verdicts.iter().map(|(verdict, times)| format!("{times} × {verdict}")).collect();
        format!("| `{name}` | {} | {} |", verdicts.join(", "), self.seen)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_answers() {
    let rows = [event_types().await, available_times().await];
    let head =
        "| function | answers | the most memory | the least time left of 10 s |\n| --- | --- | --: | --: |";
    let found = format!("{head}\n{}", rows.join("\n"));
    println!("{found}");
    // `make confined`.
    if !cfg!(debug_assertions) && Confinement::new().is_ok() {
        write_page("confined answers", &found);
    }
}

async fn event_types() -> String {
    let mut smallest = Smallest::start(Binary::UserEventTypes).await;
    let request = smallest.world.request();
    for (pages, bytes) in [(1, 5 * MIB), (2, 15 * MIB), (4, 15 * MIB)] {
        for page in 1..=pages {
            let next = (page < pages).then(|| format!("page-{page}"));
            smallest.world.sandbox.fault("/event_types", 1, body(large_page(bytes, next.as_deref())));
        }
        smallest.send(&request).await;
        smallest.world.sandbox.clear_faults();
    }
    smallest.world.sandbox.fault("/event_types", 1, body(list_of("{}", 30 * MIB)));
    smallest.send(&request).await;
    smallest.end("user-event-types", &request).await
}

async fn available_times() -> String {
    let mut smallest = Smallest::start(Binary::CheckAvailability).await;
    let uri = smallest.world.sandbox.event_type_uri(DEFAULT_PAT, "demo").unwrap();
    let (start, end) = (utc(midnight(2)), utc(midnight(2 + 365)));
    let query = [("start_time", &*start), ("end_time", &*end), ("event_type", &*uri)];
    let year = smallest.world.request().query(&query);
    for bytes in [MIB / 3, 5 * MIB / 2, 15 * MIB] {
        for padding in [0, 10_000] {
            for number in 0..12 {
                smallest.world.sandbox.fault(AVAILABLE_TIMES, 1, body(large_window(bytes, number, padding)));
            }
            smallest.send(&year).await;
            smallest.world.sandbox.clear_faults();
        }
    }
    for number in 0..12 {
        smallest.world.sandbox.fault(AVAILABLE_TIMES, 1, body(window_of_small_slots(5 * MIB / 2, number)));
    }
    smallest.send(&year).await;
    smallest.end("check-availability", &year).await
}
