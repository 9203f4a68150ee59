"""Child processes that are watched while they run and leave nothing behind when they end."""

import os
import signal
import subprocess
import time
from collections import defaultdict
from pathlib import Path

LAST_LINES = 20
STOP_SECONDS = 5


class ProcessFailed(Exception):
    """A child ended when it should not have; the text has its last output."""


class Processes:
    """The children started so far. Leaving the `with` block stops them all, latest first."""

    def __init__(self, logs):
        self._logs = logs
        self._running = []
        logs.mkdir(exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self._running:
            name, process = self._running.pop()
            _stop(process)

    def start(self, name, command, env=None, cwd=None):
        """Starts a service. Its output goes to `<name>.log`."""
        with open(self._log(name), "wb") as log:
            process = self._spawn(command, env, cwd, stdout=log, stderr=subprocess.STDOUT)
        self._running.append((name, process))

    def run(self, command, env=None, cwd=None, limit=None, **streams):
        """Runs a command to its end with its output on the terminal, or where `streams` lead it.

        Raises `subprocess.CalledProcessError` when it fails, and `subprocess.TimeoutExpired` when it takes more
        than `limit` seconds.
        """
        process = self._spawn(command, env, cwd, **streams)
        self._running.append((command[0], process))
        code = process.wait(limit)
        self._running.remove((command[0], process))
        if code != 0:
            raise subprocess.CalledProcessError(code, command)

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
        """The end of a service's log, with where the whole of it is."""
        log = self._log(name)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])

    def _log(self, name):
        return self._logs / f"{name}.log"

    @staticmethod
    def _spawn(command, env, cwd, **streams):
        # A session of its own: a Ctrl-C in the terminal reaches this program alone, which then
        # stops its children in order.
        return subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True, **streams
        )


def _stop(process):
    """Asks a child and everything below it to end, and kills what does not."""
    # `cargo lambda watch` starts each function in a process group of its own, so the groups are
    # collected while the family tree still shows them.
    groups = _groups_below(process.pid) | {process.pid}
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        process.poll()
        if not any(_signal_group(group, 0) for group in groups):
            return
        time.sleep(0.05)
    for group in groups:
        _signal_group(group, signal.SIGKILL)
    process.wait()


def _signal_group(group, number):
    """Whether the group existed to receive the signal."""
    try:
        os.killpg(group, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False


def _groups_below(ancestor):
    children = defaultdict(list)
    for pid, parent, group in _process_table():
        children[parent].append((pid, group))
    groups, waiting = set(), [ancestor]
    while waiting:
        for pid, group in children[waiting.pop()]:
            groups.add(group)
            waiting.append(pid)
    return groups


def _process_table():
    """(process, parent, process group) of everything that runs here."""
    if not Path("/proc/self/stat").exists():
        command = ["ps", "-A", "-o", "pid=,ppid=,pgid="]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [tuple(map(int, line.split())) for line in listing.splitlines()]
    # Linux, where a small machine may have no `ps`.
    table = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name, in parentheses and with any character in it: state, parent, group.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It ended meanwhile.
        table.append((int(stat.parent.name), int(fields[1]), int(fields[2])))
    return table
