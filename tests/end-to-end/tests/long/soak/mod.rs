//! Many requests of many callers, good, refused and faulty: each gets its own answer, and neither memory nor file
//! descriptors grow.
//!
//! `SOAK_REQUESTS` is the number of requests (`make soak`: a million); `RELIABILITY=write` writes the figures to
//! docs/reliability.md.

mod mix;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use end_to_end::{Answer, Binary, Function, Setup, World, write_page};
use futures_util::future::join_all;
use sandbox::{Account, Fault};
use serde_json::Value;

use self::mix::{CALLERS, Expected, Mix, PAT, TestRequest};

/// Concurrent requests of one environment.
const CONCURRENCY: usize = 64;

/// The number of measurements of a process. The first and the last tenth are compared.
const SAMPLES: usize = 200;

/// The allowed growth of anonymous memory, as a share of the resident memory.
const GROWTH: f64 = 0.02;

/// In runs of fewer requests, caches are still filling: a megabyte more is allowed.
const SHORT: usize = 50_000;

/// The duration of a long run before it is measured. Until then, connection buffers grow.
const SETTLING: Duration = Duration::from_secs(240);

/// The number of requests before a short run is measured.
const SETTLING_REQUESTS: usize = 300;

/// The runs among which the requests are divided: one per function, and one with concurrent requests.
const RUNS: usize = Binary::ALL.len() + 1;

fn is_settled(requests: usize, sent: usize, began: Instant) -> bool {
    if requests < SHORT { sent >= SETTLING_REQUESTS } else { began.elapsed() > SETTLING }
}

/// Resources of a process during a run.
#[derive(Default)]
struct Usage {
    memory: Vec<u64>,
    anonymous_memory: Vec<u64>,
    file_descriptors: Vec<u64>,
}

impl Usage {
    async fn sample(&mut self, function: &Function) {
        self.memory.push(function.resident_memory().await);
        self.anonymous_memory.push(function.anonymous_memory().await);
        self.file_descriptors.push(function.file_descriptors().await as u64);
    }
}

/// The value of the first and of the last tenth of the samples.
fn tenths(samples: &[u64], value: impl Fn(Vec<u64>) -> u64) -> [u64; 2] {
    let tenth = (samples.len() / 10).max(1);
    [&samples[..tenth], &samples[samples.len() - tenth..]].map(|part| value(part.to_vec()))
}

/// Medians in MB, since buffers of single requests come and go.
fn medians(samples: &[u64]) -> [f64; 2] {
    let median = |mut samples: Vec<u64>| {
        samples.sort_unstable();
        samples[samples.len() / 2]
    };
    tenths(samples, median).map(|bytes| bytes as f64 / 1e6)
}

fn maxima(samples: &[u64]) -> [u64; 2] {
    tenths(samples, |samples| samples.into_iter().max().unwrap_or_default())
}

/// A world and its requests.
struct SoakWorld {
    world: World,
    mix: Mix,
}

impl SoakWorld {
    async fn start(binary: Binary, concurrency: usize) -> Self {
        let timeout_ms = if cfg!(debug_assertions) { "2500" } else { "1000" };
        let mut setup = Setup::new(binary)
            .with_pat_per_caller()
            .with("CALENDLY_MAX_RETRIES", "0")
            .with("CALENDLY_TIMEOUT_MS", timeout_ms)
            .with("PAT_CACHE_SECONDS", "30")
            .with("JWT_REQUIRED_SCOPE", "calendly:read")
            .sandbox(|sandbox| {
                sandbox.rate_limit = u32::MAX;
                sandbox.pats = vec![Account::new(PAT)];
            });
        for caller in 0..CALLERS {
            setup = setup.other_secret(&format!("caller-{caller}"), PAT);
        }
        if concurrency > 1 {
            setup = setup.with("AWS_LAMBDA_MAX_CONCURRENCY", &concurrency.to_string());
        }
        let world = setup.start().await;
        let mix = Mix::new(binary, &world.sandbox);
        Self { world, mix }
    }

    /// Sends the `number`th event; the status and code are empty for other outcomes than an HTTP answer.
    async fn send(&self, number: usize) -> (TestRequest, (u16, String)) {
        let request = self.mix.request(number);
        if let Some(fault) = request.fault.clone() {
            self.world.sandbox.fault(self.mix.path(), 1, fault);
        }
        let outcome = self.world.invoke(&request.event).await;
        let answer = match request.expected {
            Expected::Answer(_) => Answer::from_outcome(outcome).status_and_code(),
            Expected::WarmUp => {
                let answer = outcome.result.unwrap();
                assert!(answer["warm"] == true && answer.get("unprepared").is_none(), "{answer}");
                Default::default()
            }
            Expected::FunctionError => {
                assert_eq!(outcome.result.unwrap_err()["errorType"], "UnknownEvent");
                Default::default()
            }
        };
        (request, answer)
    }

    /// Checks that the log is JSON lines without secrets, and drops it and the recorded calls.
    fn check_log(&self) {
        self.world.sandbox.forget_calls();
        let [lines, errors] = self.world.function.take_output();
        assert_eq!(errors, Vec::<String>::new());
        for line in lines {
            assert!(serde_json::from_str::<Value>(&line).is_ok_and(|line| line.is_object()), "{line}");
            assert!(!line.contains(PAT) && !line.contains("caller-"), "{line}");
        }
    }
}

/// The figures of one run, a row of the page's table.
struct Run {
    name: String,
    requests: usize,
    faults: usize,
    per_second: f64,
    usage: Usage,
    /// The allowed variation in the number of idle connections.
    idle: u64,
}

