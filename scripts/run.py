"""`make run`: the whole bundle on this machine, until Ctrl-C. `make token`: a token for it.

Starts the sandbox (a stand-in for Calendly and the token issuer), moto (a stand-in for Secrets Manager and DynamoDB),
the functions and a gateway in front of them, waits until each answers, and prints the addresses. docs/local-runs.md
lists the environment variables.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

import local
import pages
import refresh_events
import tools
from processes import ProcessFailed, Processes, free_ports

# Each has a default in local.py.
PORTS = ("FUNCTIONS_PORT", "SANDBOX_PORT", "SECRETS_MANAGER_PORT")
# Of a process, on a busy machine.
START_SECONDS = 60
ANSWER_SECONDS = 30
# One command, so that dependencies are compiled once.
BUILD = ["cargo", "build", *(f"--package={name}" for name in ["sandbox", *local.BINARY_NAMES])]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Ignores proxy settings: all addresses are loopback.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port_variables():
    """Environment variables that choose free ports."""
    return dict(zip(PORTS, map(str, free_ports(len(PORTS)))))


class StartFailed(Exception):
    """The bundle cannot start; the message says why and what to do."""


class Stopped(Exception):
    """Ctrl-C or a signal."""


class Settings:
    """The settings of the environment variables."""

    def __init__(self, environment):
        self.pat = environment.get("CALENDLY_PAT", "").strip()
        cache = environment.get("CACHE", "")
        if cache not in ("", "0", "1"):
            raise StartFailed(f"CACHE is 1 to cache availability, or 0, not {cache!r}.")
        self.has_cache = cache == "1"
        self.address = environment.get("BIND_ADDRESS", "127.0.0.1")
        ports = [self._port(environment, name, getattr(local, name)) for name in PORTS]
        self.functions_port, self.sandbox_port, self.secrets_manager_port = ports
        self.functions, self.sandbox, self.secrets_manager = (f"http://127.0.0.1:{port}" for port in ports)
        # The origins whose pages may call the functions, like CorsAllowOrigins of a deployed stack.
        self.page_origins = [self.sandbox, f"http://localhost:{self.sandbox_port}"]
        if self.address not in ("127.0.0.1", "0.0.0.0"):
            raise StartFailed(f"BIND_ADDRESS is 127.0.0.1 or 0.0.0.0, not {self.address!r}.")
        if self.pat and self.address != "127.0.0.1":
            raise StartFailed(
                "CALENDLY_PAT together with BIND_ADDRESS would let anyone on the network read "
                "the token from the stand-in for Secrets Manager. Unset one of them."
            )

    @staticmethod
    def _port(environment, name, default):
        text = environment.get(name, str(default))
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise StartFailed(f"{name} is a port number from 1 to 65535, not {text!r}.")
        return int(text)


@contextlib.contextmanager
def stoppable():
    """Raises `Stopped` in the block at a signal. A second one must not interrupt what follows the block."""

    def stop(*_):
        raise Stopped("Stopped.")

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def main():
    try:
        settings = Settings(os.environ)
        # Only the stand-in for Secrets Manager may see it.
        os.environ.pop("CALENDLY_PAT", None)
        check_ports(settings)
        with Processes(local.ROOT / ".run") as processes, stoppable():
            start(settings, processes)
            while True:
                processes.check()
                time.sleep(0.5)
    except Stopped:
        say("\nEverything has stopped.")
    except (StartFailed, ProcessFailed) as problem:
        sys.exit(f"make run: {problem}")


def start(settings, processes):
    """Builds and starts everything, and prints how to call it."""
    build()

    say("Starting the stand-ins and the functions")
    directory = local.ROOT / ".run" / f"pages-{settings.sandbox_port}"
    pages.write(directory, settings.functions, settings.sandbox)
    start_stand_ins(settings, processes, directory)
    start_functions(settings, processes)
    token = fresh_token(settings)
    requests = sample_requests(settings)
    for function, url in requests.items():
        # With the real Calendly, an error (no event types, a refused token) is more useful than a failed start.
        status, body = wait_for(url, "functions", processes, token, may_be_error=bool(settings.pat))
        if status != 200:
            say(f"Note: {local.route(function)} answers {status} {body}")
    if refresh_events.refresh():
        say("The time range in events/ had passed; it has been moved ahead.")
    print_how_to_call(settings, requests)


def start_functions(settings, processes):
    """Starts the gateway, which runs the functions."""
    environment = local.function_environment(settings.sandbox, settings.secrets_manager)
    environment["MCP_PUBLIC_URL"] = settings.functions
    if settings.pat:
        del environment["CALENDLY_BASE_URL"]
    if settings.has_cache:
        create_table(settings, local.CACHE_TABLE)
        environment |= local.shared_cache(settings.secrets_manager)
    processes.start(
        "gateway",
        [tools.BIN / "python", local.ROOT / "scripts" / "gateway.py"]
        + [settings.address, str(settings.functions_port), processes.log("functions"), *settings.page_origins],
        env=environment,
    )


def start_stand_ins(settings, processes, directory=None):
    """Starts the sandbox, which also serves the pages in a directory, and moto, and stores the PAT."""
    processes.start(
        "sandbox",
        [local.BINARIES / "sandbox"]
        + ["--listen", f"{settings.address}:{settings.sandbox_port}"]
        + ["--pat", local.SANDBOX_PAT, "--public-url", local.SANDBOX_PUBLIC_URL]
        + ["--audience", local.AUDIENCE]
        + (["--pages", directory] if directory else []),
        cwd=local.ROOT,
    )
    start_moto(settings, processes)
    wait_for(f"{settings.sandbox}/healthz", "sandbox", processes)


def start_moto(settings, processes, name="secrets-manager"):
    """Starts moto, and stores the PAT."""
    processes.start(name, [tools.BIN / "moto_server", "-H", settings.address, "-p", str(settings.secrets_manager_port)])
    wait_for(f"{settings.secrets_manager}/moto-api/", name, processes)
    create_secret(settings, local.PAT_SECRET_ID, settings.pat or local.SANDBOX_PAT)


def check_ports(settings):
    """Fails with instructions if a port is taken."""
    for name, port in zip(PORTS, (settings.functions_port, settings.sandbox_port, settings.secrets_manager_port)):
        with socket.socket() as probe:
            # Like a server's socket: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.address, port))
            except OSError as error:
                raise StartFailed(
                    f"Port {port} of {settings.address} cannot be used ({error.strerror}). Is "
                    f"`make run` running elsewhere? Stop what uses the port, or choose another: "
                    f"{name}={port + 100} make run"
                ) from error


def build():
    """Compiles the sandbox and the functions, with cargo's own progress."""
    say("Compiling the sandbox and the functions (minutes the first time)")
    try:
        subprocess.check_call(BUILD, cwd=local.ROOT)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartFailed(
            "The build failed. It needs Rust (https://rustup.rs; if it is too old: rustup update) and a C compiler, `cc` "
            "(Debian and Ubuntu: apt install build-essential; Fedora: dnf install gcc; macOS: xcode-select --install)."
        ) from error


