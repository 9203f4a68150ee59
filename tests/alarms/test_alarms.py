"""Each alarm fires on the log lines that built functions write while its problem lasts.

The services are those of `make run`. Each function runs in the Lambda emulator of `make run`, once for each problem, and
receives the gateway's events. tests/template evaluates metric math and filter patterns. Each problem is assumed to last for all
periods that the alarm needs.

Not covered: alarms on metrics that AWS publishes (Errors, Throttles, Duration), which no log line contains; alarms on the
access log, whose lines API Gateway writes (tests/template evaluates their filters); and 500 internal_error, which only a
bug causes. A unit test of the pipeline covers a panic.
"""

import functools
import json
import re
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "tests/template")]

import local  # noqa: E402
import run  # noqa: E402
from cloudwatch import alarm_metrics, emf_metrics, filter_metrics, fires, key  # noqa: E402
from environments import EMPTY_SECRET_ID, REVOKED_SECRET_ID, SECONDS, WARM_UP, Environment, StandIns, name_of  # noqa: E402
from translation import FUNCTIONS, deployed, of_type  # noqa: E402

# No process listens here.
NOWHERE = "http://127.0.0.1:1"
OLD, NEW = "1", "2"
OWN = "CalendlyFunctions"
NO_BUG = "InternalErrors"
STEMS = {function: name.removesuffix("Function") for name, function in FUNCTIONS.items()}
# Alarms on metrics that AWS publishes.
WITHOUT_LINES = ["Monitoring.ThrottlesAlarm", "Monitoring.DurationAlarm"]
WITHOUT_LINES += [f"{stem}Canary.DurationAlarm" for stem in STEMS.values()]
# Fires when lines are missing, so it has a separate test.
HEARTBEAT = "Monitoring.WarmUpMissingAlarm"


@functools.cache
def alarms():
    """{name: properties} of the template's alarms, with the values that a deployment fills in."""
    found = of_type(deployed(SharedCache="ENABLED"), "AWS::CloudWatch::Alarm")
    return json.loads(re.sub(r"<\w+FunctionVersion\w*\.Version>", NEW, json.dumps(found)))


def filters(function):
    """The metric filters of a function's log group."""
    group = f"<{STEMS[function]}Logs>"
    found = of_type(deployed(), "AWS::Logs::MetricFilter").values()
    return [properties for properties in found if properties["LogGroupName"] == group]


@functools.cache
def filter_metric_names():
    """The names of the metrics that filters derive from log lines."""
    return {
        transformation["MetricName"]
        for properties in of_type(deployed(), "AWS::Logs::MetricFilter").values()
        for transformation in properties["MetricTransformations"]
    }


