//! Gzip: bytes on the wire and latency of answers with and without it.

use end_to_end::Binary;
use serde::Serialize;

use crate::{
    exchange::Exchange,
    measure::{WarmRequests, run_several},
    stand_ins::{self, Conditions, StandIns},
    subject::Subject,
};

/// Requests to one program for one route, with or without `Accept-Encoding: gzip`.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    program: &'static str,
    route: &'static str,
    accepts_gzip: bool,
    #[serde(flatten)]
    warm: WarmRequests,
}

/// Measures the functions whose answers are long, and the peer.
pub(crate) async fn run() -> Vec<Row> {
    let stand_ins = StandIns::start(Conditions::NoLatency, stand_ins::EVENT_TYPES);
    let mut rows = Vec::new();
    for route in [Binary::UserEventTypes, Binary::CheckAvailability] {
        let exchange = Exchange::for_route(route, &stand_ins).await;
        for subject in [Subject::Function(route), Subject::Peer(route)] {
            for (accepts_gzip, exchange) in [(false, &exchange), (true, &exchange.with_gzip())] {
                println!("compression: {} for {}, gzip {accepts_gzip}", subject.program_name(), route.name());
                let runs = run_several(5, subject, &stand_ins, exchange, 100).await;
                rows.push(Row {
                    program: subject.program_name(),
                    route: route.name(),
                    accepts_gzip,
                    warm: WarmRequests::new(&runs),
                });
            }
        }
    }
    rows
}
