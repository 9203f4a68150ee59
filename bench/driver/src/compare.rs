//! `bench compare`: rounds of floor, functions and peer in random order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use end_to_end::{Binary, http_client};
use fastrand::Rng;
use sandbox::DEFAULT_PAT;
use serde::Serialize;

use crate::{
    compression,
    exchange::Exchange,
    first_requests, mcp,
    measure::{self, Run, SETTLING, peak_resident, summarize},
    query_parameters,
    scaling::{self, Scaling},
    stand_ins::{Calls, Conditions, EVENT_TYPES, StandIns},
    statistics::{Summary, milliseconds, percentile},
    subject::Subject,
};

/// All measurements.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    rounds: u32,
    comparison: Vec<Table>,
    scaling: Scaling,
    compression: Vec<compression::Row>,
    mcp: Vec<mcp::Row>,
    #[serde(rename = "starts")]
    first_requests: Vec<first_requests::Row>,
    #[serde(rename = "by_hand")]
    query_parameters: Vec<query_parameters::Comparison>,
}

/// The measurements under one condition.
#[derive(Debug, Serialize)]
struct Table {
    conditions: Conditions,
    rows: Vec<Row>,
    /// The median of the upstream call of a warm request, made without a function, by route.
    direct_call_ms: BTreeMap<&'static str, f64>,
}

/// A program and a route.
#[derive(Debug, Serialize)]
struct Row {
    program: &'static str,
    route: Option<&'static str>,
    init_ms: Summary,
    first_request_ms: Summary,
    first_answer_ms: Summary,
    cpu_until_first_answer_ms: Summary,
    warm_p50_ms: f64,
    warm_p99_ms: f64,
    warm_minimum_ms: f64,
    cpu_per_warm_request_ms: Summary,
    /// The median.
    peak_resident_bytes: u64,
    calls_until_first_answer: Calls,
    calls_per_warm_request: Calls,
}

/// Measures everything in `rounds` rounds.
pub(crate) async fn run(rounds: u32) -> Results {
    let mut comparison = Vec::new();
    for conditions in [Conditions::NoLatency, Conditions::Latency, Conditions::Tls] {
        comparison.push(compare(conditions, rounds).await);
    }
    Results {
        rounds,
        comparison,
        scaling: scaling::run().await,
        compression: compression::run().await,
        mcp: mcp::run().await,
        first_requests: first_requests::run().await,
        query_parameters: query_parameters::run().await,
    }
}

async fn compare(conditions: Conditions, rounds: u32) -> Table {
    let warm_requests = if conditions == Conditions::Latency { 60 } else { 300 };
    let stand_ins = StandIns::start(conditions, EVENT_TYPES);
    let mut exchanges = Vec::new();
    for route in Binary::WITH_GET_ROUTE {
        exchanges.push((route, Exchange::for_route(route, &stand_ins).await));
    }
    let mut subjects: Vec<(Subject, Vec<Run>)> =
        Subject::all().into_iter().map(|subject| (subject, Vec::new())).collect();
    let mut direct: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    // Seeded, so that each run has the same orders.
    let mut random = Rng::with_seed(1);
    for round in 0..=rounds {
        println!("{conditions:?}: round {round} of {rounds}");
        let mut order: Vec<&mut (Subject, Vec<Run>)> = subjects.iter_mut().collect();
        random.shuffle(&mut order);
        for (subject, runs) in order {
            let route = subject.route().unwrap_or(Binary::User);
            let (_, exchange) = exchanges.iter().find(|(of, _)| *of == route).expect("all routes have one");
            let run = measure::run(*subject, &stand_ins, &[], exchange, warm_requests).await;
            // The first round fills the page cache.
            if round > 0 {
                runs.push(run);
            }
        }
        // TLS adds a relay, which is not part of the call.
        if round > 0 && conditions != Conditions::Tls {
            for (route, exchange) in exchanges.iter().filter(|(_, exchange)| exchange.upstream.is_some()) {
                let calls = direct_calls(&stand_ins, exchange, warm_requests as usize).await;
                direct.entry(route.name()).or_default().extend(calls);
            }
        }
    }
    Table {
        conditions,
        rows: subjects.iter().map(|(subject, runs)| row(*subject, runs)).collect(),
        direct_call_ms: direct
            .into_iter()
            .map(|(route, durations)| (route, milliseconds(durations).median))
            .collect(),
    }
}

fn row(subject: Subject, runs: &[Run]) -> Row {
    let mut warm: Vec<Duration> = runs.iter().flat_map(|run| run.warm.iter().copied()).collect();
    warm.sort();
    let warm_ms = |percent| percentile(&warm, percent).as_secs_f64() * 1e3;
    Row {
        program: subject.program_name(),
        route: subject.route().map(Binary::name),
        init_ms: summarize(runs, |run| run.init),
        first_request_ms: summarize(runs, |run| run.first_request),
        first_answer_ms: summarize(runs, |run| run.first_answer),
        cpu_until_first_answer_ms: summarize(runs, |run| run.cpu_until_first_answer),
        warm_p50_ms: warm_ms(50),
        warm_p99_ms: warm_ms(99),
        warm_minimum_ms: warm_ms(0),
        cpu_per_warm_request_ms: summarize(runs, |run| run.cpu_per_warm_request),
        peak_resident_bytes: peak_resident(runs),
        calls_until_first_answer: same(runs, |run| run.calls_until_first_answer),
        calls_per_warm_request: same(runs, |run| run.calls_per_warm_request),
    }
}

/// The calls of each run, which are equal.
fn same(runs: &[Run], calls: fn(&Run) -> Calls) -> Calls {
    let all: Vec<Calls> = runs.iter().map(calls).collect();
    assert!(all.iter().all(|calls| *calls == all[0]), "not the same calls in every round: {all:?}");
    all[0]
}

/// Makes the upstream call of a warm request `count` times over one connection, without a function.
///
/// # Panics
///
/// There is no such call, or it fails.
async fn direct_calls(stand_ins: &StandIns, exchange: &Exchange, count: usize) -> Vec<Duration> {
    let (path, query) = exchange.upstream.as_ref().expect("an upstream call");
    let url = format!("{}{path}", stand_ins.sandbox.base_url());
    let client = http_client();
    let mut durations = Vec::new();
    // The first call opens the connection.
    for _ in 0..1 + SETTLING + count {
        let started = Instant::now();
        let request = client.get(&url).query(query).bearer_auth(DEFAULT_PAT);
        let response = request.send().await.expect("the sandbox answers");
        assert_eq!(response.status(), 200);
        response.bytes().await.expect("a whole body");
        durations.push(started.elapsed());
    }
    durations.split_off(1 + SETTLING)
}
