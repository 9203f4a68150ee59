"""The canary alarms, which roll back a new version."""

import unittest

from filter_pattern import finds
from metric_math import is_in_alarm, metrics, value
from translation import FUNCTIONS, deployed, of_type


def canary(function="User", **parameters):
    """The resources of a function's canary, by logical id in its stack."""
    prefix = f"{function}Canary."
    return {
        name.removeprefix(prefix): entry["Properties"]
        for name, entry in deployed(**parameters).items()
        if name.startswith(prefix)
    }


class Deployments(unittest.TestCase):
    def test_an_alias_is_shifted_by_canary_after_the_hook_with_rollback_on_alarms(self):
        # These references also make hook and canary exist before the alias moves.
        found = deployed()
        for logical_id in FUNCTIONS:
            stem = logical_id.removesuffix("Function")
            alias = found[f"{logical_id}Aliaslive"]
            self.assertEqual(alias["Properties"]["Name"], "live")
            update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(update["DeploymentGroupName"], f"<{logical_id}DeploymentGroup>")
            self.assertEqual(update["BeforeAllowTrafficHook"], "<Hook.Outputs.FunctionName>")
            group = found[f"{logical_id}DeploymentGroup"]["Properties"]
            self.assertEqual(
                group["DeploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes"
            )
            names = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
            self.assertEqual(
                names,
                [
                    f"<{stem}Canary.Outputs.{kind}Alarm>"
                    for kind in ("Errors", "Refusals", "Duration")
                ],
            )
            self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])

    def test_the_hook_remains_without_alarms(self):
        found = deployed(Alarms="DISABLED")
        self.assertEqual(of_type(found, "AWS::CloudWatch::Alarm"), {})
        self.assertEqual(of_type(found, "AWS::Logs::MetricFilter"), {})
        for logical_id in FUNCTIONS:
            group = found[f"{logical_id}DeploymentGroup"]["Properties"]
            self.assertEqual(group["AlarmConfiguration"], {})
            update = found[f"{logical_id}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(update["BeforeAllowTrafficHook"], "<Hook.Outputs.FunctionName>")


class AlarmMetrics(unittest.TestCase):
    def test_each_canary_watches_its_function_and_version(self):
        found = deployed()
        for logical_id, function in FUNCTIONS.items():
            stem = logical_id.removesuffix("Function")
            given = found[f"{stem}Canary"]["Properties"]["Parameters"]
            self.assertEqual(given["FunctionName"], found[logical_id]["Properties"]["FunctionName"])
            self.assertRegex(given["Version"], rf"^<{logical_id}Version\w+\.Version>$")
            self.assertEqual(given["Logs"], f"<{stem}Logs>")
            self.assertEqual(given["FunctionName"], f"stack-{function}")

    def test_alarms_watch_the_new_version(self):
        alarms = {k: a for k, a in canary().items() if k.endswith("Alarm")}
        self.assertEqual(set(alarms), {"ErrorsAlarm", "RefusalsAlarm", "DurationAlarm"})
        for name, alarm in alarms.items():
            for _, metric, dimensions in metrics(alarm).values():
                self.assertEqual(dimensions.pop("FunctionName"), "stack-user")
                version = dimensions.pop("Version", dimensions.pop("ExecutedVersion", None))
                if metric in ("Refusals", "Invocations") and version is None:
                    continue  # The old version's share.
                self.assertRegex(version, r"^<UserFunctionVersion\w+\.Version>$", name)
                self.assertIn(dimensions, ({}, {"Resource": "stack-user:live"}))

    def test_filters_write_the_metrics_that_alarms_read(self):
        written, read = set(), set()
        for entry in canary().values():
            for transformation in entry.get("MetricTransformations", []):
                values = {d["Key"]: d["Value"] for d in transformation["Dimensions"]}
                written.add((transformation["MetricName"], frozenset(values)))
                self.assertEqual(transformation["MetricNamespace"], "CalendlyFunctions")
                self.assertEqual(entry["LogGroupName"], "<UserLogs>")
                self.assertEqual(values.pop("Version", "$.version"), "$.version")
                self.assertEqual(values, {"FunctionName": "$.FunctionName"})
            for namespace, metric, dimensions in metrics(entry).values():
                if namespace == "CalendlyFunctions":
                    read.add((metric, frozenset(dimensions)))
        self.assertEqual(written, read)
        self.assertEqual(len(written), 3)


class Filters(unittest.TestCase):
    def lines(self, name):
        """The names of the LINES that a filter matches."""
        pattern = canary()[name]["FilterPattern"]
        return {what for what, line in LINES.items() if finds(pattern, line)}

    def test_refusals_are_the_responses_that_bad_configuration_causes(self):
        expected = {"wrong audience", "no scope", "no keys", "no PAT", "a bug", "too slow"}
        self.assertEqual(self.lines("Refusals"), expected)
        self.assertEqual(self.lines("VersionRefusals"), expected)

    def test_internal_errors(self):
        self.assertEqual(self.lines("InternalErrors"), {"a bug"})


LINES = {
    "good": {"message": "request", "status": 200, "code": None},
    "bad parameter": {"message": "request", "status": 400, "code": "invalid_parameter"},
    "wrong audience": {"message": "request", "status": 401, "code": "token_invalid"},
    "no scope": {"message": "request", "status": 403, "code": "insufficient_scope"},
    "no event type": {"message": "request", "status": 404, "code": "no_event_type"},
    "no PAT": {"message": "request", "status": 400, "code": "pat_missing"},
    "no keys": {"message": "request", "status": 503, "code": "keys_unavailable"},
    "a bug": {"message": "request", "status": 500, "code": "internal_error"},
    "too slow": {"message": "request", "status": 504, "code": "deadline_exceeded"},
    "Calendly is busy": {"message": "request", "status": 429, "code": "calendly_error"},
    "warm-up": {"message": "warm-up"},
    "only metrics": {"level": "WARN"},
}


class Errors(unittest.TestCase):
    def test_one_error_in_five_minutes_rolls_back(self):
        alarm = canary()["ErrorsAlarm"]
        for metric in ("failed", "internal"):
            self.assertTrue(is_in_alarm(alarm, [{}] * 5 + [{metric: 1}]))
            # A late value of an earlier minute counts too.
            self.assertTrue(is_in_alarm(alarm, [{metric: 1}, {}, {}, {}, {}]))
            self.assertFalse(is_in_alarm(alarm, [{metric: 1}, {}, {}, {}, {}, {}]))
        self.assertFalse(is_in_alarm(alarm, [{"failed": 0}] * 5))
        self.assertFalse(is_in_alarm(alarm, [{}] * 5))

    def test_missing_metric_counts_as_zero(self):
        alarm = canary()["ErrorsAlarm"]
        self.assertEqual(value(alarm, {"failed": 2}), 2)
        self.assertEqual(value(alarm, {"internal": 3, "failed": 0}), 3)
        self.assertIsNone(value(alarm, {}))


class Refusals(unittest.TestCase):
    """(requests, refused) of the new and of the old version in five minutes."""

    def rolls_back(self, new, old):
        moment = {}
        for name, number in {
            "newRequests": new[0],
            "newRefused": new[1],
            "requests": new[0] + old[0],
            "refused": new[1] + old[1],
        }.items():
            if number:
                moment[name] = number
        return is_in_alarm(canary()["RefusalsAlarm"], [moment, {}])

    def test_a_wrong_audience_rolls_back(self):
        self.assertTrue(self.rolls_back(new=(10, 10), old=(90, 0)))
        self.assertTrue(self.rolls_back(new=(10, 10), old=(90, 20)))

    def test_refusing_some_callers_rolls_back(self):
        self.assertTrue(self.rolls_back(new=(20, 8), old=(180, 2)))

    def test_refusals_of_both_versions_do_not_roll_back(self):
        for new, old in [((10, 10), (90, 90)), ((40, 20), (360, 170)), ((10, 6), (90, 40))]:
            self.assertFalse(self.rolls_back(new=new, old=old), (new, old))

    def test_four_refusals_do_not_roll_back(self):
        self.assertFalse(self.rolls_back(new=(4, 4), old=(40, 0)))

    def test_the_only_version_with_requests_can_roll_back(self):
        self.assertTrue(self.rolls_back(new=(6, 6), old=(0, 0)))

    def test_no_refusals_do_not_roll_back(self):
        self.assertFalse(self.rolls_back(new=(10, 0), old=(90, 0)))
        self.assertFalse(self.rolls_back(new=(0, 0), old=(90, 90)))
        self.assertFalse(self.rolls_back(new=(0, 0), old=(0, 0)))

    def test_the_alarm_is_quiet_after_the_deployment(self):
        # Lambda's metrics no longer name the version. Its log lines still do.
        moment = {"newRefused": 50, "refused": 50, "requests": 60}
        self.assertFalse(is_in_alarm(canary()["RefusalsAlarm"], [moment] * 3))


class Durations(unittest.TestCase):
    def test_the_threshold_is_a_share_of_the_timeout(self):
        timeout = deployed()["UserFunction"]["Properties"]["Timeout"]
        alarm = canary()["DurationAlarm"]
        self.assertEqual(alarm["ExtendedStatistic"], "p99")
        self.assertEqual(alarm["Threshold"], timeout * 1000 * 80 // 100)
        slow, fast = {"Duration": 23_000}, {"Duration": 900}
        self.assertTrue(is_in_alarm(alarm, [slow, slow, {}]))
        self.assertFalse(is_in_alarm(alarm, [slow, fast, {}]))
        # The gateway times out after 30 s.
        self.assertLess(timeout, 30)


if __name__ == "__main__":
    unittest.main()
