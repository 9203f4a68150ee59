"""The deployment hook: its code, run as the template has it."""

import contextlib
import io
import json
import re
import types
import unittest
from unittest import mock

from resolver import ROOT, source
from translation import FUNCTIONS, deployed

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:stack-user:"
EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "execution"}
WARM = {"warm": True, "cold_start": True}
NO_KEYS = WARM | {"unprepared": ["keys: the issuer does not answer: refused"]}
NO_PAT = WARM | {"unprepared": ["pat: the secret could not be read"]}
CRASH = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}


class Lambda:
    """Answers warm-ups with the `answers` of each function in order. The last one repeats."""

    def __init__(self, answers):
        self.answers = {function: list(found) for function, found in answers.items()}
        self.calls = []

    def invoke(self, FunctionName, Payload):
        self.calls.append(FunctionName)
        assert json.loads(Payload) == {"warmer": True}
        waiting = self.answers[FunctionName]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        error = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())} | error


class CodeDeploy:
    """Records the reported status."""

    def __init__(self):
        self.reported = []

    def put_lifecycle_event_hook_execution_status(self, **what):
        self.reported.append(what)


def run(answers, versions=(ARN + "2",)):
    """(reported status, invoked functions, log, pauses) of one run."""
    functions, codedeploy, slept, log = Lambda(answers), CodeDeploy(), [], io.StringIO()
    boto3 = types.ModuleType("boto3")
    boto3.client = {"lambda": functions, "codedeploy": codedeploy}.__getitem__
    code = source("stacks/hook.yaml")["Resources"]["Hook"]["Properties"]["Code"]["ZipFile"]
    hook = {}
    with (
        mock.patch.dict("sys.modules", boto3=boto3),
        mock.patch.dict("os.environ", VERSIONS=",".join(versions)),
        mock.patch("time.sleep", slept.append),
        contextlib.redirect_stdout(log),
    ):
        exec(compile(code, "hook.py", "exec"), hook)
        hook["handler"](EVENT, None)
    [report] = codedeploy.reported
    assert report["deploymentId"] == "d-1" and report["lifecycleEventHookExecutionId"] == "execution"
    return report["status"], functions.calls, log.getvalue(), slept


class Hook(unittest.TestCase):
    def test_a_version_that_prepares_everything_succeeds_at_once(self):
        status, calls, _, slept = run({ARN + "2": [WARM]})
        self.assertEqual((status, calls, slept), ("Succeeded", [ARN + "2"], []))

    def test_a_version_that_is_worse_than_the_live_one_fails(self):
        for answer in (NO_KEYS, NO_PAT, CRASH, {}):
            status, calls, log, slept = run({ARN + "2": [answer], ARN + "live": [WARM]})
            self.assertEqual(status, "Failed", answer)
            self.assertEqual(calls, [ARN + "2", ARN + "live"] * 3)
            self.assertEqual(len(slept), 2)
            self.assertEqual(json.loads(log.splitlines()[-1])["message"], MESSAGE)

    def test_a_failure_of_both_versions_succeeds(self):
        for answer in (NO_KEYS, CRASH):
            status, _, _, _ = run({ARN + "2": [answer], ARN + "live": [answer]})
            self.assertEqual(status, "Succeeded", answer)

    def test_a_different_failure_is_worse(self):
        status, _, log, _ = run({ARN + "2": [NO_KEYS], ARN + "live": [NO_PAT]})
        self.assertEqual(status, "Failed")
        problems = json.loads(log.splitlines()[-1])["problems"]
        self.assertEqual(problems, {ARN + "2": {"keys": "the issuer does not answer: refused"}})

    def test_a_brief_failure_of_an_upstream_succeeds(self):
        status, _, _, slept = run({ARN + "2": [NO_PAT, NO_PAT, WARM], ARN + "live": [WARM]})
        self.assertEqual((status, len(slept)), ("Succeeded", 2))

    def test_one_bad_version_of_several_is_enough(self):
        other = ARN.replace("stack-user", "stack-check-availability")
        answers = {ARN + "2": [WARM], other + "5": [CRASH], other + "live": [WARM]}
        status, _, _, _ = run(answers, versions=(ARN + "2", other + "5"))
        self.assertEqual(status, "Failed")

    def test_codedeploy_receives_a_status_even_after_an_error(self):
        status, _, log, _ = run({ARN + "2": [PermissionError("denied")]})
        self.assertEqual(status, "Failed")
        self.assertIn("denied", log)


MESSAGE = "worse than the live versions"


class Page(unittest.TestCase):
    def test_it_names_everything_that_the_hook_reports(self):
        page = (ROOT / "docs" / "operations.md").read_text()
        [findings] = re.findall(rf"`{MESSAGE}` names.*?\.\n", page, re.DOTALL)
        [path] = (ROOT / "shared" / "src").rglob("warm_up.rs")
        code = path.read_text()
        found = re.findall(r'format!\("([a-z ]+): \{|vec!\["([a-z ]+)"', code)
        found = {one or other for one, other in found}
        self.assertLessEqual({"keys", "caller hash", "time ran out"}, found)
        self.assertEqual(set(re.findall(r"`([a-z ]+)`", findings)), found | {"function", MESSAGE})


class Deployed(unittest.TestCase):
    def test_it_knows_the_new_versions(self):
        given = deployed()["Hook"]["Properties"]["Parameters"]["Versions"].split(",")
        for version, function in zip(given, FUNCTIONS, strict=True):
            self.assertRegex(version, rf"^<{function}Version\w+>$")
        variables = deployed()["Hook.Hook"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables, {"VERSIONS": ",".join(given)})

    def test_codedeploy_may_invoke_it(self):
        name = deployed()["Hook.Hook"]["Properties"]["FunctionName"]
        self.assertEqual(name, "CodeDeployHook_stack")
        [policy] = deployed()["Roles.DeploymentRole"]["Properties"]["ManagedPolicyArns"]
        self.assertTrue(policy.endswith("/AWSCodeDeployRoleForLambda"), policy)

    def test_its_timeout_covers_all_rounds(self):
        found = deployed()
        warm_ups = 3 * 2 * (len(FUNCTIONS) + 1)
        longest = warm_ups * found["UserFunction"]["Properties"]["Timeout"] + 2 * 10
        self.assertGreaterEqual(found["Hook.Hook"]["Properties"]["Timeout"], longest)


if __name__ == "__main__":
    unittest.main()
