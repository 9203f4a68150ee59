"""`make sam-test`: runs the functions of `sam build` in `sam local`.

Starts the sandbox and moto, runs the sample events in events/ that succeed with `sam local invoke`, and sends requests
to `sam local start-api`, in containers (containers.py). Takes about three minutes after the build.
"""

import json
import os
import subprocess
import sys
import time

import local
import refresh_events
import run
import tools
from containers import Containers, ContainersUnavailable, architecture
from processes import ProcessFailed, Processes

INVOKE_SECONDS = 60

# As template.yaml names them.
RESOURCES = {
    "user": "UserFunction",
    "user-event-types": "UserEventTypesFunction",
    "check-availability": "CheckAvailabilityFunction",
    "mcp": "McpFunction",
}
WORK = local.ROOT / ".run" / "sam-test"
# Not .aws-sam/build, which `sam deploy` uses.
BUILT_TEMPLATE = local.ROOT / ".aws-sam" / "local" / "template.yaml"


class TestFailed(Exception):
    """An answer was wrong."""


def main():
    try:
        processor = architecture()
        build(processor)
        refresh_events.refresh()
        WORK.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with Processes(WORK) as processes, Containers(processes) as containers, run.stoppable():
            executables = sorted(BUILT_TEMPLATE.parent.glob("*/bootstrap"))
            containers.make_image(f"public.ecr.aws/lambda/provided:al2023-{processor}", executables)
            # On all addresses, where containers reach them.
            settings = run.Settings({"BIND_ADDRESS": "0.0.0.0"} | run.free_port_variables())
            run.start_stand_ins(settings, processes)
            sam = Sam(containers, settings)
            check_events(sam)
            check_api(sam, settings, processes)
    except (
        TestFailed,
        run.Stopped,
        ContainersUnavailable,
        ProcessFailed,
        run.StartFailed,
        subprocess.SubprocessError,
    ) as problem:
        sys.exit(f"sam-test: {problem}")
    print(f"sam-test: passed in {time.monotonic() - started:.0f} s")


def build(processor):
    """Builds the functions for this machine's architecture, and the sandbox."""
    command = ["make", "--no-print-directory", "build", f"ARCHITECTURE={processor}"]
    subprocess.check_call([*command, f"BUILD_DIR={BUILT_TEMPLATE.parent}"], cwd=local.ROOT)
    subprocess.check_call([*run.BUILD, "--quiet"], cwd=local.ROOT)


class Sam:
    """`sam local`, set up for the containers."""

    def __init__(self, containers, settings):
        machine, variables = f"http://{containers.machine}", WORK / "environment.json"
        configuration = local.configuration(
            f"{machine}:{settings.sandbox_port}", f"{machine}:{settings.secrets_manager_port}"
        )
        variables.write_text(json.dumps({"Parameters": configuration}))
        self.options = ["--template", str(BUILT_TEMPLATE), "--env-vars", str(variables)]
        self.options += ["--skip-pull-image", "--region", local.REGION]
        self.options += ["--parameter-overrides", "McpServer=ENABLED"]
        # Overrides samconfig.toml, which is for Docker.
        (WORK / "samconfig.toml").write_text("version = 0.1\n")
        self.options += ["--config-file", str(WORK / "samconfig.toml")]
        self.environment = (
            os.environ
            | containers.environment
            | {
                "DOCKER_HOST": f"unix://{containers.socket}",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                # Avoids long time-outs without an AWS account.
                "AWS_MAX_ATTEMPTS": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "SAM_CLI_TELEMETRY": "0",
            }
        )

    def invoke(self, function, event):
        """The function's answer to the event in a file."""
        command = [tools.BIN / "sam", "local", "invoke", RESOURCES[function], "--event", str(event)]
        result = subprocess.run(
            [*command, *self.options],
            cwd=WORK,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INVOKE_SECONDS,
            check=False,
        )
        try:
            return json.loads(result.stdout.strip().splitlines()[-1])
        except (IndexError, json.JSONDecodeError) as error:
            raise TestFailed(
                f"sam local invoke with {event.name} (exit code {result.returncode}):\n"
                f"{result.stdout}\n{result.stderr}"
            ) from error

    def start_api(self, port, processes):
        """Starts `sam local start-api`, with containers that are reused between requests."""
        command = [tools.BIN / "sam", "local", "start-api", "--host", "127.0.0.1", "--port", str(port)]
        processes.start(
            "start-api",
            # Lazily: the deployment hook is Python, which has no image here.
            [*command, "--warm-containers", "LAZY", *self.options],
            env=self.environment,
            cwd=WORK,
        )


def check_events(sam):
    """Invokes the functions with the samples that succeed. The end-to-end tests send all of them."""
    expected = json.loads((refresh_events.EVENTS / "expected.json").read_text())
    for name, answer in expected.items():
        if answer.get("status", 200) != 200:
            continue
        got = sam.invoke(answer["function"], refresh_events.EVENTS / name)
        if (got.get("statusCode"), got.get("warm")) != (answer.get("status"), answer.get("warm")) or "unprepared" in got:
            raise TestFailed(f"{name} is answered {got}")
        print(f"sam local invoke  {name}: {got.get('statusCode', 'warm')}", flush=True)


def check_api(sam, settings, processes):
    """A request for each route, over HTTP."""
    sam.start_api(settings.functions_port, processes)
    token = run.fresh_token(settings)
    for function, url in run.sample_requests(settings).items():
        status, _ = run.wait_for(url, "start-api", processes, token)
        print(f"sam local start-api  GET {local.route(function)}: {status}", flush=True)


if __name__ == "__main__":
    main()
