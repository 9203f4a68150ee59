"""The deployment hook against built functions, in Lambda's runtime emulator.

The versions are environments of `user` with good and bad configurations. Secrets Manager, the issuer, and Calendly are those
of `make run`. The hook runs with boto3's clients. A server stands in for Lambda, which invokes the versions, and for
CodeDeploy, which records the reported status.
"""

import json
import re
import subprocess
import sys
import unittest
import urllib.error
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import emulator  # noqa: E402
import local  # noqa: E402
import run  # noqa: E402
from emulator import HTTP, SECONDS  # noqa: E402
from processes import Processes  # noqa: E402
from sam_test import free_ports  # noqa: E402
from samcli.yamlhelper import yaml_parse  # noqa: E402

WORK = ROOT / ".run" / "hook"
USER = ROOT / "target" / "debug" / "user"
ARN = f"arn:aws:lambda:{local.REGION}:123456789012:function:stack-user:"

# {version: changes to the good configuration}
VERSIONS = {
    "good": {},
    "also-good": {"PAT_CACHE_SECONDS": "60"},
    "other-issuer": {"JWT_JWKS_URL": "http://127.0.0.1:1/keys"},
    "other-secret": {"CALENDLY_PAT_SECRET_ID": "no/such/secret"},
    "empty-secret": {"CALENDLY_PAT_SECRET_ID": "calendly/empty"},
    "other-pat": {"CALENDLY_PAT_SECRET_ID": "calendly/revoked"},
    "cannot-start": {"JWT_AUDIENCE": ""},
}


class Aws(BaseHTTPRequestHandler):
    """Stands in for Lambda, which invokes the versions, and CodeDeploy, which records the status."""

    versions = {}
    reports = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "CodeDeploy" in self.headers.get("X-Amz-Target", ""):
            self.reports.append((self.headers["X-Amz-Target"], json.loads(body)))
            return self.answer(200, b"{}")
        [arn] = re.findall("^/2015-03-31/functions/([^/]+)/invocations$", self.path)
        url = self.versions[urllib.parse.unquote(arn)]
        try:
            with HTTP.open(url, body, SECONDS) as answer:
                payload = answer.read()
        except urllib.error.HTTPError as error:
            # The emulator's response when the process has exited.
            payload = json.dumps({"errorType": "Runtime.ExitError", "status": error.code}).encode()
        failed = {"X-Amz-Function-Error": "Unhandled"} if b'"errorType"' in payload else {}
        return self.answer(200, payload, failed)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Built(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        WORK.mkdir(parents=True, exist_ok=True)
        cls.processes = Processes(WORK)
        cls.addClassCleanup(cls.processes.__exit__)
        sandbox, secrets_manager = free_ports(2)
        settings = run.Settings(
            {"SANDBOX_PORT": str(sandbox), "SECRETS_MANAGER_PORT": str(secrets_manager)}
        )
        run.start_stand_ins(settings, cls.processes)
        run.create_secret(settings, "calendly/empty", "{}")
        run.create_secret(settings, "calendly/revoked", "no-longer-good")
        good = local.function_environment(settings.sandbox, settings.secrets_manager)
        for name, changes in VERSIONS.items():
            environment = good | changes
            url = emulator.start(cls.processes, name, USER, environment, WORK)
            Aws.versions[ARN + name] = url
        cls.aws = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
        cls.addClassCleanup(cls.aws.server_close)
        Thread(target=cls.aws.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.aws.shutdown)

    def status(self, new, live="good"):
        """(reported status, last log line) of a new version, given the live one."""
        Aws.versions[ARN + "live"] = Aws.versions[ARN + live]
        Aws.reports.clear()
        template = yaml_parse((ROOT / "stacks" / "hook.yaml").read_text())
        code = template["Resources"]["Hook"]["Properties"]["Code"]["ZipFile"]
        (WORK / "index.py").write_text(code)
        # Runs the hook as Lambda does, but without pauses between the rounds.
        program = "import index; index.PAUSE_SECONDS = 0; index.handler(%r, None)" % {
            "DeploymentId": "d-1",
            "LifecycleEventHookExecutionId": "execution",
        }
        endpoint = f"http://127.0.0.1:{self.aws.server_port}"
        result = subprocess.run(
            [sys.executable, "-c", program],
            cwd=WORK,
            env={
                "VERSIONS": ARN + new,
                "AWS_DEFAULT_REGION": local.REGION,
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_ENDPOINT_URL_LAMBDA": endpoint,
                "AWS_ENDPOINT_URL_CODEDEPLOY": endpoint,
            },
            capture_output=True,
            text=True,
            timeout=4 * SECONDS,
            check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        [(target, report)] = Aws.reports
        self.assertEqual(target, "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus")
        self.assertEqual(report["deploymentId"], "d-1")
        self.assertEqual(report["lifecycleEventHookExecutionId"], "execution")
        return report["status"], json.loads(result.stdout.splitlines()[-1])

    def test_a_good_version_succeeds(self):
        status, log = self.status("also-good")
        self.assertEqual(status, "Succeeded", log)

    def test_bad_configuration_fails_and_the_log_says_why(self):
        for version, what in {
            "other-issuer": "keys",
            "other-secret": "pat",
            "empty-secret": "pat",
            "other-pat": "user",
            "cannot-start": "function",
        }.items():
            with self.subTest(version):
                status, log = self.status(version)
                self.assertEqual(status, "Failed", log)
                self.assertEqual(list(log["problems"][ARN + version]), [what], log)

    def test_a_broken_stack_can_be_updated_and_repaired(self):
        for version in ("empty-secret", "good"):
            with self.subTest(version):
                status, log = self.status(version, live="other-secret")
                self.assertEqual(status, "Succeeded", log)


if __name__ == "__main__":
    unittest.main()
