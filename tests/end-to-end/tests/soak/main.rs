//! Very many requests, good, refused and faulty, of many callers: each gets its own answer, and the process
//! holds no more at the end than at the beginning.
//!
//! `SOAK_REQUESTS` says how many (`make soak`: a million); `RELIABILITY=write` puts the figures into
//! docs/reliability.md.
#![cfg(test)]

mod health;
mod mix;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use end_to_end::{Answer, Binary, Function, Invocation, Outcome, SecretsManager, write_page};
use futures_util::future::join_all;
use sandbox::{Account, Config, Fault, Sandbox};
use serde_json::Value;

use crate::{
    health::{Health, SAMPLES},
    mix::{Ask, CALLERS, Expected, Mix, PAT},
};

/// As many as Lambda Managed Instances give to one environment here.
const AT_ONCE: usize = 64;

/// How much more may be a process's own in the last tenth of a run than in the first, as a part of its memory.
const GROWTH: f64 = 0.02;

/// In a short run, of fewer requests than this, caches are still filling: it may be a megabyte more.
const SHORT: usize = 50_000;

/// How many in all, over three functions and the one that answers many at once.
fn requests() -> usize {
    let requests = std::env::var("SOAK_REQUESTS").map_or(Ok(4_000), |number| number.parse());
    requests.expect("SOAK_REQUESTS is a number")
}

/// How long a long run goes on before it is counted. Until every PAT was read again and every one of the connections has
/// met everything, what is in use grows by up to a megabyte, and then no more.
const SETTLING: Duration = Duration::from_secs(240);

/// How many come before a short run is counted.
const FIRST: usize = 300;

/// Whether a run is to be counted after so many requests.
fn is_settled(requests: usize, sent: usize, began: Instant) -> bool {
    if requests < SHORT { sent >= FIRST } else { began.elapsed() > SETTLING }
}

/// A function and what is around it.
struct World {
    sandbox: Sandbox,
    function: Function,
    mix: Mix,
}

impl World {
    async fn start(binary: Binary, secrets: &SecretsManager, more: &[(&str, &str)]) -> Self {
        let config = Config { rate_limit: u32::MAX, pats: vec![Account::new(PAT)], ..Config::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        // Without optimization, 64 at once on a busy machine take more than a second.
        let timeout_ms = if cfg!(debug_assertions) { "2500" } else { "1000" };
        let variables = [
            ("CALENDLY_PAT_SECRET_ID", "soak/{sub}"),
            ("CALENDLY_BASE_URL", &sandbox.base_url()),
            ("CALENDLY_MAX_RETRIES", "0"),
            ("CALENDLY_TIMEOUT_MS", timeout_ms),
            ("PAT_CACHE_SECONDS", "30"),
            ("JWT_ISSUER", &sandbox.issuer_url()),
            ("JWT_AUDIENCE", "calendly-functions"),
            ("JWT_REQUIRED_SCOPE", "calendly:read"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.endpoint),
        ];
        let variables: BTreeMap<String, String> = variables
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let function = Function::spawn(&binary.program(), &variables).await;
        function.wait_for_init().await;
        let mix = Mix::new(binary, &sandbox);
        Self { sandbox, function, mix }
    }

    /// What the `number`th event came to: status and code, empty for what is no HTTP answer.
    async fn ask(&self, number: usize) -> (Ask, (u16, String)) {
        let ask = self.mix.ask(number);
        if let Some(fault) = ask.fault.clone() {
            self.sandbox.fault(self.mix.path(), 1, fault);
        }
        let outcome = self.function.invoke(Invocation::new(&ask.event)).await;
        let verdict = verdict(outcome, &ask.expected);
        (ask, verdict)
    }

    /// Every line so far is a JSON object without a secret; then they and the calls are forgotten.
    fn look_at_the_log(&self) {
        self.sandbox.forget_calls();
        let [lines, errors] = self.function.take_output();
        assert_eq!(errors, Vec::<String>::new());
        for line in lines {
            assert!(serde_json::from_str::<Value>(&line).is_ok_and(|line| line.is_object()), "{line}");
            assert!(!line.contains(PAT) && !line.contains("caller-"), "{line}");
        }
    }
}

fn verdict(outcome: Outcome, expected: &Expected) -> (u16, String) {
    match expected {
        Expected::Answer(_) => Answer::of(outcome).verdict(),
        Expected::WarmUp => {
            let answer = outcome.result.unwrap();
            assert_eq!((&answer["warm"], answer.get("unprepared")), (&Value::Bool(true), None), "{answer}");
            Default::default()
        }
        Expected::FunctionError => {
            assert_eq!(outcome.result.unwrap_err()["errorType"], "UnknownEvent");
            Default::default()
        }
    }
}

/// What a run came to, a row of the table.
struct Run {
    what: String,
    requests: usize,
    faults: usize,
    per_second: f64,
    health: Health,
    /// How many connections may be idle one time and not the next.
    idle: usize,
}

impl Run {
    fn row(&self) -> String {
        let Self { what, requests, faults, per_second, health, .. } = self;
        let [first, last] = health.memory();
        let [first_own, last_own] = health.own_memory();
        let [first_descriptors, last_descriptors] = health.file_descriptors();
        format!(
            "| {what} | {requests} | {faults} | {per_second:.0} | {first:.2} MB | {last:.2} MB | \
             {first_own:.2} MB | {last_own:.2} MB | {first_descriptors} | {last_descriptors} |"
        )
    }

