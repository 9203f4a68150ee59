//! Oversized answers within the memory of Lambda's smallest functions and, for optimized binaries, within their CPU
//! (docs/contract.md, section 8). Without control groups, only memory is measured.
//!
//! `RELIABILITY=write` writes the figures of optimized binaries to docs/reliability.md.

use std::{collections::BTreeMap, time::Duration};

use end_to_end::{
    AVAILABLE_TIMES, Answer, Binary, ControlGroup, EVENT_TYPES, Extremes, Request, SMALLEST_MEMORY, Setup,
    World, body_fault, large_page, large_window, list_of, window_of_small_slots, write_page,
};

const MIB: usize = 1024 * 1024;

/// A function in a control group, and what was measured.
struct ConfinedWorld {
    world: World,
    group: Option<ControlGroup>,
    deadline: Duration,
    extremes: Extremes,
    /// The number of answers of each kind.
    answers: BTreeMap<String, u32>,
}

impl ConfinedWorld {
    async fn start(binary: Binary, configure: impl FnOnce(Setup) -> Setup) -> Self {
        let group = ControlGroup::new(!cfg!(debug_assertions));
        let group = group.map_err(|error| println!("not confined: {error}")).ok();
        // Unoptimized binaries need about ten times as long.
        let seconds = if cfg!(debug_assertions) { 60 } else { 10 };
        let mut setup = Setup::new(binary).with("CALENDLY_TIMEOUT_MS", &format!("{}", seconds * 900));
        if let Some(group) = &group {
            setup = setup.program(group.wrap(binary.program()));
        }
        Self {
            world: configure(setup).start().await,
            group,
            deadline: Duration::from_secs(seconds),
            extremes: Extremes::default(),
            answers: BTreeMap::new(),
        }
    }

    /// A request of a year for check-availability.
    fn request(&self) -> Request {
        let request = self.world.request().days(2, 366).event_type(&self.world.event_type_uri("demo"));
        request.header("accept-encoding", "gzip")
    }

    /// Sends a request to which Calendly answers with these bodies.
    async fn send(&mut self, request: &Request, bodies: impl IntoIterator<Item = String>) -> Answer {
        let path = if self.world.binary == Binary::UserEventTypes { EVENT_TYPES } else { AVAILABLE_TIMES };
        for body in bodies {
            self.world.sandbox.fault(path, 1, body_fault("application/json; charset=utf-8", body));
        }
        let (answer, left) = self.world.send_within(request, self.deadline).await;
        self.world.sandbox.clear_faults();
        assert!(cfg!(debug_assertions) || left >= Duration::from_millis(250), "only {left:?} were left");
        self.extremes.record_time_left(left);
        let (status, code) = answer.status_and_code();
        let kind = if code.is_empty() { status.to_string() } else { format!("{status} `{code}`") };
        *self.answers.entry(kind).or_default() += 1;
        answer
    }

    /// Checks an answer. With the CPU of the smallest environment, time may run out first.
    fn check(&self, answer: &Answer, (status, code): (u16, &str)) {
        let has_full_cpu = self.group.is_none() || cfg!(debug_assertions);
        if has_full_cpu || answer.code() != "deadline_exceeded" {
            assert_eq!((answer.status, &*answer.code()), (status, code), "{:.300}", answer.body);
        }
    }

    /// Checks that the function was not killed, and returns a row of the page's table.
    async fn finish(mut self) -> String {
        let request = self.request();
        self.send(&request, []).await.assert_ok("the next request");
        let peak = self.world.function.peak_memory().await;
        assert!(peak < SMALLEST_MEMORY, "{} MiB", peak / 1024 / 1024);
        self.extremes.record_memory(peak);
        self.world.function.kill().await;
        assert_eq!(self.group.map_or(0, |group| group.oom_kills()), 0);
        let answers: Vec<_> = self.answers.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
        format!("| `{}` | {} | {} |", self.world.binary.name(), answers.join(", "), self.extremes)
    }
}

/// Pages of `bytes` bytes each.
fn pages(count: u32, bytes: usize) -> Vec<String> {
    (1..=count)
        .map(|page| large_page(bytes, (page < count).then(|| format!("page-{page}")).as_deref()))
        .collect()
}

/// The windows of a year, of `bytes` bytes each.
fn year(bytes: usize, padding: usize) -> Vec<String> {
    (0..12).map(|number| large_window(bytes, number, padding)).collect()
}

async fn event_types() -> String {
    let mut world = ConfinedWorld::start(Binary::UserEventTypes, |setup| setup).await;
    let request = world.request();
    for (bodies, expected) in [
        (pages(1, 5 * MIB), (200, "")),
        (pages(2, 15 * MIB), (200, "")),
        (pages(4, 15 * MIB), (500, "answer_too_large")),
        (vec![list_of("{}", 30 * MIB)], (200, "")),
        (vec![list_of("0", 30 * MIB)], (502, "calendly_invalid_response")),
    ] {
        let answer = world.send(&request, bodies).await;
        world.check(&answer, expected);
    }
    world.finish().await
}

async fn available_times() -> String {
    let mut world = ConfinedWorld::start(Binary::CheckAvailability, |setup| setup).await;
    let request = world.request();
    for (bodies, expected) in [
        (year(MIB / 3, 0), (200, "")),
        (year(5 * MIB / 2, 0), (200, "")),
        (year(5 * MIB / 2, 10_000), (200, "")),
        (year(15 * MIB, 0), (500, "answer_too_large")),
        (year(15 * MIB, 10_000), (500, "answer_too_large")),
        ((0..12).map(|number| window_of_small_slots(5 * MIB / 2, 31 * number)).collect(), (200, "")),
        (vec![list_of("{}", 30 * MIB)], (502, "calendly_invalid_response")),
    ] {
        let answer = world.send(&request, bodies).await;
        world.check(&answer, expected);
    }
    // Local times may make the answer too large.
    let local = request.query(&[("timezone", "Asia/Kathmandu")]);
    let answer = world.send(&local, year(5 * MIB / 2, 0)).await;
    let (status, code) = answer.status_and_code();
    let allowed = [(200, ""), (500, "answer_too_large"), (504, "deadline_exceeded")];
    assert!(allowed.contains(&(status, &*code)), "{:.300}", answer.body);
    world.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_answers_in_the_smallest_environment() {
    let rows = [event_types().await, available_times().await];
    let head = "| function | answers | peak memory | shortest time left of 10 s |\n| --- | --- | --: | --: |";
    let table = format!("{head}\n{}", rows.join("\n"));
    println!("{table}");
    if !cfg!(debug_assertions) && ControlGroup::new(true).is_ok() {
        write_page("confined answers", &table);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn event_type_with_many_members_is_filtered_in_bounded_memory() {
    let mut world =
        ConfinedWorld::start(Binary::UserEventTypes, |setup| setup.with("EVENT_TYPE_FIELDS", "name")).await;
    let members = vec![r#""":1"#; 30 * MIB / 5].join(",");
    let event_type = format!(r#"{{"uri":"urn:x",{members}}}"#);
    let request = world.request();
    let answer = world.send(&request, [list_of(&event_type, event_type.len() + 1)]).await;
    world.check(&answer, (200, ""));
    assert!(
        answer.code() == "deadline_exceeded" || answer.body == r#"[{"uri":"urn:x"}]"#,
        "{:.300}",
        answer.body
    );
    world.finish().await;
}
