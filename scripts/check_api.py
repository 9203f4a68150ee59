"""`make check-api`: compares the API description, the pages and the clients with running functions.

Lints openapi.yaml and compares it with the code. Then starts `make run` on free ports, runs schemathesis, drives both
pages in Chromium, and runs the snippets of docs/clients.md.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from unittest import mock

import local
import run
import tools
from processes import ProcessFailed, Processes

TESTS = local.ROOT / "tests" / "api"
ENVIRONMENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_PROXY": "127.0.0.1"}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("check-api: stopped"))
    try:
        step(
            "the linter",
            [tools.npm("api") / "node_modules/.bin/redocly", "lint"]
            + ["--extends=recommended-strict", local.ROOT / "openapi.yaml"],
        )
        step("the code", unittest("description"))
        with bundle() as settings:
            for name, token in (("with a token", run.fresh_token(settings)), ("without a token", None)):
                # schemathesis writes to its working directory.
                step(f"schemathesis {name}", schemathesis(settings, token), directory=local.ROOT / ".run")
            step("the pages and the gateway", unittest("running"), addresses(settings))
            step("the clients", [tools.BIN / "python", TESTS / "clients.py"], addresses(settings))
        with bundle(CACHE="1") as settings:
            step("the cache", unittest("cached"), addresses(settings))
    except (run.StartFailed, ProcessFailed) as problem:
        sys.exit(f"check-api: {problem}")


def step(name, command, environment=None, directory=local.ROOT):
    """Runs a step, and exits if it fails."""
    print(f"--- {name}", flush=True)
    started = time.monotonic()
    path = f"{tools.BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | ENVIRONMENT | {"PATH": path} | (environment or {})
    command = list(map(str, command))
    code = subprocess.call(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL)
    if code != 0:
        sys.exit(f"check-api: {name}: failed (exit code {code})")
    print(f"--- {name}: {time.monotonic() - started:.0f} s", flush=True)


def unittest(directory):
    return [tools.BIN / "python", "-m", "unittest", "discover", "--start-directory", TESTS / directory]


def schemathesis(settings, token):
    command = [tools.BIN / "schemathesis", "--config-file", TESTS / "schemathesis.toml", "run"]
    command += [f"{settings.sandbox}/openapi.json", "--url", settings.functions, "--no-color"]
    # Without a token, each operation must refuse.
    return command + (["--header", f"Authorization: Bearer {token}"] if token else ["--warnings", "off"])


@contextlib.contextmanager
def bundle(**variables):
    """`make run` with these variables, on free ports unless they say otherwise. Yields its settings."""
    variables = run.free_port_variables() | {"CACHE": "0", "BIND_ADDRESS": "127.0.0.1", "CALENDLY_PAT": ""} | variables
    with mock.patch.dict(os.environ, variables), Processes(local.ROOT / ".run") as processes:
        settings = run.Settings(os.environ)
        run.start(settings, processes)
        yield settings


def addresses(settings):
    return {"FUNCTIONS_URL": settings.functions, "SANDBOX_URL": settings.sandbox}


if __name__ == "__main__":
    main()
