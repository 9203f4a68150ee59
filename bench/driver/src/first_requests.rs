//! The first request of a new environment, by what is already cached.

use end_to_end::{Binary, SecretsManager, Table};
use sandbox::DEFAULT_PAT;
use serde::Serialize;
use serde_json::json;

use crate::{
    exchange::{self, Exchange, SLUG},
    measure::{self, summarize},
    stand_ins::{self, Conditions, PAT_SECRET_ID, StandIns},
    statistics::Summary,
    subject::Subject,
};

/// Processes of each kind.
const RUNS: u32 = 10;

/// The first requests of a function, with one source of what can be cached.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    route: &'static str,
    /// The source of the PAT's user and of the resolved event type.
    #[serde(rename = "known")]
    source: &'static str,
    init_ms: Summary,
    first_request_ms: Summary,
    first_answer_ms: Summary,
    calendly_calls: usize,
}

pub(crate) async fn run() -> Vec<Row> {
    let stand_ins = StandIns::start(Conditions::Latency, stand_ins::EVENT_TYPES);
    // A secret that names the PAT's user.
    let secret = json!({"pat": DEFAULT_PAT, "user": exchange::user_uri(&stand_ins)});
    let secrets_manager = SecretsManager::with_secret(PAT_SECRET_ID, &secret.to_string()).await;
    secrets_manager.set_fault(stand_ins::SECRETS_MANAGER_LATENCY);
    let table = Table::start().await;
    let sources: [(&str, &[(&str, &str)]); 3] = [
        ("to_calendly", &[]),
        ("user_to_secret", &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets_manager.endpoint)]),
        ("to_table", &[("CACHE_TABLE", &table.name), ("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint)]),
    ];
    let mut rows = Vec::new();
    for (route, exchange) in [
        (Binary::UserEventTypes, Exchange::event_types(&stand_ins).await),
        (Binary::CheckAvailability, Exchange::availability(&stand_ins, 31, Some(SLUG)).await),
    ] {
        for (source, variables) in sources {
            println!("first requests: {}, {source}", route.name());
            let mut runs = Vec::new();
            for number in 0..=RUNS {
                let run = measure::run(Subject::Function(route), &stand_ins, variables, &exchange, 1).await;
                // The first process fills the table.
                if number > 0 {
                    runs.push(run);
                }
            }
            rows.push(Row {
                route: route.name(),
                source,
                init_ms: summarize(&runs, |run| run.init),
                first_request_ms: summarize(&runs, |run| run.first_request),
                first_answer_ms: summarize(&runs, |run| run.first_answer),
                calendly_calls: runs[0].calls_until_first_answer.calendly,
            });
        }
    }
    rows
}
