//! The methods of the MCP server, beside the same request over HTTP.

use chrono::TimeDelta;
use end_to_end::{Answer, Binary, Function, Gateway, Invocation, Request, utc};
use sandbox::DEFAULT_PAT;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    exchange::{Exchange, SLUG, monday},
    measure::{WarmRequests, run_several, summarize},
    stand_ins::{self, Conditions, StandIns},
    statistics::Summary,
    subject::Subject,
};

/// The length of the requested range in days.
const DAYS: i64 = 31;

/// A request, sent to processes that serve nothing else.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// The method, or the route of check-availability.
    request: &'static str,
    first_answer_ms: Summary,
    #[serde(flatten)]
    warm: WarmRequests,
}

/// Measures `check-availability`, and `mcp` with each method.
pub(crate) async fn run() -> Vec<Row> {
    let stand_ins = StandIns::start(Conditions::NoLatency, stand_ins::EVENT_TYPES);
    let initialize = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
    let mut rows = Vec::new();
    for (request, function, exchange) in [
        (
            "/calendly/check-availability",
            Binary::CheckAvailability,
            Exchange::availability(&stand_ins, DAYS, None).await,
        ),
        ("initialize", Binary::Mcp, message("initialize", &initialize, &stand_ins).await),
        ("tools/list", Binary::Mcp, message("tools/list", &json!({}), &stand_ins).await),
        ("tools/call", Binary::Mcp, tool_call(&stand_ins).await),
    ] {
        println!("mcp: {request}");
        let runs = run_several(10, Subject::Function(function), &stand_ins, &exchange, 100).await;
        rows.push(Row {
            request,
            first_answer_ms: summarize(&runs, |run| run.first_answer),
            warm: WarmRequests::new(&runs),
        });
    }
    rows
}

/// A call of `check_availability` for an event type.
pub(crate) async fn tool_call(stand_ins: &StandIns) -> Exchange {
    let uri = stand_ins.sandbox.event_type_uri(DEFAULT_PAT, SLUG).expect("the sandbox has the event type");
    let (start, end) = (monday(), monday() + TimeDelta::days(DAYS));
    let arguments = json!({"event_types": [uri], "start": utc(start), "end": utc(end)});
    message("tools/call", &json!({"name": "check_availability", "arguments": arguments}), stand_ins).await
}

/// A message. A separate process gives the expected answer.
async fn message(method: &str, params: &Value, stand_ins: &StandIns) -> Exchange {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let request =
        Request::get(Binary::Mcp.path()).bearer(&stand_ins.sandbox.token()).post(message.to_string());
    let event = request.through(Gateway::HttpApi);
    let function = Function::spawn(&Subject::Function(Binary::Mcp).program(), &stand_ins.variables).await;
    let answer = Answer::from_outcome(function.invoke(Invocation::new(&event)).await).json();
    function.kill().await;
    let result = &answer["result"];
    assert!(result.is_object() && result["isError"].is_null(), "{method}: {answer}");
    Exchange { event, expected: answer, upstream: None }
}
