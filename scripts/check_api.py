"""`make check-api`: compares the API description, the pages and the clients with running functions.

Lints openapi.yaml and compares it with the code. Then starts `make run` on free ports, runs schemathesis, drives both
pages in Chromium, and runs the snippets of docs/clients.md. Installs Chromium on Debian and Ubuntu, as root.
"""

import os
import signal
import subprocess
import sys
import time

import local
import run
import tools

OLDEST_PYTHON = (3, 11)
START_SECONDS = 240
STOP_SECONDS = 30
TESTS = local.ROOT / "tests" / "api"
ENVIRONMENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_PROXY": "127.0.0.1"}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("check-api: stopped"))
    try:
        install()
        step(
            "the linter",
            [tools.npm("api") / "node_modules/.bin/redocly", "lint"]
            + ["--extends=recommended-strict", local.ROOT / "openapi.yaml"],
        )
        step("the code", unittest("description"))
        with Bundle() as bundle:
            for name, token in (("with a token", bundle.token()), ("without a token", None)):
                # schemathesis writes to its working directory.
                step(f"schemathesis {name}", schemathesis(bundle, token), directory=local.ROOT / ".run")
            step("the pages and the gateway", unittest("running"), bundle.addresses())
            step("the clients", [tools.BIN / "python", TESTS / "clients.py"], bundle.addresses())
        with Bundle(CACHE="1") as bundle:
            step("the cache", unittest("cached"), bundle.addresses())
    except (tools.ToolsError, run.StartFailed) as problem:
        sys.exit(f"check-api: {problem}")


def install():
    """Installs the tools that `make run` does not."""
    if sys.version_info < OLDEST_PYTHON:
        raise tools.ToolsError(f"schemathesis needs Python 3.11 or newer; python3 is {sys.version.split()[0]}.")
    tools.install("run")
    tools.install("api")


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


def schemathesis(bundle, token):
    command = [tools.BIN / "schemathesis", "--config-file", TESTS / "schemathesis.toml", "run"]
    command += [f"{bundle.settings.sandbox}/openapi.json", "--url", bundle.settings.functions, "--no-color"]
    # Without a token, each operation must refuse.
    return command + (["--header", f"Authorization: Bearer {token}"] if token else ["--warnings", "off"])


class Bundle:
    """`make run` with these variables, on free ports unless they say otherwise."""

    def __init__(self, **variables):
        overridden = ("CALENDLY_PAT", "BIND_ADDRESS", "CACHE")
        inherited = {name: value for name, value in os.environ.items() if name not in overridden}
        self._environment = inherited | run.free_port_variables() | variables
        self.settings = run.Settings(self._environment)

    def __enter__(self):
        command = [sys.executable, "-u", str(local.ROOT / "scripts" / "run.py")]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_SECONDS)

    def _wait(self):
        """Waits until the last function answers."""
        deadline = time.monotonic() + START_SECONDS
        url = list(run.sample_requests(self.settings).values())[-1]
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise run.StartFailed(f"`make run` ended (exit code {self._process.returncode}).")
            try:
                if run.get(url, self.token())[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.5)
        raise run.StartFailed(f"`make run` did not start in {START_SECONDS} s.")

    def token(self):
        return run.fresh_token(self.settings)

    def addresses(self):
        return {"FUNCTIONS_URL": self.settings.functions, "SANDBOX_URL": self.settings.sandbox}


if __name__ == "__main__":
    main()