impl Run {
    fn row(&self) -> String {
        let Self { name, requests, faults, per_second, usage, .. } = self;
        let [first, last] = medians(&usage.memory);
        let [first_anonymous, last_anonymous] = medians(&usage.anonymous_memory);
        let [first_descriptors, last_descriptors] = maxima(&usage.file_descriptors);
        format!(
            "| {name} | {requests} | {faults} | {per_second:.0} | {first:.2} MB | {last:.2} MB | \
             {first_anonymous:.2} MB | {last_anonymous:.2} MB | {first_descriptors} | {last_descriptors} |"
        )
    }

    fn check(&self) {
        let [memory, _] = medians(&self.usage.memory);
        let [first, last] = medians(&self.usage.anonymous_memory);
        let filling = if self.requests < SHORT { 1.0 } else { 0.0 };
        assert!(last <= first + GROWTH * memory + filling, "memory grows: {}", self.row());
        let [first, last] = maxima(&self.usage.file_descriptors);
        assert!(last <= first + self.idle, "file descriptors leak: {}", self.row());
    }
}

/// Sends requests, `concurrency` at a time. A fault may affect any concurrent request, so failures are counted by kind.
async fn run(binary: Binary, requests: usize, concurrency: usize) -> Run {
    let soak = SoakWorld::start(binary, concurrency).await;
    let SoakWorld { world, mix } = &soak;
    let next = AtomicUsize::new(0);
    let (injected, observed) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
    let count = |counts: &Mutex<BTreeMap<(u16, String), usize>>, answer| {
        *counts.lock().unwrap().entry(answer).or_default() += 1;
    };
    let client = async |from: usize, to: usize| {
        loop {
            let number = from + next.fetch_add(1, Ordering::Relaxed);
            if number >= to {
                return;
            }
            let (request, (status, code)) = soak.send(number).await;
            if concurrency == 1 {
                // `user` may have answered from its cache.
                world.sandbox.clear_faults();
            }
            let Expected::Answer(allowed) = &request.expected else { continue };
            let (expected_status, expected_code) = allowed[0];
            if request.fault.is_some() {
                count(&injected, (expected_status, expected_code.to_owned()));
            }
            if code.starts_with("calendly_") {
                count(&observed, (status, code));
            } else if request.fault.is_some() {
                assert_eq!(status, 200, "{number}: a fault may affect another request or none, but {code}");
            } else {
                assert_eq!((status, &*code), (expected_status, expected_code), "{number}: {request:?}");
            }
        }
    };
    let send_range = async |from: usize, to: usize| {
        next.store(0, Ordering::Relaxed);
        join_all((0..concurrency).map(|_| client(from, to))).await;
        soak.check_log();
    };
    let began = Instant::now();
    let mut settled = 0;
    while !is_settled(requests, settled, began) {
        send_range(settled, settled + SETTLING_REQUESTS).await;
        settled += SETTLING_REQUESTS;
    }
    let before: usize = injected.lock().unwrap().values().sum();
    let mut usage = Usage::default();
    let began = Instant::now();
    for sample in 0..SAMPLES {
        let [from, to] = [sample, sample + 1].map(|samples| settled + samples * requests / SAMPLES);
        send_range(from, to).await;
        if requests >= SHORT && concurrency > 1 {
            // Opens equally many connections before each sample, since each has buffers.
            let delay = Fault::Delay { milliseconds: 300 };
            world.sandbox.fault(mix.path(), CONCURRENCY as u32, delay);
            send_range(0, CONCURRENCY).await;
        }
        usage.sample(&world.function).await;
    }
    let per_second = requests as f64 / began.elapsed().as_secs_f64();
    let [injected, observed] = [injected, observed].map(|counts| counts.into_inner().unwrap());
    let is_unexpected =
        |answer: &(u16, String), count: usize| injected.get(answer).is_none_or(|injected| count > *injected);
    let unexpected: Vec<_> =
        observed.iter().filter(|(answer, count)| is_unexpected(answer, **count)).collect();
    assert!(unexpected.is_empty(), "more failures than faults: {unexpected:?} of {injected:?}");
    let [faults, failed] = [injected, observed].map(|counts| counts.values().sum::<usize>());
    // A connection that breaks after the process was stalled is retried, and the last faults affect no request.
    assert!(binary == Binary::User || failed * 10 + concurrency >= faults * 9, "{failed} of {faults} faults");
    let name = match concurrency {
        1 => format!("`{}`", binary.name()),
        _ => format!("`{}`, {concurrency} at once", binary.name()),
    };
    // One connection per upstream, or one per request.
    let idle = concurrency.max(3) as u64;
    Run { name, requests, faults: faults - before, per_second, usage, idle }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_file_descriptors_do_not_grow() {
    let total = std::env::var("SOAK_REQUESTS").map_or(Ok(5_000), |number| number.parse::<usize>());
    let requests = total.expect("SOAK_REQUESTS is a number") / RUNS;
    let mut runs = join_all(Binary::ALL.map(|binary| run(binary, requests, 1))).await;
    runs.push(run(Binary::CheckAvailability, requests, CONCURRENCY).await);
    let rows: Vec<String> = runs.iter().map(Run::row).collect();
    println!("{}", rows.join("\n"));
    runs.iter().for_each(Run::check);
    let head = "| function | requests | faults | per second | memory, first tenth | last tenth | anonymous, first tenth \
                | last tenth | file descriptors, first tenth | last tenth |\n\
                | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |";
    let built = if cfg!(debug_assertions) { "without" } else { "with" };
    let total = RUNS * requests;
    write_page(
        "soak",
        &format!("{total} requests to binaries built {built} optimization.\n\n{head}\n{}\n", rows.join("\n")),
    );
}
