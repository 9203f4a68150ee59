//! Requests to the programs, and the expected answers.

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use end_to_end::{
    AVAILABLE_TIMES, Binary, EVENT_TYPES, Gateway, Request, http_get, midnight, sandbox_event_types, utc,
};
use sandbox::DEFAULT_PAT;
use serde_json::{Value, json};

use crate::{mcp, stand_ins::StandIns};

/// The slug of the event type in all requests.
pub(crate) const SLUG: &str = "session-00001";

/// The next Monday, at least two days ahead, so that each run covers the same working days.
pub(crate) fn monday() -> DateTime<Utc> {
    (2..9).map(midnight).find(|day| day.weekday() == Weekday::Mon).expect("a week has one")
}

/// A request and the expected answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) event: Value,
    /// The expected JSON.
    pub(crate) expected: Value,
    /// Path and query of the upstream call of a warm request, if there is one that is measured by itself.
    pub(crate) upstream: Option<(&'static str, Vec<(&'static str, String)>)>,
}

impl Exchange {
    /// The comparison's request for a route: all event types, or 31 days of one.
    pub(crate) async fn for_route(route: Binary, stand_ins: &StandIns) -> Self {
        match route {
            Binary::User => Self {
                event: event(stand_ins, Binary::User, &[]),
                expected: json!({ "uri": user_uri(stand_ins) }),
                upstream: None,
            },
            Binary::UserEventTypes => Self::event_types(stand_ins).await,
            Binary::CheckAvailability => Self::availability(stand_ins, 31, None).await,
            Binary::Mcp => mcp::tool_call(stand_ins).await,
        }
    }

    /// A request for all event types.
    pub(crate) async fn event_types(stand_ins: &StandIns) -> Self {
        let rows = sandbox_event_types(&stand_ins.sandbox, &[("sort", "name:asc")]).await;
        let parse = |row: &String| serde_json::from_str(row).expect("the sandbox answers with JSON");
        let expected: Vec<Value> = rows.iter().map(parse).collect();
        assert_eq!(expected.len(), stand_ins.event_types, "unexpected number of event types");
        Self {
            event: event(stand_ins, Binary::UserEventTypes, &[]),
            expected: expected.into(),
            upstream: Some((
                EVENT_TYPES,
                vec![
                    ("user", user_uri(stand_ins)),
                    ("count", "100".to_owned()),
                    ("sort", "name:asc".to_owned()),
                ],
            )),
        }
    }

    /// A request for the availability of an event type, named by this slug or by its URI.
    pub(crate) async fn availability(stand_ins: &StandIns, days: i64, slug: Option<&str>) -> Self {
        let (start, end) = (monday(), monday() + TimeDelta::days(days));
        let uri =
            stand_ins.sandbox.event_type_uri(DEFAULT_PAT, SLUG).expect("the sandbox has the event type");
        let url = format!("{}{AVAILABLE_TIMES}", stand_ins.sandbox.base_url());
        let mut collection = Vec::new();
        let mut upstream = None;
        let mut window_start = start;
        while window_start < end {
            let window_end = end.min(window_start + TimeDelta::days(31));
            let query = [
                ("event_type", uri.clone()),
                ("start_time", utc(window_start)),
                ("end_time", utc(window_end)),
            ];
            let parameters = query.each_ref().map(|(name, value)| (*name, &**value));
            let page = http_get(&url, DEFAULT_PAT, &parameters).await;
            let page: Value = serde_json::from_str(&page).expect("the sandbox answers with JSON");
            collection.extend(page["collection"].as_array().expect("a collection").iter().cloned());
            upstream.get_or_insert((AVAILABLE_TIMES, query.to_vec()));
            window_start = window_end;
        }
        assert!(!collection.is_empty(), "the sandbox has no slots to compare");
        let (start, end) = (utc(start), utc(end));
        let parameters = [("event_type", slug.unwrap_or(&uri)), ("start_time", &start), ("end_time", &end)];
        Self {
            event: event(stand_ins, Binary::CheckAvailability, &parameters),
            expected: json!({
                "collection": collection,
                "available": true,
                "event_type": uri,
                "start_time": start,
                "end_time": end,
            }),
            upstream,
        }
    }

    /// The same from a client that accepts gzip.
    pub(crate) fn with_gzip(&self) -> Self {
        let mut event = self.event.clone();
        event["headers"]["accept-encoding"] = "gzip".into();
        Self { event, expected: self.expected.clone(), upstream: None }
    }

    /// The length of the answer in bytes.
    pub(crate) fn length(&self) -> usize {
        self.expected.to_string().len()
    }

    /// # Panics
    ///
    /// The answer is wrong.
    pub(crate) fn check(&self, answer: &Value) {
        assert!(answer == &self.expected, "a wrong answer: {answer}\nexpected: {}", self.expected);
    }
}

pub(crate) fn event(stand_ins: &StandIns, route: Binary, query: &[(&str, &str)]) -> Value {
    Request::get(route.path()).bearer(&stand_ins.sandbox.token()).query(query).through(Gateway::HttpApi)
}

pub(crate) fn user_uri(stand_ins: &StandIns) -> String {
    stand_ins.sandbox.user_uri(DEFAULT_PAT).expect("the default user")
}
