"""The alarms that cover all functions, including mcp, and when they fire."""

import json
import re
import unittest

from filter_pattern import finds
from metric_math import is_in_alarm, metrics
from resolver import ROOT
from translation import deployed, of_type

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
OTHERS = {
    "Errors", "Throttles", "Duration", "CalendlyErrors", "WarmUpMissing",
    "GatewayErrors", "GatewayThrottles", "CallersRefused",
}
IDS = ("user", "userEventTypes", "checkAvailability", "mcp")
NAMES = ["stack-user", "stack-user-event-types", "stack-check-availability", "stack-mcp"]
# Alarms on metrics of the same name. tests/alarms shows that they fire on their problem alone.
OWN = {
    "DeadlineExceeded", "SecretsUnavailable", "SecretStale", "PatMissing", "KeysUnavailable",
    "SharedCacheFailures", "Unprepared",
}


def alarms(**parameters):
    """The alarms of stacks/monitoring.yaml, without the suffix `Alarm`."""
    found = of_type(deployed(**{"SharedCache": "ENABLED", "McpServer": "ENABLED"} | parameters), "AWS::CloudWatch::Alarm")
    return {
        name.removeprefix("Monitoring.").removesuffix("Alarm"): alarm
        for name, alarm in found.items()
        if name.startswith("Monitoring.")
    }


class Alarms(unittest.TestCase):
    def test_there_is_one_for_each_problem(self):
        self.assertEqual(set(alarms()), {*OWN, *OTHERS})

    def test_the_page_says_when_they_fire_and_what_to_do(self):
        page = (ROOT / "docs" / "operations.md").read_text()
        for name, alarm in alarms().items():
            [row] = re.findall(rf"^\| `{name}Alarm` \| .* \| .* \|$", page, re.MULTILINE)
            words = {(1, 2): "once in 10 minutes", (2, 3): "in 2 of 3 ", (3, 3): "for 15 minutes"}
            self.assertIn(words[alarm.get("DatapointsToAlarm", 3), alarm["EvaluationPeriods"]], row)

    def test_they_cover_mcp_only_if_it_exists(self):
        self.assertNotIn("mcp", json.dumps(alarms(McpServer="DISABLED")))

    def test_they_are_optional(self):
        self.assertEqual(alarms(Alarms="DISABLED"), {})

    def test_the_metrics_of_all_functions_are_added(self):
        for metric in OWN:
            alarm = alarms()[metric]
            self.assertEqual(
                [(n, m, d["FunctionName"]) for n, m, d in metrics(alarm).values()],
                [("CalendlyFunctions", metric, name) for name in NAMES],
            )
            for one in IDS:
                moments = [{one: alarm["Threshold"]}] * alarm["DatapointsToAlarm"]
                self.assertTrue(is_in_alarm(alarm, moments), metric)
                self.assertFalse(is_in_alarm(alarm, moments[1:]), metric)

    def test_one_error_of_any_function_fires(self):
        alarm = alarms()["Errors"]
        self.assertCountEqual(
            [(m, d["FunctionName"]) for _, m, d in metrics(alarm).values()],
            [(metric, name) for metric in ("Errors", "InternalErrors") for name in NAMES],
        )
        for one in [*IDS, *(f"{one}Failed" for one in IDS)]:
            self.assertTrue(is_in_alarm(alarm, [{one: 1}]))
            self.assertTrue(is_in_alarm(alarm, [{one: 1}, {}]))
        self.assertFalse(is_in_alarm(alarm, [{"userFailed": 0}, {}]))

    def test_one_throttle_fires(self):
        alarm = alarms()["Throttles"]
        self.assertEqual({m for _, m, _ in metrics(alarm).values()}, {"Throttles"})
        for one in IDS:
            self.assertTrue(is_in_alarm(alarm, [{one: 1}, {}]))

    def test_one_slow_function_is_enough_and_its_threshold_is_the_timeouts(self):
        alarm = alarms()["Duration"]
        timeout = deployed()["UserFunction"]["Properties"]["Timeout"]
        limit = timeout * 1000 * 80 // 100
        for one in IDS:
            slow, fast = {one: limit + 1}, {one: limit}
            self.assertTrue(is_in_alarm(alarm, [slow, {}, slow]))
            self.assertFalse(is_in_alarm(alarm, [slow, fast, fast]))
        for query in alarm["Metrics"][:-1]:
            self.assertEqual(query["MetricStat"]["Stat"], "p99")

    def test_ten_calendly_errors_or_half_of_the_calls_are_too_many(self):
        alarm = alarms()["CalendlyErrors"]
        for breaching in (
            {"user": 10, "userCalls": 1000},
            {"user": 4, "checkAvailability": 6, "userCalls": 500},
            {"user": 3, "userCalls": 6},
            {"user": 2, "userEventTypes": 1, "userEventTypesCalls": 4},
        ):
            self.assertTrue(is_in_alarm(alarm, [breaching, {}, breaching]), breaching)
            self.assertFalse(is_in_alarm(alarm, [breaching, {}, {}]), breaching)
        for quiet in ({"user": 9, "userCalls": 19}, {"user": 2, "userCalls": 2}, {"userCalls": 50}):
            self.assertFalse(is_in_alarm(alarm, [quiet] * 3), quiet)

    def test_warm_ups_of_each_function_are_expected(self):
        alarm = alarms()["WarmUpMissing"]
        # With all values missing it has insufficient data, which notifies the topic too.
        self.assertEqual(alarm["TreatMissingData"], "missing")
        self.assertEqual(alarms(AlarmTopicArn=TOPIC)["WarmUpMissing"]["InsufficientDataActions"], [TOPIC])
        [schedule, *_] = of_type(deployed(), "AWS::Scheduler::Schedule").values()
        self.assertEqual(schedule["ScheduleExpression"], "rate(5 minutes)")
        self.assertEqual(alarm["EvaluationPeriods"], 3)
        every, two = dict.fromkeys(IDS, 1), dict.fromkeys(IDS[:2], 2)
        self.assertFalse(is_in_alarm(alarm, [every, two, two]))
        self.assertTrue(is_in_alarm(alarm, [two, two, two]))
        without_mcp = dict.fromkeys(IDS[:3], 1)
        self.assertTrue(is_in_alarm(alarm, [without_mcp] * 3))
        self.assertFalse(is_in_alarm(alarms(McpServer="DISABLED")["WarmUpMissing"], [without_mcp] * 3))
        for name in ("WarmUpMissing", "Unprepared"):
            self.assertNotIn(name, alarms(WarmUp="DISABLED"))

    def test_pat_missing_is_watched_only_with_a_shared_token(self):
        self.assertIn("PatMissing", alarms(CalendlyPatSecretId="calendly/pat"))
        self.assertNotIn("PatMissing", alarms(CalendlyPatSecretId="calendly/pat/{sub}"))

    def test_the_table_is_watched_only_if_it_exists(self):
        self.assertNotIn("SharedCacheFailures", alarms(SharedCache="DISABLED"))

    def test_alarms_notify_the_topic_and_send_no_ok(self):
        for topic, actions in (("", None), (TOPIC, [TOPIC])):
            every = of_type(deployed(AlarmTopicArn=topic), "AWS::CloudWatch::Alarm")
            self.assertEqual(len(every), 14 + 3 * 3)
            for name, alarm in every.items():
                self.assertEqual(alarm.get("AlarmActions"), actions, name)
                # A first deployment would send one notification for each alarm.
                self.assertNotIn("OKActions", alarm, name)

    def test_missing_values_are_not_filled_and_late_values_count(self):
        every = of_type(deployed(SharedCache="ENABLED"), "AWS::CloudWatch::Alarm")
        for name, alarm in every.items():
            if not name.endswith("WarmUpMissingAlarm"):
                self.assertEqual(alarm["TreatMissingData"], "notBreaching", name)
                self.assertLess(alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], name)
            for query in alarm.get("Metrics", []):
                self.assertNotIn("FILL", query.get("Expression", ""), name)
                self.assertNotRegex(query["Id"], "^[^a-z]")


