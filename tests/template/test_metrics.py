"""Alarms and the dashboard use metrics that are sent, with the same dimensions.

tests/alarms shows it of alarms on metrics of the functions.
"""

import json
import re
import unittest

from metric_math import metrics
from resolver import ROOT
from translation import FUNCTIONS, deployed, of_type

# Metrics that AWS sends.
AWS_METRICS = {
    "AWS/Lambda": {"Errors", "Throttles", "Duration", "Invocations"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency"},
}

# The function with metrics of its own.
ONE_ALONE = "check-availability"
NAMES = {f"stack-{function}" for function in FUNCTIONS.values()}


def page():
    return (ROOT / "docs" / "logging.md").read_text()


def sent_metrics():
    """{metric: functions that send it}."""
    [table] = re.findall(r"^## Metrics$.*?^(\| metric .*?)\n\n", page(), re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", table, re.MULTILINE)
    return {
        name: {ONE_ALONE} if ONE_ALONE in sent_with else set(FUNCTIONS.values())
        for name, sent_with in rows
        if "filter" not in sent_with
    }


def log_fields():
    """The fields of the line that ends an invocation."""
    [table] = re.findall(r"^(\| field .*?)\n\n", page(), re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))


def dashboard(**parameters):
    body = deployed(**parameters)["Overview.Dashboard"]["Properties"]["DashboardBody"]
    return json.loads(body)


def metric_rows():
    """(namespace, metric, {dimension: value}) of every row of the dashboard."""
    for widget in dashboard()["widgets"]:
        for row in widget["properties"].get("metrics", []):
            names = row[:-1] if isinstance(row[-1], dict) else row
            yield names[0], names[1], dict(zip(names[2::2], names[3::2], strict=True))


def filtered_metrics():
    """{(metric, dimensions)} of the metric filters."""
    return {
        (transformation["MetricName"], frozenset(dimension["Key"] for dimension in transformation["Dimensions"]))
        for entry in of_type(deployed(), "AWS::Logs::MetricFilter").values()
        for transformation in entry["MetricTransformations"]
    }


class Metrics(unittest.TestCase):
    def test_the_page_lists_what_the_functions_send(self):
        rust = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("src/**/*.rs")]
        code = "\n".join(path.read_text() for path in rust)
        sent = set(re.findall(r'\("([A-Z]\w+)", "(?:Count|Milliseconds|Seconds)"', code))
        sent |= set(re.findall(r'=> "(Availability\w+)"', code))
        self.assertIn("CalendlyLatency", sent)
        self.assertIn("AvailabilityStale", sent)
        sent -= {"Calls", "Latency"}
        self.assertEqual(sent, set(sent_metrics()))
        self.assertIn('"CalendlyFunctions"', code)

    def test_metrics_of_aws_exist(self):
        found = list(metric_rows())
        for alarm in of_type(deployed(SharedCache="ENABLED"), "AWS::CloudWatch::Alarm").values():
            found += metrics(alarm).values()
        for namespace, metric, dimensions in found:
            where = (namespace, metric, dimensions)
            if namespace in AWS_METRICS:
                self.assertIn(metric, AWS_METRICS[namespace], where)
            if namespace == "AWS/Lambda":
                self.assertIn(dimensions["FunctionName"], NAMES, where)
                self.assertEqual(dimensions["Resource"], f"{dimensions['FunctionName']}:live", where)
            if namespace == "AWS/ApiGateway":
                self.assertEqual(dimensions, {"ApiId": "<Api>"}, where)

    def test_the_dashboard_shows_metrics_of_filters_that_exist(self):
        for namespace, metric, dimensions in metric_rows():
            if namespace not in AWS_METRICS and metric not in sent_metrics():
                self.assertIn((metric, frozenset(dimensions)), filtered_metrics())

    def test_the_dashboard_shows_every_metric_of_every_function(self):
        shown = {
            (m, d["FunctionName"])
            for n, m, d in metric_rows()
            if n == "CalendlyFunctions" and "FunctionName" in d
        }
        sent = {(m, f"stack-{name}") for m, names in sent_metrics().items() for name in names}
        self.assertEqual(shown, sent)

    def test_the_page_explains_the_metric_filters(self):
        for entry in of_type(deployed(), "AWS::Logs::MetricFilter").values():
            for transformation in entry["MetricTransformations"]:
                self.assertIn(f"`{transformation['MetricName']}`", page())

    def test_filters_read_fields_that_are_written(self):
        stage = deployed()["ApiApiGatewayDefaultStage"]["Properties"]
        access_log = set(json.loads(stage["AccessLogSettings"]["Format"]))
        for name, entry in of_type(deployed(), "AWS::Logs::MetricFilter").items():
            written = (
                access_log if name.startswith("Monitoring") else log_fields() | {"FunctionName"}
            )
            read = re.findall(r"\$\.(\w+)", json.dumps(entry))
            self.assertLessEqual(set(read), written, name)


if __name__ == "__main__":
    unittest.main()
