//! CloudWatch embedded metric format (EMF): the `_aws` member of a log line declares which of its other members are
//! metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::Utc;
use serde::Serialize;

/// The metrics of one line, flattened into it.
#[derive(Serialize)]
pub(super) struct Metrics {
    #[serde(rename = "_aws")]
    declaration: Declaration,
    /// The dimension's value.
    #[serde(rename = "FunctionName")]
    function_name: &'static str,
    #[serde(flatten)]
    values: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Declaration {
    timestamp: i64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    /// Only the name of the deployed function, as in Lambda's own metrics. It differs between the stacks of an account,
    /// and keeps the number of metrics bounded.
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl Metrics {
    /// Metrics from names, units and values. Omits metrics without a value; `None` if none has one.
    pub(super) fn new(metrics: &[(&'static str, &'static str, Option<f64>)]) -> Option<Self> {
        let sent =
            || metrics.iter().filter_map(|(name, unit, value)| value.map(|value| (*name, *unit, value)));
        sent().next()?;
        Some(Self {
            declaration: Declaration {
                timestamp: Utc::now().timestamp_millis(),
                cloud_watch_metrics: [Directive {
                    namespace: "CalendlyFunctions",
                    dimensions: [["FunctionName"]],
                    metrics: sent().map(|(name, unit, _)| Metric { name, unit }).collect(),
                }],
            },
            function_name: function_name(),
            values: sent().map(|(name, _, value)| (name, value)).collect(),
        })
    }
}

fn function_name() -> &'static str {
    static NAME: LazyLock<String> =
        LazyLock::new(|| std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default());
    &NAME
}