def aws(settings, service):
    """A client of moto."""
    return boto3.client(
        service,
        endpoint_url=settings.secrets_manager,
        region_name=local.REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        # Ignores proxy settings.
        config=Config(proxies={}),
    )


def create_secret(settings, name, value):
    aws(settings, "secretsmanager").create_secret(Name=name, SecretString=value)


def create_table(settings, name):
    """Creates a table like the template's."""
    aws(settings, "dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )


def fresh_token(settings):
    """An access token of the sandbox's demo user, valid for an hour."""
    form = {"grant_type": "password", "username": "demo", "password": "demo"}
    request = urllib.request.Request(f"{settings.sandbox}/issuer/token", urllib.parse.urlencode(form).encode())
    with HTTP.open(request, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)["access_token"]


def sample_requests(settings):
    """{function: URL of a sample request}."""
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).date()
    week = {"start_time": tomorrow, "end_time": tomorrow + timedelta(days=6)}
    queries = {"check-availability": "?" + urllib.parse.urlencode(week)}
    return {
        function: settings.functions + local.route(function) + queries.get(function, "")
        for function in local.FUNCTIONS
    }


def wait_for(url, log, processes, token=None, may_be_error=False):
    """Waits for an answer of 200, or for an error of a function; returns (status, body)."""
    deadline = time.monotonic() + START_SECONDS
    last = "no answer"
    while time.monotonic() < deadline:
        processes.check()
        try:
            status, body = get(url, token)
            if status == 200 or (may_be_error and '"code"' in body):
                return status, body
            last = f"{status} {body}"
        except OSError as error:
            last = str(error)
        time.sleep(0.1)
    raise StartFailed(f"{url} does not answer 200; its last answer: {last}\n{processes.last_lines(log)}")


def get(url, token=None):
    """(status, body) of a GET. Raises `OSError` when there is no answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(url, headers=headers)
        with HTTP.open(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def print_how_to_call(settings, requests):
    """Prints the addresses, and a `curl` command for each function."""
    calendly = "the real Calendly" if settings.pat else "the sandbox's Calendly"
    port = settings.sandbox_port
    make = "make" if port == local.SANDBOX_PORT else f"SANDBOX_PORT={port} make"
    say(f"\n{settings.sandbox}/docs    the API page: try each route in a browser")
    say(f"{settings.sandbox}/        the booking page")
    say(f"{settings.functions}         the functions, with {calendly}")
    say(f"{settings.functions}{local.MCP_ROUTE}    the MCP server for AI agents, with the same token")
    if settings.has_cache:
        say(f"Availability is cached for {local.CACHE_SECONDS} s and shared through a table.")
    say("")
    say(f"TOKEN=$({make} -s token)   # valid for an hour")
    for url in requests.values():
        say(f"curl -H \"Authorization: Bearer $TOKEN\" \\\n  '{url}'")
    say("\nLogs are in .run/. Ctrl-C stops everything.")


def say(text):
    print(text, flush=True)


def print_token():
    """Prints an access token of the sandbox's demo user."""
    try:
        settings = Settings(os.environ)
        print(fresh_token(settings))
    except StartFailed as problem:
        sys.exit(f"make token: {problem}")
    except OSError as error:
        sys.exit(f"make token: {settings.sandbox} does not answer ({error}). Is `make run` running there?")


if __name__ == "__main__":
    print_token() if sys.argv[1:] == ["token"] else main()
