"""The checks of `make smoke` fail when they should. `make rehearse` shows that they pass."""

import json
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import smoke  # noqa: E402

CHALLENGE = {"WWW-Authenticate": "Bearer"}


def stack(*responses, **attributes):
    """A deployed stack whose API returns these responses and then repeats the last one."""
    found, waiting = object.__new__(smoke.Stack), list(responses)

    def send(url, method, headers, body=None):
        found.sent.append((method, url, headers))
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    found.send, found.sent, found.token, found.request_ids = send, [], "header.claims.signature", {}
    found.outputs = {"BaseUrl": "https://api.example"}
    vars(found).update(attributes)
    return found


def response(status, body=None, **headers):
    return smoke.Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps(body or {}))


class Checks(unittest.TestCase):
    def test_a_route_must_answer_200(self):
        good = stack(response(200, X_Request_Id="r-1"))
        smoke.check_route(good, "user")
        self.assertEqual(good.request_ids, {"user": "r-1"})
        self.assertEqual(good.sent[0][2]["Authorization"], "Bearer header.claims.signature")
        with self.assertRaisesRegex(smoke.Failed, "503 secrets_unavailable: see docs/operations.md"):
            smoke.check_route(stack(response(503, {"code": "secrets_unavailable"})), "user")

    def test_a_tool_must_answer_without_an_error(self):
        found = response(200, {"result": {"structuredContent": {"uri": "u"}}}, X_Request_Id="r-1")
        good = stack(found, parameters={"McpServer": "ENABLED"})
        smoke.check_mcp(good)
        self.assertEqual(good.request_ids, {"mcp": "r-1"})
        self.assertIn("mcp", good.functions())
        problem = {"result": {"structuredContent": {"code": "pat_missing"}, "isError": True}}
        for bad, text in [(response(200, problem), "pat_missing"), (response(401), "401"), (response(200), "200")]:
            with self.assertRaisesRegex(smoke.Failed, text):
                smoke.check_mcp(stack(bad))

    def test_requests_without_a_token_must_be_refused(self):
        refused = smoke.Response(401, CHALLENGE, b"{}")
        smoke.check_no_token(stack(refused))
        for other in (response(200), response(401), smoke.Response(403, CHALLENGE, b"{}")):
            with self.assertRaises(smoke.Failed):
                smoke.check_no_token(stack(refused, refused, other))

    def test_a_forged_token_and_a_bad_parameter_must_be_refused(self):
        for check, good in [
            (smoke.check_bad_token, response(401)),
            (smoke.check_bad_parameter, response(400, {"code": "invalid_parameter"})),
        ]:
            check(stack(good))
            with self.assertRaises(smoke.Failed):
                check(stack(response(200)))

    def test_cors_must_allow_exactly_the_parameter(self):
        allowed, not_allowed = response(204, Access_Control_Allow_Origin="x"), response(204)
        origins = {"parameters": {"CorsAllowOrigins": "https://a.example"}}
        smoke.check_cors(stack(allowed, not_allowed, **origins))
        for wrong in ((not_allowed,), (allowed,)):
            with self.assertRaisesRegex(smoke.Failed, "compare CorsAllowOrigins"):
                smoke.check_cors(stack(*wrong, **origins))
        smoke.check_cors(stack(not_allowed, parameters={"CorsAllowOrigins": ""}))

    def test_missing_outputs_and_a_rollback_fail(self):
        for status, outputs, text in [
            ("UPDATE_ROLLBACK_COMPLETE", smoke.OUTPUTS, "A deployment that failed"),
            ("CREATE_COMPLETE", {"BaseUrl"}, "outputs are missing: CalendlyPatSecretArn"),
        ]:
            attributes = {"description": {"StackStatus": status}, "outputs": dict.fromkeys(outputs, "")}
            with self.assertRaisesRegex(smoke.Failed, text):
                smoke.check_outputs(stack(response(200), **attributes))

    def test_a_failing_check_does_not_stop_the_others(self):
        def broken(_):
            raise KeyError("x")

        with mock.patch.object(smoke, "checks", lambda _: [("one", broken), ("two", lambda _: "fine")]):
            results = smoke.run(stack(response(200), parameters={}))
        self.assertEqual([passed for _, passed, _ in results], [False, True])
        self.assertEqual(smoke.table(results).splitlines()[1], "ok      two  fine")


class Command(unittest.TestCase):
    def test_without_a_token_it_says_how_to_call_it(self):
        result = subprocess.run(
            [sys.executable, ROOT / "scripts" / "smoke.py", "staging"],
            env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )
        self.assertEqual(result.returncode, 1)
        self.assertIn("make smoke STAGE=staging TOKEN=…", result.stderr)


if __name__ == "__main__":
    unittest.main()