class Costs(unittest.TestCase):
    def test_the_page_counts_the_alarm_metrics(self):
        counts = {"Monitoring": 0, "Canary": 0}
        for name, alarm in of_type(deployed(), "AWS::CloudWatch::Alarm").items():
            stack = "Monitoring" if name.startswith("Monitoring.") else "Canary"
            counts[stack] += len(metrics(alarm))
        prices = (ROOT / "bench" / "simulation" / "prices.py").read_text()
        self.assertIn(f"\nALARM_METRICS = {sum(counts.values())}\n", prices)
        page = (ROOT / "docs" / "operations.md").read_text()
        self.assertIn(
            f"{sum(counts.values())} alarm metrics × 0.10: {counts['Monitoring']} of "
            f"`stacks/monitoring.yaml`, {counts['Canary']} of the three canaries",
            page,
        )


class Gateway(unittest.TestCase):
    def test_gateway_errors_are_5xx_that_no_function_answered(self):
        pattern = deployed()["Monitoring.GatewayErrors"]["Properties"]["FilterPattern"]
        for status, function_status, own in [
            ("503", "-", True),
            ("500", "-", True),
            ("500", "200", True),
            ("504", "504", False),
            ("502", "502", False),
            ("401", "-", False),
            ("429", "-", False),
            ("200", "200", False),
        ]:
            line = {"status": status, "function_status": function_status}
            self.assertEqual(finds(pattern, line), own, line)

    def matches(self, name, status, function_status):
        pattern = deployed()[f"Monitoring.{name}"]["Properties"]["FilterPattern"]
        return finds(pattern, {"status": status, "function_status": function_status})

    def test_throttles_are_429_that_no_function_answered(self):
        self.assertTrue(self.matches("GatewayThrottles", "429", "-"))
        # Calendly's 429, passed on by a function.
        self.assertFalse(self.matches("GatewayThrottles", "429", "429"))
        self.assertFalse(self.matches("GatewayThrottles", "200", "200"))
        alarm = alarms()["GatewayThrottles"]
        self.assertTrue(is_in_alarm(alarm, [{"GatewayThrottles": 10}, {}, {"GatewayThrottles": 10}]))
        self.assertFalse(is_in_alarm(alarm, [{"GatewayThrottles": 9}] * 3))

    def test_most_callers_refused(self):
        for status, function_status in (("401", "401"), ("401", "-"), ("403", "403"), ("403", "-")):
            self.assertTrue(self.matches("CallersRefused", status, function_status))
        for status in ("200", "400", "404", "429", "503"):
            self.assertFalse(self.matches("CallersRefused", status, status))
        alarm = alarms()["CallersRefused"]
        for refused, requests, expected in [
            (10, 10, True),
            (10, 20, True),
            (100, 300, False),
            (9, 9, False),
            (0, 1000, False),
        ]:
            moment = {"requests": requests} | ({"refused": refused} if refused else {})
            self.assertEqual(is_in_alarm(alarm, [moment, {}, moment]), expected, moment)
            self.assertFalse(is_in_alarm(alarm, [moment, {}, {}]), moment)

    def test_one_gateway_error_fires(self):
        alarm = alarms()["GatewayErrors"]
        self.assertTrue(is_in_alarm(alarm, [{"GatewayErrors": 1}, {}]))
        self.assertFalse(is_in_alarm(alarm, [{}, {}]))


if __name__ == "__main__":
    unittest.main()
