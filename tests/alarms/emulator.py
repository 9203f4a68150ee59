"""Runs built functions in Lambda's runtime emulator, which the SAM CLI contains."""

import platform
import time
import urllib.error
import urllib.request
from pathlib import Path

import samcli
from processes import free_ports

EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / "aws-lambda-rie-x86_64"
if platform.machine() == "aarch64":
    EMULATOR = EMULATOR.with_name("aws-lambda-rie-arm64")
SECONDS = 30
# Without the developer's proxy settings.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start(processes, name, function, environment, folder):
    """Starts an environment of a built function, and returns the URL that invokes it."""
    port, runtime_port = free_ports(2)
    processes.start(
        name,
        [EMULATOR, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        + ["--runtime-api-address", f"127.0.0.1:{runtime_port}", function],
        env=environment,
        cwd=folder,
    )
    _wait_until_it_listens(port)
    return f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"


def _wait_until_it_listens(port):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            HTTP.open(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
