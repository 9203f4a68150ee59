"""The alarms over all three functions, and when they go off."""

import unittest

from combinations import deployed
from filter_pattern import finds
from metric_math import is_in_alarm
from resolver import ROOT
from test_metrics import NAMES, alarm_metrics
from translation import of_type

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
IDS = ("user", "userEventTypes", "checkAvailability")
# The metric that each one is about, and how many in five minutes are too many, how often.
OWN = {
    "DeadlineExceeded": (1, 2, 3),
    "SecretsUnavailable": (1, 1, 2),
    "SecretStale": (1, 2, 3),
    "PatMissing": (1, 1, 2),
    "KeysUnavailable": (1, 1, 2),
    "CalendlyErrors": (10, 2, 3),
    "SharedCacheFailures": (3, 2, 3),
}


def alarms(**parameters):
    """The alarms for people, by their names less `Alarm`."""
    found = of_type(deployed(**{"SharedCache": "ENABLED"} | parameters), "AWS::CloudWatch::Alarm")
    return {
        name.removeprefix("Monitoring.").removesuffix("Alarm"): alarm
        for name, alarm in found.items()
        if name.startswith("Monitoring.")
    }


class Alarms(unittest.TestCase):
    def test_there_is_one_for_each_trouble(self):
        self.assertEqual(set(alarms()), {*OWN, "Errors", "Throttles", "Duration", "GatewayErrors"})

    def test_the_page_says_what_to_do(self):
        page = (ROOT / "docs" / "operations.md").read_text()
        for name in alarms():
            self.assertIn(f"| `{name}Alarm` |", page)

    def test_they_can_be_left_out(self):
        self.assertEqual(alarms(Alarms="DISABLED"), {})

    def test_own_metrics_of_all_functions_add_up(self):
        for metric, (least, times, periods) in OWN.items():
            alarm = alarms()[metric]
            self.assertEqual(
                [(n, m, d["FunctionName"]) for n, m, d in alarm_metrics(alarm)],
                [("CalendlyFunctions", metric, name) for name in sorted(NAMES, key=ORDER.index)],
            )
            for one in IDS:
                enough, short = [{one: least}] * times, [{one: least}] * (times - 1)
                self.assertTrue(is_in_alarm(alarm, [*enough, {}]), metric)
                self.assertFalse(is_in_alarm(alarm, [{}, *short, {}]), metric)
                # What is long over has no say.
                self.assertFalse(is_in_alarm(alarm, enough + [{}] * periods), metric)
            if least > 1:
                part = {one: least // 2 for one in IDS}
                self.assertTrue(is_in_alarm(alarm, [part] * times), metric)
                self.assertFalse(is_in_alarm(alarm, [{"user": least - 1}] * periods), metric)

    def test_a_single_failure_of_any_function_is_an_error(self):
        alarm = alarms()["Errors"]
        self.assertCountEqual(
            [(m, d["FunctionName"]) for _, m, d in alarm_metrics(alarm)],
            [(metric, name) for metric in ("Errors", "InternalErrors") for name in NAMES],
        )
        for one in [*IDS, *(f"{one}Failed" for one in IDS)]:
            self.assertTrue(is_in_alarm(alarm, [{one: 1}]))
            self.assertTrue(is_in_alarm(alarm, [{one: 1}, {}]))
        self.assertFalse(is_in_alarm(alarm, [{"userFailed": 0}, {}]))

    def test_a_single_throttle_is_one(self):
        alarm = alarms()["Throttles"]
        self.assertEqual({m for _, m, _ in alarm_metrics(alarm)}, {"Throttles"})
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

    def test_a_missing_token_is_no_trouble_where_each_caller_has_one(self):
        self.assertIn("PatMissing", alarms(CalendlyPatSecretId="calendly/pat"))
        self.assertNotIn("PatMissing", alarms(CalendlyPatSecretId="calendly/pat/{sub}"))

    def test_nobody_watches_a_table_that_is_not_there(self):
        self.assertNotIn("SharedCacheFailures", alarms(SharedCache="DISABLED"))

    def test_a_topic_is_told_if_there_is_one(self):
        for topic, actions in (("", None), (TOPIC, [TOPIC])):
            every = of_type(deployed(AlarmTopicArn=topic), "AWS::CloudWatch::Alarm")
            self.assertEqual(len(every), 10 + 3 * 3)
            for name, alarm in every.items():
                self.assertEqual(alarm.get("AlarmActions"), actions, name)
                self.assertEqual(alarm.get("OKActions"), actions, name)

    def test_none_makes_up_a_value_and_each_looks_back(self):
        every = of_type(deployed(SharedCache="ENABLED"), "AWS::CloudWatch::Alarm")
        for name, alarm in every.items():
            self.assertEqual(alarm["TreatMissingData"], "notBreaching", name)
            self.assertLess(alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], name)
            for query in alarm.get("Metrics", []):
                self.assertNotIn("FILL", query.get("Expression", ""), name)
                self.assertNotRegex(query["Id"], "^[^a-z]")


class Costs(unittest.TestCase):
    def test_the_page_counts_what_is_paid_for(self):
        counts = {"Monitoring": 0, "Canary": 0}
        for name, alarm in of_type(deployed(), "AWS::CloudWatch::Alarm").items():
            stack = "Monitoring" if name.startswith("Monitoring.") else "Canary"
            counts[stack] += len(list(alarm_metrics(alarm)))
        page = (ROOT / "docs" / "operations.md").read_text()
        self.assertIn(
            f"{sum(counts.values())} alarm metrics × 0.10: {counts['Monitoring']} of "
            f"`stacks/monitoring.yaml`, {counts['Canary']} of the three canaries",
            page,
        )


class Gateway(unittest.TestCase):
    def test_its_own_errors_are_those_that_no_function_answered(self):
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

    def test_one_is_enough(self):
        alarm = alarms()["GatewayErrors"]
        self.assertTrue(is_in_alarm(alarm, [{"GatewayErrors": 1}, {}]))
        self.assertFalse(is_in_alarm(alarm, [{}, {}]))


ORDER = ["stack-user", "stack-user-event-types", "stack-check-availability"]


if __name__ == "__main__":
    unittest.main()
