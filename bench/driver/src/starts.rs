//! The first request of a new environment, by what is already cached.

use std::collections::BTreeMap;

use end_to_end::{AwsFault, Binary, SecretsManager, Table};
use sandbox::DEFAULT_PAT;
use serde::Serialize;
use serde_json::json;

use crate::{
    measure::{Life, live},
    question::{self, Question},
    stand_ins::{self, Conditions, PAT_SECRET_ID, StandIns},
    statistics::{Summary, milliseconds},
    subject::Subject,
};

/// Processes of each kind.
const LIVES: u32 = 10;

/// The source of the PAT's user and of the resolved event type.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Known {
    /// Calendly.
    ToCalendly,
    /// The user from the secret.
    UserToSecret,
    /// Both from the shared table.
    ToTable,
}

/// Measurements of first requests.
#[derive(Debug, Serialize)]
pub(crate) struct Starts {
    route: &'static str,
    known: Known,
    init_ms: Summary,
    first_request_ms: Summary,
    first_answer_ms: Summary,
    calendly_calls: usize,
}

pub(crate) async fn run() -> Vec<Starts> {
    let stand_ins = StandIns::start(Conditions::Latency, stand_ins::EVENT_TYPES);
    let secrets_manager = naming_the_user(&stand_ins).await;
    let table = Table::start().await;
    let questions = [
        (Binary::UserEventTypes, Question::event_types(&stand_ins).await),
        (Binary::CheckAvailability, Question::availability_by_slug(&stand_ins, 31).await),
    ];
    let mut starts = Vec::new();
    for (route, question) in &questions {
        for known in [Known::ToCalendly, Known::UserToSecret, Known::ToTable] {
            println!("{}: a start, known {known:?}", route.name());
            let more: &[(&str, &str)] = match known {
                Known::ToCalendly => &[],
                Known::UserToSecret => &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets_manager.endpoint)],
                Known::ToTable => {
                    &[("CACHE_TABLE", &table.name), ("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint)]
                }
            };
            let mut variables = stand_ins.variables.clone();
            variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            starts.push(start(*route, known, &stand_ins, &variables, question).await);
        }
    }
    starts
}

async fn start(
    route: Binary,
    known: Known,
    stand_ins: &StandIns,
    variables: &BTreeMap<String, String>,
    question: &Question,
) -> Starts {
    let mut lives: Vec<Life> = Vec::new();
    for number in 0..=LIVES {
        let life = live(Subject::Function(route), stand_ins, variables, question, 1).await;
        // The first process fills the table.
        if number > 0 {
            lives.push(life);
        }
    }
    Starts {
        route: route.name(),
        known,
        init_ms: milliseconds(lives.iter().map(|life| life.init)),
        first_request_ms: milliseconds(lives.iter().map(|life| life.first_request)),
        first_answer_ms: milliseconds(lives.iter().map(|life| life.first_answer)),
        calendly_calls: lives[0].calls_until_first_answer.calendly,
    }
}

/// Secrets Manager with the usual latency, whose secret names the PAT's user.
async fn naming_the_user(stand_ins: &StandIns) -> SecretsManager {
    let secret = json!({"pat": DEFAULT_PAT, "user": question::user_uri(stand_ins).await});
    let secrets_manager = SecretsManager::with_secret(PAT_SECRET_ID, &secret.to_string()).await;
    secrets_manager.set_fault(AwsFault::Delay(stand_ins::SECRETS_MANAGER_LATENCY));
    secrets_manager
}
