"""Alarms and the dashboard: they look at what is really sent, and all that is sent is shown."""

import json
import re
import unittest

from test_resources import of_type, resources
from translation import FUNCTIONS, ROOT, source

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
TELEMETRY = ROOT / "shared" / "src" / "telemetry"
# What AWS sends of itself.
AWS_METRICS = {
    "AWS/Lambda": {"Errors", "Throttles", "Duration"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency"},
}
# Made of log lines by the template's metric filters.
FILTERED = {"InternalErrors"}


def sent_metrics():
    """The names of the metrics that the functions send."""
    return set(
        re.findall(r'\("([A-Z]\w+)", "(?:Count|Milliseconds)"', (TELEMETRY / "end.rs").read_text())
    )


def log_fields():
    """The members of the line that ends a request."""
    text = (TELEMETRY / "end.rs").read_text()
    bodies = re.findall(
        r"^(?:struct Fields|enum WhatFields|struct Cache)\b.*?^}", text, re.DOTALL | re.MULTILINE
    )
    fields = re.findall(r"^ +(\w+): (?!WhatFields)", "\n".join(bodies), re.MULTILINE)
    return set(fields) | {"function"}


def dashboard(**parameters):
    return json.loads(resources(**parameters)["Dashboard"]["Properties"]["DashboardBody"])


def metric_rows():
    """(namespace, metric, {dimension: value}) of every row of the dashboard."""
    for widget in dashboard()["widgets"]:
        for row in widget["properties"].get("metrics", []):
            names = row[:-1] if isinstance(row[-1], dict) else row
            yield names[0], names[1], dict(zip(names[2::2], names[3::2], strict=True))


def alarm_metrics(alarm):
    """(namespace, metric, {dimension: value}) of everything that an alarm looks at."""
    simple = [alarm] if "MetricName" in alarm else []
    for metric in simple + [
        q["MetricStat"]["Metric"] for q in alarm.get("Metrics", []) if "MetricStat" in q
    ]:
        dimensions = {entry["Name"]: entry["Value"] for entry in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


class Metrics(unittest.TestCase):
    def check(self, namespace, metric, dimensions):
        """Somebody sends this metric with these dimensions."""
        where = (namespace, metric, dimensions)
        if namespace == "CalendlyFunctions":
            self.assertIn(metric, sent_metrics() | FILTERED, where)
            self.assertEqual(set(dimensions), {"function"}, where)
            self.assertIn(dimensions["function"], FUNCTIONS.values(), where)
        elif namespace == "AWS/Lambda":
            self.assertIn(metric, AWS_METRICS[namespace])
            function = dimensions["FunctionName"]
            self.assertIn(function.strip("<>"), FUNCTIONS, where)
            self.assertEqual(dimensions["Resource"], f"{function}:live", where)
        else:
            self.assertIn(metric, AWS_METRICS[namespace], where)
            self.assertEqual(dimensions, {"ApiId": "<Api>"}, where)

    def test_the_sources_are_found(self):
        self.assertEqual(len(sent_metrics()), 8)
        self.assertIn('"CalendlyFunctions"', (TELEMETRY / "metrics.rs").read_text())
        self.assertLessEqual({"status", "code", "duration_ms", "cold_start"}, log_fields())

    def test_the_dashboard_shows_what_is_sent(self):
        for row in metric_rows():
            self.check(*row)

    def test_the_dashboard_shows_everything_for_every_function(self):
        shown = {(m, d["function"]) for n, m, d in metric_rows() if n == "CalendlyFunctions"}
        self.assertEqual(
            shown, {(m, f) for m in sent_metrics() | FILTERED for f in FUNCTIONS.values()}
        )

    def test_alarms_look_at_what_is_sent(self):
        for alarm in of_type(resources(), "AWS::CloudWatch::Alarm").values():
            for metric in alarm_metrics(alarm):
                self.check(*metric)

    def test_the_documentation_explains_each_metric_and_field(self):
        page = (ROOT / "docs" / "logging.md").read_text()
        for name in sent_metrics() | FILTERED | log_fields():
            self.assertIn(f"`{name}`", page)


class Alarms(unittest.TestCase):
    def test_each_function_has_its_three(self):
        found = of_type(resources(), "AWS::CloudWatch::Alarm")
        for logical_id, function in FUNCTIONS.items():
            stem = logical_id.removesuffix("Function")
            lambda_dimensions = {
                "FunctionName": f"<{logical_id}>",
                "Resource": f"<{logical_id}>:live",
            }
            self.assertEqual(
                list(alarm_metrics(found[f"{stem}ErrorsAlarm"])),
                [
                    ("AWS/Lambda", "Errors", lambda_dimensions),
                    ("CalendlyFunctions", "InternalErrors", {"function": function}),
                ],
            )
            for kind, metric in (("Throttles", "Throttles"), ("Duration", "Duration")):
                self.assertEqual(
                    list(alarm_metrics(found[f"{stem}{kind}Alarm"])),
                    [("AWS/Lambda", metric, lambda_dimensions)],
                )

    def test_the_functions_share_three(self):
        found = of_type(resources(), "AWS::CloudWatch::Alarm")
        self.assertEqual(len(found), 3 * 3 + 3)
        for name, metric in {
            "SecretStaleAlarm": "SecretStale",
            "KeysUnavailableAlarm": "KeysUnavailable",
            "CalendlyErrorsAlarm": "CalendlyErrors",
        }.items():
            self.assertCountEqual(
                alarm_metrics(found[name]),
                [("CalendlyFunctions", metric, {"function": f}) for f in FUNCTIONS.values()],
            )

    def test_expressions_use_all_that_they_gather(self):
        for name, alarm in of_type(resources(), "AWS::CloudWatch::Alarm").items():
            queries = alarm.get("Metrics", [])
            gathered = {query["Id"] for query in queries if "MetricStat" in query}
            results = [query for query in queries if query.get("ReturnData", True)]
            self.assertEqual(len(results), 1 if queries else 0, name)
            for result in results:
                used = set(re.findall(r"FILL\((\w+), 0\)", result["Expression"]))
                self.assertEqual(used, gathered, name)

    def test_the_duration_is_held_against_the_timeout(self):
        found = resources()
        for logical_id in FUNCTIONS:
            timeout = found[logical_id]["Properties"]["Timeout"]
            alarm = found[logical_id.removesuffix("Function") + "DurationAlarm"]["Properties"]
            self.assertEqual(alarm["ExtendedStatistic"], "p99")
            self.assertEqual(alarm["Threshold"], timeout * 1000 * 80 // 100)
            # The gateway waits for 30 s.
            self.assertLess(timeout, 30)

    def test_a_topic_is_told_if_there_is_one(self):
        for topic, actions in (("", None), (TOPIC, [TOPIC])):
            for name, alarm in of_type(
                resources(AlarmTopicArn=topic), "AWS::CloudWatch::Alarm"
            ).items():
                self.assertEqual(alarm.get("AlarmActions"), actions, name)
                self.assertEqual(alarm.get("OKActions"), actions, name)
                self.assertEqual(alarm["TreatMissingData"], "notBreaching", name)

    def test_the_filters_find_internal_errors(self):
        for metric_filter in of_type(resources(), "AWS::Logs::MetricFilter").values():
            for field in re.findall(r"\$\.(\w+)", metric_filter["FilterPattern"]):
                self.assertIn(field, log_fields())
            self.assertIn('$.code = "internal_error"', metric_filter["FilterPattern"])
            [made] = metric_filter["MetricTransformations"]
            self.assertEqual(made["Dimensions"], [{"Key": "function", "Value": "$.function"}])
            self.assertEqual({made["MetricName"]}, FILTERED)


class Dashboard(unittest.TestCase):
    def test_it_fits_on_one_screen_without_overlap(self):
        cells = set()
        for widget in dashboard()["widgets"]:
            own = {
                (x, y)
                for x in range(widget["x"], widget["x"] + widget["width"])
                for y in range(widget["y"], widget["y"] + widget["height"])
            }
            self.assertFalse(cells & own, widget["properties"]["title"])
            cells |= own
        self.assertLessEqual(max(x for x, _ in cells), 23)
        self.assertLessEqual(max(y for _, y in cells), 17)

    def test_it_shows_every_alarm(self):
        [shown] = [
            widget["properties"]["alarms"]
            for widget in dashboard()["widgets"]
            if widget["type"] == "alarm"
        ]
        alarms = of_type(resources(), "AWS::CloudWatch::Alarm")
        self.assertCountEqual(shown, [f"<{name}.Arn>" for name in alarms])

    def test_queries_read_the_functions_logs_and_fields(self):
        queries = [
            widget["properties"]["query"]
            for widget in dashboard()["widgets"]
            if widget["type"] == "log"
        ]
        self.assertTrue(queries)
        for query in queries:
            self.assertCountEqual(
                re.findall(r"SOURCE '(<\w+>)'", query),
                [f"<{name.removesuffix('Function')}Logs>" for name in FUNCTIONS],
            )
            known = log_fields() | {"requests", "p99_ms"}
            words = re.sub(r"SOURCE '[^']*'|'[^']*'", "", query)
            keywords = {"filter", "stats", "count", "as", "pct", "by", "sort", "desc"}
            self.assertLessEqual(set(re.findall(r"[a-z]\w+", words)) - keywords, known)

    def test_the_regions_are_the_stacks(self):
        for widget in dashboard()["widgets"]:
            self.assertIn(widget["properties"].get("region", "eu-west-1"), {"eu-west-1"})
        self.assertNotIn("${", json.dumps(dashboard()))
        self.assertIn(
            "${", source()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        )


if __name__ == "__main__":
    unittest.main()