class Problems:
    """Problems of one function. Each returns (status of the responses, log lines)."""

    def __init__(self, stand_ins, function):
        self.stand_ins, self.function = stand_ins, function

    def environment(self, what, **variables):
        return Environment(self.stand_ins, self.function, what, **variables)

    def keys_unavailable(self):
        cold = self.environment("without keys", JWT_JWKS_URL=f"{NOWHERE}/keys")
        return cold.request(), cold.lines()

    def secrets_unavailable(self):
        cold = self.environment("without secrets", AWS_ENDPOINT_URL_SECRETS_MANAGER=NOWHERE)
        return cold.request(), cold.lines()

    def secret_stale(self):
        """Secrets Manager goes down after the PAT was cached, and the PAT expires."""
        settings, name = run.Settings(run.free_port_variables()), f"secrets of {self.function}"
        run.start_moto(settings, self.stand_ins.processes, name)
        variables = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": settings.secrets_manager, "PAT_CACHE_SECONDS": "1"}
        warm = self.environment("with a stale secret", **variables)
        warm.request()
        self.stand_ins.processes.stop(name)
        deadline = time.monotonic() + SECONDS
        while True:
            status = warm.request()
            if "SecretStale" in warm.lines()[-1] or time.monotonic() > deadline:
                return status, warm.lines()
            time.sleep(0.1)

    def pat_missing(self):
        cold = self.environment("without a PAT", CALENDLY_PAT_SECRET_ID=EMPTY_SECRET_ID)
        return cold.request(), cold.lines()

    def unprepared(self):
        """The PAT was revoked, and a warm-up requests its user."""
        cold = self.environment("with a revoked PAT", CALENDLY_PAT_SECRET_ID=REVOKED_SECRET_ID)
        cold.invoke(WARM_UP)
        return None, cold.lines()

    def calendly_errors(self):
        """Ten errors in a period."""
        failing = self.environment("with Calendly's errors")
        self.stand_ins.fault("/users/me", 10, kind="status", status=500)
        [status] = {failing.request() for _ in range(10)}
        return status, failing.lines()

    def shared_cache_failures(self):
        """DynamoDB is down. The circuit breaker probes it with growing backoff."""
        variables = {"CACHE_TABLE": "gone", "AWS_ENDPOINT_URL_DYNAMODB": NOWHERE}
        variables |= {"AVAILABILITY_CACHE_SECONDS": "1", "PAT_CACHE_SECONDS": "1"}
        environment = self.environment("without its table", **variables)
        deadline, statuses = time.monotonic() + SECONDS, set()
        while True:
            statuses.add(environment.request())
            lines = [line for line in environment.lines() if "SharedCacheFailures" in line]
            if len(lines) >= 3 or len(statuses) > 1 or time.monotonic() > deadline:
                [status] = statuses
                return status, environment.lines()
            # Each request may call Calendly, which allows 500 calls a minute.
            time.sleep(0.25)

    def deadline_exceeded(self):
        """Calendly hangs, and the function has three seconds."""
        slow = self.environment("with a hanging Calendly", timeout=3)
        self.stand_ins.fault("/users/me", 1, kind="hang")
        return slow.request(), slow.lines()


# {metric: (problem that causes it, status of the responses)}
PROBLEMS = {
    "KeysUnavailable": (Problems.keys_unavailable, 503),
    "SecretsUnavailable": (Problems.secrets_unavailable, 503),
    "SecretStale": (Problems.secret_stale, 200),
    "PatMissing": (Problems.pat_missing, 400),
    "Unprepared": (Problems.unprepared, None),
    "CalendlyErrors": (Problems.calendly_errors, 500),
    "SharedCacheFailures": (Problems.shared_cache_failures, 200),
    "DeadlineExceeded": (Problems.deadline_exceeded, 504),
}


class WithStandIns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand_ins = StandIns()
        cls.addClassCleanup(cls.stand_ins.stop)
        cls.stand_ins.start()


class FunctionAlarms(WithStandIns):
    """Alarms on metrics in the functions' log lines."""

    def test_each_alarm_fires_on_its_problem(self):
        for metric, (problem, expected) in PROBLEMS.items():
            alarm = alarms()[f"Monitoring.{metric}Alarm"]
            for function in local.FUNCTIONS:
                with self.subTest(f"{metric} {function}"):
                    status, lines = problem(Problems(self.stand_ins, function))
                    self.assertEqual(status, expected, lines)
                    values = emf_metrics(lines)
                    own = key(OWN, metric, {"FunctionName": name_of(function)})
                    self.assertIn(own, alarm_metrics(alarm).values())
                    self.assertGreaterEqual(values[own], alarm["Threshold"])
                    self.assertTrue(fires(alarm, values), values)
                    # No other alarm fires.
                    others = {name for name, one in alarms().items() if fires(one, values)}
                    self.assertEqual(others - {HEARTBEAT}, {f"Monitoring.{metric}Alarm"})

    def test_every_metric_of_the_alarms_is_covered(self):
        names = {
            name
            for alarm in alarms().values()
            for namespace, name, _ in alarm_metrics(alarm).values()
            if namespace == OWN
        }
        self.assertEqual(names - filter_metric_names(), {*PROBLEMS, NO_BUG, "CalendlyCalls", "WarmUp"})

    def test_only_alarms_on_metrics_of_aws_are_left_out(self):
        others = {
            name
            for name, alarm in alarms().items()
            if all(namespace != OWN for namespace, _, _ in alarm_metrics(alarm).values())
        }
        self.assertEqual(others, set(WITHOUT_LINES))

    def test_good_requests_fire_no_alarm(self):
        for function in local.FUNCTIONS:
            with self.subTest(function):
                healthy = Environment(self.stand_ins, function)
                self.assertEqual([healthy.request(), healthy.request()], [200, 200])
                self.assertEqual(healthy.invoke(WARM_UP), {"warm": True, "cold_start": False})
                values = emf_metrics(healthy.lines()) + filter_metrics(healthy.lines(), filters(function))
                own = {"FunctionName": name_of(function)}
                self.assertEqual(values[key(OWN, "ColdStart", own)], 1)
                self.assertEqual(values[key(OWN, "WarmUp", own)], 1)
                firing = {name for name, alarm in alarms().items() if fires(alarm, values)}
                self.assertEqual(firing - {HEARTBEAT}, set())

    def test_a_missing_warm_up_of_one_function_fires(self):
        every, alarm = {}, alarms()[HEARTBEAT]
        for function in local.FUNCTIONS:
            warm = Environment(self.stand_ins, function, "for the heartbeat")
            warm.invoke(WARM_UP)
            every[function] = emf_metrics(warm.lines())
        self.assertFalse(fires(alarm, sum(every.values(), start=emf_metrics([]))))
        for missing in every:
            rest = [found for function, found in every.items() if function != missing]
            self.assertTrue(fires(alarm, sum(rest, start=emf_metrics([]))), missing)


