"""Environments of the built functions, and the log lines that they write."""

import json
import time
import urllib.request
import uuid

import lambda_emulator
import local
import refresh_events
import run
from processes import Processes

SECONDS = 30

# The stack name of tests/template.
STACK = "stack"
WARM_UP = {"warmer": True}
EMPTY_SECRET_ID = "calendly/empty"
REVOKED_SECRET_ID = "calendly/revoked"


def name_of(function):
    """The deployed name of a function."""
    return f"{STACK}-{function}"


class StandIns:
    """The sandbox and Secrets Manager of `make run`."""

    def __init__(self):
        self.settings = run.Settings(run.free_port_variables())
        self.folder = local.ROOT / ".run" / "alarms"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes = Processes(self.folder)
        self.environments = []

    def start(self):
        run.start_stand_ins(self.settings, self.processes)
        run.create_secret(self.settings, EMPTY_SECRET_ID, "{}")
        run.create_secret(self.settings, REVOKED_SECRET_ID, "no-longer-valid")
        refresh_events.refresh()

    def stop(self):
        for environment in self.environments:
            environment.stop()
        self.processes.__exit__()

    def fault(self, path, times, **fault):
        """Makes the next calls to a path of Calendly fail."""
        order = json.dumps({"path": path, "times": times, "fault": fault}).encode()
        url = f"{self.settings.sandbox}/sandbox/faults"
        headers = {"Content-Type": "application/json"}
        run.HTTP.open(urllib.request.Request(url, order, headers), timeout=SECONDS).close()


class Environment:
    """One environment of a function, with the given environment variables."""

    def __init__(self, stand_ins, function, what="usual", version="1", timeout=None, **variables):
        self._function = function
        self._log = stand_ins.folder / f"{function} {what}.log"
        settings = stand_ins.settings
        environment = local.function_environment(settings.sandbox, settings.secrets_manager)
        environment |= {
            "AWS_LAMBDA_FUNCTION_NAME": name_of(function),
            "AWS_LAMBDA_FUNCTION_VERSION": version,
        }
        with self._log.open("wb") as log:
            self._environment = lambda_emulator.Environment(function, environment | variables, timeout, log)
        stand_ins.environments.append(self._environment)

    def request(self):
        """Sends the function's sample event, and returns the status."""
        sample = refresh_events.EVENTS / f"{self._function}-http-api.json"
        return self.invoke(json.loads(sample.read_text()))["statusCode"]

    def invoke(self, event):
        """Invokes the function, waits for the line that ends the invocation, and returns the result."""
        lines = len(self.lines())
        answer = self._environment.invoke(str(uuid.uuid4()), json.dumps(event).encode())
        deadline = time.monotonic() + SECONDS
        while len(self.lines()) == lines:
            assert time.monotonic() < deadline, f"{self._log} lacks a line"
            time.sleep(0.02)
        return json.loads(answer)

    def lines(self):
        """The lines that end an invocation."""
        lines = self._log.read_text(errors="replace").splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [line for line in found if "duration_ms" in line]