    fn check(&self) {
        let [memory, _] = self.health.memory();
        let [first, last] = self.health.own_memory();
        let filling = if self.requests < SHORT { 1.0 } else { 0.0 };
        assert!(last <= first + GROWTH * memory + filling, "memory grows: {}", self.row());
        let [first, last] = self.health.file_descriptors();
        assert!(last <= first + self.idle, "file descriptors are not closed: {}", self.row());
    }
}

/// One after the other: each fault meets the request that it is meant for.
async fn one_at_a_time(binary: Binary, secrets: &SecretsManager, requests: usize) -> Run {
    let world = World::start(binary, secrets, &[]).await;
    // Sends one, and says whether it was to meet a fault.
    let send = async |number: usize| {
        let (ask, verdict) = world.ask(number).await;
        if let Expected::Answer(allowed) = &ask.expected {
            let is_allowed = allowed.iter().any(|(status, code)| verdict == (*status, (*code).to_owned()));
            assert!(is_allowed, "{binary:?} {number}: {verdict:?} for {ask:?}");
        }
        if binary == Binary::User {
            world.sandbox.clear_faults();
        }
        ask.fault.is_some()
    };
    let began = Instant::now();
    let mut settled = 0;
    while !is_settled(requests, settled, began) {
        send(settled).await;
        settled += 1;
        if settled.is_multiple_of(1_000) {
            world.look_at_the_log();
        }
    }
    let mut health = Health::default();
    let mut faults = 0;
    let began = Instant::now();
    for number in 0..requests {
        if number.is_multiple_of((requests / SAMPLES).max(1)) {
            world.look_at_the_log();
            health.sample(&world.function).await;
        }
        faults += usize::from(send(settled + number).await);
    }
    world.look_at_the_log();
    let per_second = requests as f64 / began.elapsed().as_secs_f64();
    // One for each upstream.
    Run { what: format!("`{}`", binary.name()), requests, faults, per_second, health, idle: 3 }
}

/// As many at once as one environment gets. Which request a fault meets is chance, so they are counted.
async fn many_at_once(secrets: &SecretsManager, requests: usize) -> Run {
    let binary = Binary::CheckAvailability;
    let most = AT_ONCE.to_string();
    let world = World::start(binary, secrets, &[("AWS_LAMBDA_MAX_CONCURRENCY", &*most)]).await;
    let next = AtomicUsize::new(0);
    // How often each way to fail was ordered, and how often it came.
    let (ordered, came) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
    let count = |counts: &Mutex<BTreeMap<(u16, String), i64>>, verdict| {
        *counts.lock().unwrap().entry(verdict).or_default() += 1;
    };
    let asker = async |from: usize, to: usize| {
        loop {
            let number = from + next.fetch_add(1, Ordering::Relaxed);
            if number >= to {
                return;
            }
            let (ask, (status, code)) = world.ask(number).await;
            let Expected::Answer(allowed) = &ask.expected else { continue };
            let (due, due_code) = allowed[0];
            if ask.fault.is_some() {
                count(&ordered, (due, due_code.to_owned()));
            }
            if code.starts_with("calendly_") {
                count(&came, (status, code));
            } else if ask.fault.is_some() {
                // Its fault met another.
                assert_eq!(status, 200, "{number}: {code}");
            } else {
                assert_eq!((status, &*code), (due, due_code), "{number}: {ask:?}");
            }
        }
    };
    let all = async |from: usize, to: usize| {
        next.store(0, Ordering::Relaxed);
        join_all((0..AT_ONCE).map(|_| asker(from, to))).await;
        world.look_at_the_log();
    };
    let began = Instant::now();
    let mut settled = 0;
    while !is_settled(requests, settled, began) {
        all(settled, settled + FIRST).await;
        settled += FIRST;
    }
    let before: i64 = ordered.lock().unwrap().values().sum();
    let mut health = Health::default();
    let began = Instant::now();
    for sample in 0..SAMPLES {
        let [from, to] = [sample, sample + 1].map(|samples| settled + samples * requests / SAMPLES);
        all(from, to).await;
        if requests >= SHORT {
            // All at the same moment, so that each time as many connections are open: the memory of one is not small.
            let all_at_once = u32::try_from(AT_ONCE).unwrap();
            world.sandbox.fault(world.mix.path(), all_at_once, Fault::Delay { milliseconds: 300 });
            all(0, AT_ONCE).await;
        }
        health.sample(&world.function).await;
    }
    let per_second = requests as f64 / began.elapsed().as_secs_f64();
    // Those of the last moment may meet nobody.
    world.sandbox.clear_faults();
    let [ordered, came] = [ordered, came].map(|counts| counts.into_inner().unwrap());
    let beyond =
        came.iter().filter(|(verdict, came)| ordered.get(*verdict).is_none_or(|ordered| *came > ordered));
    let beyond: Vec<_> = beyond.collect();
    assert!(beyond.is_empty(), "nobody ordered these: {beyond:?} of {ordered:?}");
    let [faults, failed] = [ordered, came].map(|counts| counts.values().sum::<i64>());
    assert!(failed + AT_ONCE as i64 >= faults, "{failed} failed of {faults} faults");
    let faults = usize::try_from(faults - before).unwrap();
    let what = format!("`{}`, {AT_ONCE} at once", binary.name());
    Run { what, requests, faults, per_second, health, idle: AT_ONCE }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_grows_and_nothing_fails_that_was_not_made_to() {
    let requests = requests() / 4;
    let secrets = SecretsManager::start().await;
    for caller in 0..CALLERS {
        secrets.store(&format!("soak/caller-{caller}"), PAT).await;
    }
    let of_each = Binary::ALL.map(|binary| one_at_a_time(binary, &secrets, requests));
    let mut runs = join_all(of_each).await;
    runs.push(many_at_once(&secrets, requests).await);
    let mut table = String::from(
        "| function | requests | faults | a second | memory, first tenth | last tenth | its own, first tenth | last \
         tenth | file descriptors, first tenth | last tenth |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    let rows: Vec<String> = runs.iter().map(Run::row).collect();
    println!("{}", rows.join("\n"));
    runs.iter().for_each(Run::check);
    table.push_str(&rows.join("\n"));
    table.push('\n');
    let built = if cfg!(debug_assertions) { "without" } else { "with" };
    write_page(
        "soak",
        &format!("{} requests to binaries that were built {built} optimization.\n\n{table}", 4 * requests),
    );
}

#[test]
fn of_a_hundred_seventeen_meet_a_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(Config::default())).unwrap();
    let mix = Mix::new(Binary::CheckAvailability, &sandbox);
    let faults: Vec<Fault> = (0..1_700).filter_map(|number| mix.ask(number).fault).collect();
    assert_eq!(faults.len(), 17 * 17);
    for each in [Fault::Hang, Fault::Reset, Fault::NotUtf8, Fault::status(429), Fault::status(507)] {
        assert!(faults.contains(&each), "{each:?}");
    }
}
