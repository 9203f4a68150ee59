//! Many readers of one Calendly user: eight environments with a shared table, and a Calendly with a rate limit of 500
//! calls a minute and bookings that change.
//!
//! `LOAD_PER_MINUTE` is the number of requests a minute and `LOAD_SECONDS` the length (`make load`: 10,000, three
//! minutes); `LOAD=write` writes bench/load.json, the input of docs/scale.md.

mod fleet;
mod scenario;
mod summary;

use std::{path::PathBuf, time::Duration};

use chrono::{SubsecRound, Utc};
use end_to_end::{Function, Invocation, Program, WHOLE_MACHINE, utc};
use serde_json::{Value, json};

use self::{
    fleet::{ENVIRONMENTS, Fleet},
    scenario::{CACHE_SECONDS, CALENDLY_MS, EVENT_TYPES, LoadWorld, RANGES, RATE_LIMIT, Scenario},
    summary::{Summary, percentile},
};

/// The highest number of calls a minute with the cache.
const MAX_CALLS: f64 = 200.0;

/// The highest latency that a cache hit may add to that of the floor, a function that does nothing.
const MAX_OVERHEAD: Duration = Duration::from_millis(1);

/// Rates are checked in runs of at least this many seconds.
const LONG: f64 = 60.0;

/// The number of invocations of the floor.
const FLOOR_REQUESTS: usize = 500;

fn number(variable: &str, default: f64) -> f64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_share_one_rate_limit() {
    let seconds = number("LOAD_SECONDS", 8.0);
    let per_minute = number("LOAD_PER_MINUTE", 1_200.0);
    let scenario = Scenario::new(seconds, per_minute);
    let _alone = WHOLE_MACHINE.lock().await;
    let began = Utc::now().trunc_subsecs(0);

    let with_cache = run(&scenario, true).await;
    println!("with the cache: {}", with_cache.figures(seconds));
    assert_eq!(
        with_cache.statuses().keys().copied().collect::<Vec<_>>(),
        [200],
        "{:?}",
        with_cache.statuses()
    );
    assert_eq!(with_cache.errors(), Vec::<String>::new(), "wrong answers");
    // Each window is requested once per time to live, and once more at the start.
    let rounds = (seconds / CACHE_SECONDS as f64).ceil() + 1.0;
    // On a busy machine, the table exceeds its time budget, and environments call Calendly themselves.
    assert!(
        with_cache.calls as f64 <= scenario.windows() as f64 * rounds
            || with_cache.count("SharedCacheFailures") > 0,
        "{} calls",
        with_cache.calls
    );
    assert!(with_cache.count("AvailabilityFromMemory") > 0 && with_cache.count("AvailabilityFromTable") > 0);
    let without_cache = run(&scenario, false).await;
    println!("without: {}", without_cache.figures(seconds));
    assert_eq!(without_cache.errors(), Vec::<String>::new());

    if seconds < LONG {
        return;
    }
    let hit = percentile(&with_cache.hits_in_memory(), 0.5);
    let floor = floor(with_cache.median_length()).await;
    println!("a hit in memory {hit:?}, the floor {floor:?}");
    assert!(with_cache.calls as f64 * 60.0 / seconds <= MAX_CALLS, "{} calls", with_cache.calls);
    assert!(hit <= floor + MAX_OVERHEAD, "a hit {hit:?}, the floor {floor:?}");
    assert!(
        without_cache.statuses().contains_key(&429),
        "the rate limit is exceeded: {:?}",
        without_cache.statuses()
    );
    if std::env::var("LOAD").is_ok_and(|order| order == "write") {
        let figures = json!({
            "scenario": {
                // The number of windows depends on the day.
                "began": utc(began),
                "requests_per_minute": per_minute,
                "seconds": seconds,
                "environments": ENVIRONMENTS,
                "ranges": RANGES,
                "event_types": EVENT_TYPES.len(),
                "windows": scenario.windows(),
                "cache_seconds": CACHE_SECONDS,
                "rate_limit": RATE_LIMIT,
                "calendly_ms": CALENDLY_MS,
            },
            "floor_p50_ms": floor.as_secs_f64() * 1_000.0,
            "with_cache": with_cache.figures(seconds),
            "without_cache": without_cache.figures(seconds),
        });
        write(&figures);
    }
}

async fn run(scenario: &Scenario, is_cached: bool) -> Summary {
    let LoadWorld { world, .. } = &scenario.world(is_cached).await;
    let fleet = Fleet::start(world).await;
    world.sandbox.forget_calls();
    let answers = fleet.serve(scenario.requests(world)).await;
    let calls = world.calendly_calls().len();
    let log = fleet.log(answers.len()).await;
    Summary::new(answers, log, calls)
}

/// The median latency of a function that only returns `bytes` bytes.
async fn floor(bytes: usize) -> Duration {
    let program = Program::built("floor");
    let variables = [("ANSWER_BYTES".to_owned(), bytes.to_string())].into();
    let function = Function::spawn(&program, &variables).await;
    function.wait_for_init().await;
    let mut took = Vec::new();
    for _ in 0..FLOOR_REQUESTS {
        let event: Value = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {},
            "requestContext": {"http": {"method": "GET", "path": "/"}},
        });
        let outcome = function.invoke(Invocation::new(&event)).await;
        took.push(outcome.answered_at - outcome.delivered_at);
    }
    percentile(&took, 0.5)
}

fn write(figures: &Value) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../bench/load.json");
    let text = serde_json::to_string_pretty(figures).expect("JSON");
    std::fs::write(file, text + "\n").expect("bench/load.json");
}
