"""Child processes that are monitored, and stopped together with their own children; and free ports for them."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time

LAST_LINES = 20
STOP_SECONDS = 5


class ProcessFailed(Exception):
    """A child ended when it should not have; the text has its last output."""


class Processes:
    """Running children. Leaving the `with` block stops them, latest first."""

    def __init__(self, logs):
        self._logs = logs
        self._running = []
        logs.mkdir(exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self._running:
            _, process = self._running.pop()
            _stop(process)

    def start(self, name, command, env=None, cwd=None):
        """Starts a service. Its output goes to `<name>.log`."""
        with open(self.log(name), "wb") as log:
            # A separate session, so that Ctrl-C reaches only this program, which then stops its children in order.
            process = subprocess.Popen(
                command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append((name, process))

    def stop(self, name):
        """Stops one service."""
        [(_, process)] = [entry for entry in self._running if entry[0] == name]
        self._running.remove((name, process))
        _stop(process)

    def check(self):
        """Raises `ProcessFailed` if a service has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                raise ProcessFailed(f"{name} ended (exit code {process.returncode}).\n{self.last_lines(name)}")

    def last_lines(self, name):
        """The end of a service's log, with the path of the log."""
        log = self.log(name)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])

    def log(self, name):
        """The path of a log."""
        return self._logs / f"{name}.log"


def free_ports(count):
    """Ports that are free on all addresses.

    They are below the range of outgoing connections, one of which could take a port before its server starts.
    """
    found = []
    for port in random.sample(range(20_000, 30_000), 1_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            found.append(port)
        if len(found) == count:
            break
    return found


def _stop(process):
    """Terminates a child and its process group, and kills processes that do not exit."""
    _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        process.poll()
        if not _signal_group(process, 0):
            return
        time.sleep(0.05)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process, number):
    """Signals a child's process group; returns whether it still has processes."""
    try:
        os.killpg(process.pid, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