class WarmUpReports(WithStandIns):
    """The deployment hook refuses a version by what its warm-up names."""

    def test_a_warm_up_names_what_it_could_not_prepare(self):
        for what, variables in [
            ("keys", {"JWT_JWKS_URL": f"{NOWHERE}/keys"}),
            ("pat", {"CALENDLY_PAT_SECRET_ID": "no/such/secret"}),
            ("pat", {"CALENDLY_PAT_SECRET_ID": EMPTY_SECRET_ID}),
            ("user", {"CALENDLY_PAT_SECRET_ID": REVOKED_SECRET_ID}),
        ]:
            with self.subTest(variables):
                answer = Environment(self.stand_ins, "user", "unprepared", **variables).invoke(WARM_UP)
                self.assertEqual([problem.partition(": ")[0] for problem in answer["unprepared"]], [what])


class CanaryAlarms(WithStandIns):
    """The canary alarm on refusals, with the metric filters of the log."""

    def lines(self, function, version, requests, status, **variables):
        what = f"version {version} for {status}"
        environment = Environment(self.stand_ins, function, what, version, **variables)
        self.assertEqual({environment.request() for _ in range(requests)}, {status})
        return environment.lines()

    @staticmethod
    def invocations(function, lines):
        """Lambda's Invocations metric for these lines."""
        live = {"FunctionName": name_of(function), "Resource": f"{name_of(function)}:live"}
        of_new = [line for line in lines if line["version"] == NEW]
        return {
            key("AWS/Lambda", "Invocations", live): len(lines),
            key("AWS/Lambda", "Invocations", live | {"ExecutedVersion": NEW}): len(of_new),
        }

    def test_a_version_that_refuses_everything_is_rolled_back(self):
        for function in local.FUNCTIONS:
            alarm = alarms()[f"{STEMS[function]}Canary.RefusalsAlarm"]
            old = self.lines(function, OLD, 20, 200)
            for name, status, variables in (
                ("good", 200, {}),
                ("wrong audience", 401, {"JWT_AUDIENCE": "another"}),
            ):
                with self.subTest(f"{function} {name}"):
                    lines = old + self.lines(function, NEW, 6, status, **variables)
                    values = filter_metrics(lines, filters(function))
                    refused = 6 if status == 401 else 0
                    own = {"FunctionName": name_of(function)}
                    of_new = own | {"Version": NEW}
                    self.assertEqual(values[key(OWN, "Refusals", own)], refused)
                    self.assertEqual(values[key(OWN, "VersionRefusals", of_new)], refused)
                    self.assertEqual(values[key(OWN, "VersionInternalErrors", of_new)], 0)
                    values |= self.invocations(function, lines)
                    self.assertEqual(fires(alarm, values), bool(refused))


if __name__ == "__main__":
    unittest.main()
