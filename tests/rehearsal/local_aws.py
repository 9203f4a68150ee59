"""Starts the local AWS and the sandbox for the rehearsal."""

import os

import local
import tools
from processes import free_ports
from run import wait_for

FOLDER = local.ROOT / ".run" / "rehearsal"
EMULATOR = local.ROOT / "tests" / "rehearsal" / "emulator.py"
# template.yaml requires an https issuer in tokens. The emulator redirects it to the sandbox.
PUBLIC_URL = "https://sandbox.invalid"
ISSUER = f"{PUBLIC_URL}/issuer"
CANARY_SECONDS = 1.5
RECYCLE_SECONDS = 0.25


class LocalAws:
    """The processes, and the environment variables that point tools and clients to them."""

    def __init__(self, processes):
        self.processes = processes
        sandbox, self.port = free_ports(2)
        self.sandbox = f"http://127.0.0.1:{sandbox}"
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE"))
        } | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": local.REGION,
            "AWS_REGION": local.REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "SAM_CLI_POLL_DELAY": "0.2",
            "SAM_CLI_TELEMETRY": "0",
            "NO_PROXY": "127.0.0.1",
        }

    def start(self):
        listen = self.sandbox.removeprefix("http://")
        self.processes.start(
            "sandbox",
            [local.ROOT / "target" / "debug" / "sandbox", "--listen", listen, "--pat", local.SANDBOX_PAT]
            + ["--public-url", PUBLIC_URL, "--audience", local.AUDIENCE],
        )
        self.processes.start(
            "emulator",
            [tools.BIN / "python", EMULATOR],
            env=self.environment
            | {
                "PYTHONPATH": str(tools.apart("rehearsal")),
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(self.port),
                "IOT_MTLS_PORT": "0",
                "LAMBDA_EXECUTOR": "local",
                "SANDBOX": self.sandbox,
                "SANDBOX_ISSUER": ISSUER,
                "CANARY_SECONDS": str(CANARY_SECONDS),
                "RECYCLE_SECONDS": str(RECYCLE_SECONDS),
            },
            cwd=FOLDER,
        )
        wait_for(f"{self.sandbox}/healthz", "sandbox", self.processes)
        wait_for(f"{self.endpoint}/_ministack/health", "emulator", self.processes)
